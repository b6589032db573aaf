"""More processes for work that computes: each is a worker of its own, held by a pipe.

A helper stops when its pipe ends, so that it never outlives the worker it helps, however that one dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from batch_cli.clock import SystemClock
from batch_cli.engine.daemon import open_log
from batch_cli.errors import BatchCliError
from batch_cli.events import ignore

_WORTH_IT = 2_000
"""Requests below which starting a process takes longer than it saves."""
_MOST = 3


class Helpers:
    """The helper processes of one worker; none until there is enough to do."""

    def __init__(self, root: Path, only: str | None) -> None:
        """Help with the engine in ``root``, with one batch alone if ``only`` names it."""
        self._root, self._only = root, only
        self._processes: list[subprocess.Popen[bytes]] = []
        self._started = False

    def start(self, backlog: int) -> None:
        """Start a helper for every further processor if there is enough to do; later calls do nothing."""
        if self._started or backlog < _WORTH_IT:
            return
        self._started = True
        words = [sys.executable, "-m", "batch_cli.engine.helpers", str(self._root), self._only or ""]
        with open_log(self._root) as log:
            for _ in range(min(_processors() - 1, _MOST)):
                # The state directory as working directory: -m puts it on the import path, and it is private.
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                    words, cwd=self._root, stdin=subprocess.PIPE, stdout=log, stderr=log
                )
                self._processes.append(process)

    def stop(self, grace: float) -> None:
        """Let go of all helpers and wait until they have given back what they had claimed."""
        for process in self._processes:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        for process in self._processes:
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def main(root: str, only: str) -> None:
    """Be a helper: work until there is nothing left, or until standard input ends."""
    from batch_cli.engine.store import Store  # noqa: PLC0415 - the worker imports this module
    from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the worker decides
    options = WorkerOptions(only=only or None, linger=0.0, leash=0)
    try:
        Worker(Store(Path(root), SystemClock()), options, ignore).run()
    except BatchCliError as error:  # the worker that is helped meets it too, and tells the user
        sys.exit(f"helper {os.getpid()}: {error.message}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
