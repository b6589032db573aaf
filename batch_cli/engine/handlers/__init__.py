"""What answers requests: each handler takes a group of requests and gives one reply for each, in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from batch_cli.engine.handlers.live.backend import LIVE, Backend
from batch_cli.engine.reply import Handler
from batch_cli.errors import StateError
from batch_cli.model import JsonObject

Wrap = Callable[[JsonObject, "Simulate"], Handler]
"""Puts something around the simulated model, by the settings of a batch."""

if TYPE_CHECKING:
    from batch_cli.engine.handlers.live.connection import Connection
    from batch_cli.engine.handlers.live.handler import ModelServer
    from batch_cli.engine.handlers.simulate.handler import Simulate


def is_live(settings: JsonObject) -> bool:
    """Tell whether a batch with these settings is answered by a model server."""
    return bool(settings.get("handler") == LIVE)


class Handlers:
    """Makes the handlers of one worker; those of live batches share their connections and their pace."""

    def __init__(
        self, backend: Backend | None, tell: Callable[[str], None], wrap: Wrap | None = None
    ) -> None:
        """Take the model server there is, who is told when it goes and comes, and what is put around simulations."""
        self._backend, self._tell, self._wrap = backend, tell, wrap
        self._connection: Connection | None = None
        self._server: ModelServer | None = None

    def make(self, settings: JsonObject, unwanted: asyncio.Event) -> Handler:
        """Make what answers the requests of a batch with these settings, until ``unwanted`` is set.

        Raises:
            StateError: they need a model server, and there is none.
        """
        if not is_live(settings):
            from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation  # noqa: PLC0415 - large

            model = Simulate(Simulation.from_settings(settings), asyncio.sleep)
            return model if self._wrap is None else self._wrap(settings, model)
        from batch_cli.engine.handlers.live.handler import Live  # noqa: PLC0415 - with aiohttp

        async def rest(seconds: float) -> bool:
            try:
                async with asyncio.timeout(seconds):
                    await unwanted.wait()
            except TimeoutError:
                return True
            return False

        return Live(self._model_server(), rest)

    def _model_server(self) -> ModelServer:
        from batch_cli.engine.handlers.live.connection import Connection  # noqa: PLC0415 - an extra
        from batch_cli.engine.handlers.live.handler import ModelServer  # noqa: PLC0415 - with aiohttp
        from batch_cli.engine.handlers.live.pace import Pace  # noqa: PLC0415 - with aiohttp

        if self._backend is None:
            raise StateError("a batch waits for a model server", hint="batch-cli serve --backend URL")
        if self._server is None:
            now = asyncio.get_running_loop().time
            pace = Pace(self._backend.url, self._tell, now, random.Random())  # noqa: S311 - jitter, no secret
            self._connection = Connection(self._backend)
            self._server = ModelServer(self._backend, self._connection, pace, now)
        return self._server

    async def close(self) -> None:
        """Close the connections."""
        if self._connection is not None:
            await self._connection.close()
