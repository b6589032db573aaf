"""How many requests may be on their way to one server: fewer when it has no room, slowly more when it has."""

from __future__ import annotations

import asyncio
from collections import deque

_LEAST = 1.0


class InFlight:
    """Additive increase, multiplicative decrease, as TCP does it: ``+1`` for a limit's worth of answers, ``/2`` once a round.

    Source: RFC 5681, 3.1 (read 2026-11-21).
    """

    def __init__(self, most: int) -> None:
        """Start with as many as the user allows: a server that takes them all is not kept waiting."""
        self._most = most
        self.limit = float(most)
        self.now = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def has_room(self) -> bool:
        """Tell whether one more may be sent."""
        return self.now + 1 <= self.limit or not self.now

    def enter(self) -> None:
        """Count one that is sent now; `has_room` was asked."""
        self.now += 1

    def leave(self) -> None:
        """Count one that came back, however, and let those that wait look again."""
        self.now -= 1
        if self._waiters:
            self._wake()

    def answered(self) -> None:
        """Note an answer: a little more room."""
        if self.limit < self._most:
            self.limit = min(self._most, self.limit + 1 / self.limit)
            self._wake()

    def refused(self) -> None:
        """Note a round of refusals: half the room, of what was used."""
        self.limit = max(_LEAST, min(self.limit, self.now) / 2)

    def room(self) -> asyncio.Future[None]:
        """Give what is done when there may be room; the first that asked is the first to be told."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        free = max(1, int(self.limit)) - self.now
        while free > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
