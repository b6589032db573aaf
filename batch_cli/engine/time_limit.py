"""A limit on the processor time of a computation in the main thread.

The kernel's timer interrupts Python code and the regular expression engine alike; a wall clock asked now
and then could not, because a single call of a regular expression can run for ever.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class TimeIsOver(BaseException):
    """The computation took longer than it may. No `Exception`: what handles errors must not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let the block use so much processor time of this process; outside the main thread without a limit.

    Raises:
        TimeIsOver: it used more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    previous = signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _ring(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TimeIsOver
