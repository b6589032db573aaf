"""A second process for half of the work: a fork of this one, which hands over one value and ends."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from collections.abc import Callable


def has_two_processors() -> bool:
    """Tell whether a fork is safe and cheap here, and gains something."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


class Forked:
    """A forked process that computes one value and hands it over; None when it fails in any way."""

    def __init__(self, compute: Callable[[], object]) -> None:
        """Start it. Call this while no other thread runs: what they do would stop in the middle."""
        self._read_end, write_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._read_end)
            _be_child(compute, write_end)
        os.close(write_end)
        self._stream = os.fdopen(self._read_end, "rb")

    def has_failed(self) -> bool:
        """Tell whether the child has ended without a value."""
        return bool(select.select([self._stream], [], [], 0)[0]) and not self._stream.peek(1)

    def result(self) -> object:
        """Wait for the value; None: there is none."""
        try:
            return pickle.load(self._stream)  # noqa: S301 - written by our own child
        except (EOFError, pickle.UnpicklingError):
            return None

    def stop(self) -> None:
        """End the child, wherever it is; to be called once, also after its value came."""
        self._stream.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _be_child(compute: Callable[[], object], write_end: int) -> None:
    """Compute, hand over, and end without anything of the parent's being cleaned up twice."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        value = compute()
        if value is not None:
            with os.fdopen(write_end, "wb") as stream:
                pickle.dump(value, stream, protocol=5)
            code = 0
    finally:
        os._exit(code)
