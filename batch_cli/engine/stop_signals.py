"""When SIGINT and SIGTERM reach a worker: while its event loop works, not while the loop starts or ends.

What a signal's handler raises in those moments is swallowed by the loop, or leaves it waiting for ever; and a
signal that came in the loop's last round would be forgotten. Where batches are worked at one after the other,
one of these moments comes with each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

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
