"""The process that executes batches: the engine's own worker, held by a pipe.

A process of its own, because the simulated model computes: the server answers meanwhile, and the worker's limit on
the time of one request needs a main thread. The pipe ends at any death of the server, and then the worker stops.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from batch_cli.clock import Clock, SystemClock
from batch_cli.engine.daemon import open_log
from batch_cli.engine.store import Store
from batch_cli.errors import BatchCliError
from batch_cli.events import ignore

_PAUSE = 1.0
_LINGER = 60.0
"""Seconds after which a process without work ends."""


class Executor:
    """Starts the process when there is work, and again when it died."""

    def __init__(self, root: Path, clock: Clock) -> None:
        """Execute the batches of the engine in ``root``."""
        self._root, self._clock = root, clock
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
                words, cwd=self._root, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

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


def main(root: str) -> None:
    """Be the process: work until nothing has been left to do for a while, or standard input ends."""
    from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415 - only here, not in the server
    from batch_cli.serve.openai.model import make_model  # noqa: PLC0415 - as above

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    options = WorkerOptions(linger=_LINGER, leash=0, grace=5.0)
    try:
        Worker(Store(Path(root), SystemClock()), options, ignore, make_model).run()
    except BatchCliError as error:  # the server meets it too
        sys.exit(f"executor: {error.message}")


if __name__ == "__main__":
    main(sys.argv[1])
