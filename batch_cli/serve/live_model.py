"""The simulated model as the live endpoints of every wire ask it: one request, one answer at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

from batch_cli.model import JsonObject
from batch_cli.serve.desk import Desk

if TYPE_CHECKING:
    from batch_cli.engine.handlers.simulate.handler import Simulate
    from batch_cli.engine.reply import Call, Reply

Answering = Callable[["Sequence[Call]"], Awaitable["list[Reply]"]]
"""What gives a reply for each call, in order."""
_MOST_SECONDS = 1.0
"""Processor time of one request: nobody else is served meanwhile."""


class LiveModel:
    """The model of one wire, made when it is first asked: its import takes a moment, and the server is to be ready."""

    def __init__(self, desk: Desk, wrap: Callable[[Simulate], Answering] | None = None) -> None:
        """Answer for the server of ``desk``; ``wrap`` puts a wire's own rules around the model."""
        self._desk, self._wrap = desk, wrap
        self._model: Answering | None = None
        self._numbers = count()

    async def ask(self, url: str, body: JsonObject, *, counted_as: str | None) -> Reply:
        """Answer one request; a good answer is counted in the metrics under ``counted_as``, if there is a name.

        An error is a reply, too, in the shape of the wire that ``url`` belongs to.
        """
        from batch_cli.engine.reply import Call  # noqa: PLC0415 - with the model

        (reply,) = await self._made()([Call(f"live-{next(self._numbers)}", url, body)])
        if reply.is_good and counted_as is not None:
            self._desk.metrics.live[counted_as] += 1
        return reply

    def _made(self) -> Answering:
        if self._model is None:
            from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation  # noqa: PLC0415

            simulation = Simulation.from_settings(self._desk.config.simulation_settings())
            simulate = Simulate(simulation, asyncio.sleep, most_seconds=_MOST_SECONDS)
            self._model = simulate if self._wrap is None else self._wrap(simulate)
        return self._model
