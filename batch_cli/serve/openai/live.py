"""The endpoints of models, answered at once by the simulated model, and the list of models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from batch_cli.model import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, RESPONSES, JsonObject
from batch_cli.models import MODELS
from batch_cli.serve.bodies import read_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.openai import passing
from batch_cli.serve.openai.objects import answer
from batch_cli.serve.openai.streams import STREAMED, stream
from batch_cli.serve.refusal import Refusal

if TYPE_CHECKING:
    from batch_cli.engine.reply import Reply
    from batch_cli.serve.openai.model import Model

LIVE_URLS = (CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, RESPONSES)
_MOST_SECONDS = 1.0
"""Processor time of one request: nobody else is served meanwhile."""
_CREATED = 1_735_689_600
"""When all models were made: 2025-01-01."""


def routes(desk: Desk) -> list[Route]:
    """Give the routes; before a model server, those that pass on."""
    if desk.config.backend is not None:
        return passing.routes(desk, desk.config.backend, LIVE_URLS)
    live = _Live(desk)
    return [
        *(Route(url, partial(live.answer, url), methods=["POST"]) for url in LIVE_URLS),
        Route("/v1/models", partial(_list, desk), methods=["GET"]),
        Route("/v1/models/{id:path}", _retrieve, methods=["GET"]),
    ]


class _Live:
    """The model, made when it is first asked: it takes a moment to import."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._model: Model | None = None
        self._numbers = count()

    async def answer(self, url: str, request: Request) -> Response:
        """Answer one request of ``url``."""
        from batch_cli.engine.reply import Call  # noqa: PLC0415 - with the model

        body = await read_json(request)
        streaming = _take_streaming(url, body)
        (reply,) = await self._handler()([Call(f"live-{next(self._numbers)}", url, body)])
        self._desk.metrics.live[url] += reply.is_good
        if not reply.is_good:
            raise _refusal(reply)
        if streaming is None:
            return answer(reply.body)
        events = stream(url, reply.body, include_usage=streaming.get("include_usage") is True)
        return StreamingResponse(
            _one_by_one(events), media_type="text/event-stream", headers={"cache-control": "no-cache"}
        )

    def _handler(self) -> Model:
        if self._model is None:
            from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation  # noqa: PLC0415
            from batch_cli.serve.openai.model import Model  # noqa: PLC0415 - 100 ms for the rules

            simulation = Simulation.from_settings(self._desk.config.handler_settings())
            simulate = Simulate(simulation, asyncio.sleep, most_seconds=_MOST_SECONDS)
            self._model = Model(simulate, lambda: int(self._desk.clock.now()))
        return self._model


def _take_streaming(url: str, body: JsonObject) -> JsonObject | None:
    """Take what it says about streaming out of a body: its options, or None for an answer in one piece.

    Raises:
        Refusal: the options are wrong, or stand there alone (400).
    """
    if url not in STREAMED:
        return None
    is_wanted, options = body.pop("stream", None), body.pop("stream_options", None)
    if not (is_wanted is None or isinstance(is_wanted, bool)):
        raise Refusal(400, "Invalid type for 'stream': expected a boolean.", param="stream")
    if options is not None and not (is_wanted and isinstance(options, dict)):
        message = "'stream_options' must be an object, and is only allowed when 'stream' is enabled."
        raise Refusal(400, message, param="stream_options")
    return (options or {}) if is_wanted else None


async def _one_by_one(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _refusal(reply: Reply) -> Refusal:
    """Take an error answer of the model apart, so that it is written as every other error."""
    error = reply.body["error"]
    return Refusal(
        reply.status,
        error["message"],
        kind=error["type"],
        param=error.get("param"),
        code=error.get("code"),
    )


def _object(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "batch-cli"}


async def _list(desk: Desk, request: Request) -> Response:
    del request
    names = [model.name for model in MODELS if model.provider in desk.config.flavour.model_providers]
    return answer({"object": "list", "data": [_object(name) for name in names]})


async def _retrieve(request: Request) -> Response:
    """Answer for any name: requests may name any model, too."""
    return answer(_object(request.path_params["id"][:256]))
