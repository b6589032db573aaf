"""The endpoints of models, answered at once by the simulated model, and the list of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.model import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, RESPONSES, JsonObject
from batch_cli.models import MODELS
from batch_cli.serve.bodies import read_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.live_model import LiveModel
from batch_cli.serve.openai import passing
from batch_cli.serve.openai.objects import answer
from batch_cli.serve.openai.streams import STREAMED, stream
from batch_cli.serve.pieces import streamed
from batch_cli.serve.refusal import Refusal

if TYPE_CHECKING:
    from batch_cli.engine.handlers.simulate.handler import Simulate
    from batch_cli.engine.reply import Reply
    from batch_cli.serve.openai.model import Model

LIVE_URLS = (CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, RESPONSES)
_CREATED = 1_735_689_600
"""When all models were made: 2025-01-01."""


def routes(desk: Desk) -> list[Route]:
    """Give the routes; before a model server, those that pass on."""
    if desk.config.backend is not None:
        return passing.routes(desk, desk.config.backend, LIVE_URLS)
    model = LiveModel(desk, partial(_within_rules, desk))
    return [
        *(Route(url, partial(_answer, model, url), methods=["POST"]) for url in LIVE_URLS),
        Route("/v1/models", partial(_list, desk), methods=["GET"]),
        Route("/v1/models/{id:path}", _retrieve, methods=["GET"]),
    ]


def _within_rules(desk: Desk, simulate: Simulate) -> Model:
    from batch_cli.serve.openai.model import Model  # noqa: PLC0415 - 100 ms for the rules

    return Model(simulate, lambda: int(desk.clock.now()))


async def _answer(model: LiveModel, url: str, request: Request) -> Response:
    """Answer one request of ``url``, whole or as a stream."""
    body = await read_json(request)
    streaming = _take_streaming(url, body)
    reply = await model.ask(url, body, counted_as=url)
    if not reply.is_good:
        raise _refusal(reply)
    if streaming is None:
        return answer(reply.body)
    return streamed(stream(url, reply.body, include_usage=streaming.get("include_usage") is True))


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
