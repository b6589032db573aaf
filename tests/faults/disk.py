"""A disk that fails at one chosen operation, for a command that runs in a process of its own made by fork."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import batch_cli.cli.main

OPERATIONS = ("open", "write", "fsync", "replace", "unlink", "mkdir", "ftruncate")
"""Those of our own; what SQLite does is its own affair, and tested by its authors."""


class _Disk:
    """Lets every operation below ``root`` through but the ``nth``, which ends in ``fault``."""

    def __init__(self, root: Path, nth: int, fault: str) -> None:
        self._root, self._nth, self._fault = root, nth, fault
        self.count = 0

    def around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(first: Any, *more: Any, **options: Any) -> Any:
            if not self._is_ours(name, first, more):
                return real(first, *more, **options)
            self.count += 1
            if self.count != self._nth:
                return real(first, *more, **options)
            match self._fault:
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "short" if name == "write":
                    return real(first, bytes(more[0])[: len(more[0]) // 2])
                case "short":
                    return real(first, *more, **options)
            raise OSError(getattr(errno, self._fault), os.strerror(getattr(errno, self._fault)))

        return operation

    def _is_ours(self, name: str, first: Any, more: tuple[Any, ...]) -> bool:
        if name == "open" and not more[0] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            return False
        try:
            place = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else Path(first)
        except OSError:
            return False
        return place.absolute().is_relative_to(self._root)


def run_on_faulty_disk(
    directory: Path, words: tuple[str, ...], nth: int, fault: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int]:
    """Run a command whose ``nth`` operation on ``directory`` fails; give its exit code and the operations it came to.

    A process that was killed has the negative number of the signal, and no count.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of what is done here reaches the tests
        disk = _Disk(directory, nth, fault)
        code = 99
        try:
            for name in OPERATIONS:
                monkeypatch.setattr(os, name, disk.around(name, getattr(os, name)))
            code = batch_cli.cli.main.run(list(words))
        finally:
            monkeypatch.undo()
            os.write(write_end, str(disk.count).encode())
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        count = int(stream.read() or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), count
