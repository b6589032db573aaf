"""The model servers that the requests of a batch may go to, and how each of them fares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from batch_cli.engine.handlers.live.allowance import hold
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.figures import Figures
from batch_cli.engine.handlers.live.in_flight import InFlight
from batch_cli.engine.handlers.live.pace import Pace
from batch_cli.engine.handlers.live.rates import LATE, Place, Rates
from batch_cli.engine.handlers.live.transport import Transport
from batch_cli.events import LiveFigures

Rest = Callable[[float], Awaitable[bool]]
"""Waits so many seconds and tells whether the batch is still wanted."""
WaitFor = Callable[[asyncio.Future[None]], Awaitable[bool]]
"""Waits for something and tells whether the batch is still wanted."""


@dataclass(slots=True)
class ModelServer:
    """One of them; what the requests to it know together."""

    backend: Backend
    transport: Transport
    pace: Pace
    now: Callable[[], float]
    """The steady clock that ``pace`` has, too."""
    flight: InFlight = field(init=False)
    _spacing: float = field(default=0.0, init=False)
    _next: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        """Begin with all the room that there may be."""
        self.flight = InFlight(self.backend.concurrency)

    def answered(self, headers: Mapping[str, str]) -> None:
        """Note an answer to a request, and what it says of the server's limits."""
        self.pace.answered()
        self.flight.answered()
        self._spacing = hold(headers)

    def refused(self, sent_at: float, reason: str, wait: float | None, *, is_away: bool) -> None:
        """Note that there was no room for a request sent at ``sent_at``, or nobody at all."""
        if self.pace.refused(sent_at, reason, wait=wait, is_away=is_away) and not is_away:
            self.flight.refused()

    def turn(self) -> float:
        """Give the seconds until it is the turn of one more request, where the server's own limits are near."""
        if not self._spacing:
            return 0.0
        now = self.now()
        at = max(now, self._next)
        self._next = at + self._spacing
        return at - now


@dataclass(slots=True)
class Fleet:
    """All of them, and what the user allows to be sent to them together."""

    servers: Sequence[ModelServer]
    rates: Rates
    figures: Figures

    def now(self) -> LiveFigures:
        """Give the figures as they are, and for how long none of the servers has been there."""
        away = [seconds for one in self.servers if (seconds := one.pace.away()) is not None]
        found = self.figures.now()
        return replace(found, away=min(away)) if len(away) == len(self.servers) else found

    async def enter(
        self, tokens: float, rest: Rest, wait_for: WaitFor
    ) -> tuple[ModelServer, Place | None] | None:
        """Wait until a request that may take ``tokens`` may go to one of the servers; None: nobody wants it any more.

        The server counts it as on its way, until its ``flight.leave()``.
        """
        while True:
            server = self._chosen()
            pause = server.pace.delay()
            if pause > 0:
                if not await rest(pause):
                    return None
                continue
            if not server.flight.has_room:
                if not await wait_for(server.flight.room()):
                    return None
                continue
            server.flight.enter()
            place = self.rates.reserve(tokens)
            late = 0.0 if place is None else place.at - server.now()
            delay = max(late, server.turn())
            if delay <= 0:
                return server, place
            if not await self._waits(server, place, delay, rest):
                return None
            if server.pace.delay() <= 0 and (place is None or server.now() - place.at < LATE):
                return server, place
            server.flight.leave()
            if place is not None:
                place.took(0)

    async def _waits(self, server: ModelServer, place: Place | None, delay: float, rest: Rest) -> bool:
        """Wait for a place in time; give it back where nobody wants it any more."""
        is_wanted = False
        try:
            is_wanted = await rest(delay)
        finally:
            if not is_wanted:
                server.flight.leave()
                if place is not None:
                    place.took(0)
        return is_wanted

    def _chosen(self) -> ModelServer:
        """Give the server with the least to do for its weight; those that rest come last, the first to wake before others."""
        if len(self.servers) == 1:
            return self.servers[0]
        return min(
            self.servers, key=lambda one: (one.pace.delay(), (one.flight.now + 1) / one.backend.weight)
        )
