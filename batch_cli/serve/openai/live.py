"""The endpoints of models, answered at once by the simulated model, and the list of models."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.model import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, JsonObject
from batch_cli.models import MODELS
from batch_cli.serve.bodies import read_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.openai import passing
from batch_cli.serve.openai.objects import answer
from batch_cli.serve.refusal import Refusal

if TYPE_CHECKING:
    from batch_cli.engine.handlers.simulate.handler import Simulate

LIVE_URLS = (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES)
_MOST_SECONDS = 1.0
"""Processor time of one request: nobody else is served meanwhile."""
_CREATED = 1_735_689_600
"""When all models were made: 2025-01-01."""


def routes(desk: Desk) -> list[Route]:
    """Give the routes; before a model server, those that pass on."""
    if desk.config.backend is not None:
        return passing.routes(desk, desk.config.backend, LIVE_URLS)
    model = _Model(desk)
    return [
        *(Route(url, partial(model.answer, url), methods=["POST"]) for url in LIVE_URLS),
        Route("/v1/models", _list, methods=["GET"]),
        Route("/v1/models/{id:path}", _retrieve, methods=["GET"]),
    ]


class _Model:
    """The simulated model, made when it is first asked: it takes a moment to import."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._simulate: Simulate | None = None
        self._numbers = count()

    async def answer(self, url: str, request: Request) -> Response:
        """Answer one request of ``url``."""
        from batch_cli.engine.reply import Call  # noqa: PLC0415 - with the model

        body = await read_json(request)
        _refuse_faults(url, body)
        (reply,) = await self._handler()([Call(f"live-{next(self._numbers)}", url, body)])
        self._desk.metrics.live[url] += reply.is_good
        made = int(self._desk.clock.now())
        stamp: JsonObject = {name: made for name in ("created", "created_at") if name in reply.body}
        return answer({**reply.body, **stamp}, reply.status)

    def _handler(self) -> Simulate:
        if self._simulate is None:
            from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation  # noqa: PLC0415

            simulation = Simulation.from_settings(self._desk.config.handler_settings())
            self._simulate = Simulate(simulation, asyncio.sleep, most_seconds=_MOST_SECONDS)
        return self._simulate


def _refuse_faults(url: str, body: JsonObject) -> None:
    """Hold a body to the rules that a line of a request file with this body would be held to."""
    from batch_cli.errors import Severity  # noqa: PLC0415 - with the rules
    from batch_cli.providers.openai import OPENAI  # noqa: PLC0415 - 100 ms; not before the server is ready

    line = {"custom_id": "live", "method": "POST", "url": url, "body": body}
    for found in OPENAI.check(line):
        if found.severity is Severity.ERROR:
            message = "streaming is not supported here" if found.path == "body.stream" else found.message
            raise Refusal(
                400, message.replace("body.", ""), param=found.path.removeprefix("body").strip(".") or None
            )


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "batch-cli"}


async def _list(request: Request) -> Response:
    del request
    names = [model.name for model in MODELS if model.provider in ("openai", "local")]
    return answer({"object": "list", "data": [_model(name) for name in names]})


async def _retrieve(request: Request) -> Response:
    """Answer for any name: requests may name any model, too."""
    return answer(_model(request.path_params["id"][:256]))
