"""When SIGINT and SIGTERM reach a worker: while its event loop works, not while the loop starts or ends.

What a signal's handler raises in those moments is swallowed by the loop, or leaves it waiting for ever; and a
signal that came in the loop's last round would be forgotten. Where batches are worked at one after the other,
one of these moments comes with each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_ROUNDS = 3
"""The loop reads that a signal came, looks up who wants to know, and calls it: a round each."""


def leave_to_others() -> None:
    """Let signals never reach this thread: one that hears them would take them while they are held back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let signals wait until the end of the block; for the main thread, where all others `leave_to_others`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.asynccontextmanager
async def let_through() -> AsyncIterator[None]:
    """Hear signals in the block, inside of `held_back`; those that came are told to the loop when it ends."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)


@contextlib.contextmanager
def told_to(
    loop: asyncio.AbstractEventLoop, stop: Callable[[int | None], None], leash: int | None
) -> Iterator[None]:
    """Let SIGINT, SIGTERM and the end of the ``leash`` call ``stop``; the first signal gives both what they did before.

    The leash is a descriptor that ends when whoever holds the other end lets go, by hand or by a death; then the
    number is None.
    """
    previous: dict[int, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}

    def ask(number: int) -> None:
        restore()
        stop(number)

    def restore() -> None:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        previous.clear()

    def look() -> None:
        assert leash is not None
        if not os.read(leash, 1):
            loop.remove_reader(leash)
            stop(None)

    # A helper ignores Ctrl-C: it reaches the whole process group, and the worker decides.
    for number in (signal.SIGTERM,) if leash is not None else _STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:  # a shell's background jobs ignore Ctrl-C
            previous[number] = signal.getsignal(number)
            loop.add_signal_handler(number, ask, number)
    if leash is not None:
        loop.add_reader(leash, look)
    try:
        yield
    finally:
        restore()
        if leash is not None:
            loop.remove_reader(leash)
