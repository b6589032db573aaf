"""The process that executes batches: the engine's own worker, held by a pipe.

The first line of the pipe says which model server there is, and its key: arguments can be read by others. What the
worker has to say comes back by another pipe, for the server's log.

A process of its own, because the simulated model computes: the server answers meanwhile, and the worker's limit on
the time of one request needs a main thread. The pipe ends at any death of the server, and then the worker stops.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from batch_cli.clock import Clock, SystemClock
from batch_cli.engine.daemon import open_log
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.stop_signals import leave_to_others
from batch_cli.engine.store import Store
from batch_cli.errors import BatchCliError
from batch_cli.events import Event, Note
from batch_cli.files import write_all

_PAUSE = 1.0
_LINGER = 60.0
"""Seconds after which a process without work ends."""
_CONCURRENCY = 8
_NO_BACKEND = b"\n"


class Executor:
    """Starts the process when there is work, and again when it died."""

    def __init__(self, root: Path, clock: Clock, backend: Backend | None, log: Callable[[str], None]) -> None:
        """Execute the batches of the engine in ``root``, live ones by asking ``backend``."""
        self._root, self._clock, self._backend, self._log = root, clock, backend, log
        self._next_start = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> None:
        """Start the process unless it runs; one that dies at once is started once a second.

        Raises:
            DiskError: its log cannot be written.
        """
        if self._process is not None and self._process.poll() is None:
            return
        if self._clock.monotonic() < self._next_start:
            return
        self._next_start = self._clock.monotonic() + _PAUSE
        self._let_go()
        words = [sys.executable, "-m", "batch_cli.serve.executor", str(self._root)]
        with open_log(self._root) as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                words, cwd=self._root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._talk(self._process)

    def _talk(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it died at once, and is started again
            process.stdin.write(_NO_BACKEND if self._backend is None else self._backend.encode())
            process.stdin.flush()
        listening = threading.Thread(
            target=_pass_on, args=(process.stdout, self._log), name="executor log", daemon=True
        )
        listening.start()

    def stop(self, grace: float) -> None:
        """Let go of the process and wait until it has given back what it had claimed."""
        self._let_go()
        if self._process is None:
            return
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()


def _pass_on(said: IO[bytes], log: Callable[[str], None]) -> None:
    """Log what the process says, line by line, until it ends."""
    leave_to_others()
    with said:
        for line in said:
            log(line.decode("utf-8", "replace").rstrip("\n"))


def main(root: str) -> None:
    """Be the process: work until nothing has been left to do for a while, or standard input ends."""
    from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415 - only here, not in the server
    from batch_cli.serve.openai.model import held_to_rules  # noqa: PLC0415 - as above

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    with open(
        0, "rb", buffering=0, closefd=False
    ) as pipe:  # not a byte more than the line: the rest is the leash
        line = pipe.readline()
    if not line.endswith(b"\n"):
        return  # the server is gone already
    backend = None if line == _NO_BACKEND else Backend.decode(line)
    live = None if backend is None else LiveSetup.of(backend)
    concurrency = _CONCURRENCY if backend is None else backend.concurrency
    options = WorkerOptions(concurrency, linger=_LINGER, leash=0, grace=5.0, live=live)
    try:
        Worker(Store(Path(root), SystemClock()), options, _say, held_to_rules).run()
    except BatchCliError as error:  # the server meets it too
        sys.exit(f"executor: {error.message}")


def _say(event: Event) -> None:
    """Tell the server, which may be gone, what is worth a line of its log."""
    if isinstance(event, Note) and event.warning:
        with contextlib.suppress(OSError):
            write_all(1, event.text.replace("\n", " ").encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
