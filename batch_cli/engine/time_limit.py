"""A limit on the processor time of a computation in the main thread.

The kernel's timer interrupts Python code and the regular expression engine alike; a wall clock asked now
and then could not, because a single call of a regular expression can run for ever.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class TimeIsOver(BaseException):
    """The computation took longer than it may. No `Exception`: what handles errors must not swallow it."""


class TimeLimit:
    """Lets each block it guards use so much processor time of this process.

    The signal's handler is set once and stays, because setting it costs more than a small computation does.
    Blocks must not nest. In another thread than the main one, which alone hears signals, nothing is limited.
    """

    def __init__(self, seconds: float) -> None:
        """Take the seconds that each block may use."""
        self._seconds = seconds
        self._is_set = False

    def __enter__(self) -> Self:
        """Start the time. The block raises `TimeIsOver` when it is over."""
        if threading.current_thread() is threading.main_thread():
            if not self._is_set:
                signal.signal(signal.SIGVTALRM, _ring)
                self._is_set = True
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the time."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _ring(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TimeIsOver
