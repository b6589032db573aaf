"""What answers requests: each handler takes a group of requests and gives one reply for each, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation
from batch_cli.engine.reply import Handler
from batch_cli.model import JsonObject

Sleep = Callable[[float], Awaitable[None]]
MakeHandler = Callable[[JsonObject, Sleep], Handler]
"""Makes what answers a batch out of the batch's settings and a way to wait."""


def make_handler(settings: JsonObject, sleep: Sleep) -> Handler:
    """Make what answers the requests of a batch with these settings: so far always the simulated model."""
    return Simulate(Simulation.from_settings(settings), sleep)
