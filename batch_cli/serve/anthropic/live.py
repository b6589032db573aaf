"""``/v1/messages`` answered at once by the simulated model, the counting of tokens, and the list of models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.model import MESSAGES, JsonObject
from batch_cli.models import MODELS
from batch_cli.serve.anthropic.events import events
from batch_cli.serve.anthropic.objects import answer, cursors_of, limit_of, page, versioned
from batch_cli.serve.bodies import read_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.live_model import LiveModel
from batch_cli.serve.pieces import streamed
from batch_cli.serve.refusal import Refusal

_CREATED = "2025-01-01T00:00:00Z"
"""When all models were made."""
_LINES = ("haiku", "sonnet", "opus")


def routes(desk: Desk) -> list[Route]:
    """Give the routes."""
    return [
        Route(MESSAGES, versioned(partial(_answer, LiveModel(desk))), methods=["POST"]),
        Route(f"{MESSAGES}/count_tokens", versioned(_count_tokens), methods=["POST"]),
        Route("/v1/models", versioned(_list), methods=["GET"]),
        Route("/v1/models/{id:path}", versioned(_retrieve), methods=["GET"]),
    ]


async def _answer(model: LiveModel, request: Request) -> Response:
    """Answer one message, whole or as a stream."""
    body = await _read(request)
    reply = await model.ask(MESSAGES, body, counted_as=MESSAGES)
    if not reply.is_good:
        return answer({**reply.body, "request_id": request.scope["request_id"]}, reply.status)
    return streamed(events(reply.body)) if body.get("stream") is True else answer(reply.body)


async def _read(request: Request, **missing: int) -> JsonObject:
    """Read a body and hold it to the rules; ``missing`` are parameters that this endpoint does not ask for."""
    from batch_cli.serve.anthropic.faults import fault_of  # noqa: PLC0415 - 100 ms; not before the server is ready

    body = await read_json(request)
    fault = fault_of({**missing, **body}, request.headers["anthropic-version"], in_batch=False)
    if fault is not None:
        raise Refusal(400, fault)
    return body


async def _count_tokens(request: Request) -> Response:
    from batch_cli.engine.handlers.simulate.anthropic import input_tokens  # noqa: PLC0415 - with the model

    return answer({"input_tokens": input_tokens(await _read(request, max_tokens=1))})


def _model(name: str) -> JsonObject:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": _CREATED,
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": next((line for line in _LINES if line in name), None),
        "max_input_tokens": None,
        "max_tokens": None,
        "capabilities": None,
    }


async def _list(request: Request) -> Response:
    limit = limit_of(request)
    after, before = cursors_of(request)
    names = [model.name for model in MODELS if model.provider in ("anthropic", "local")]
    if before is not None:
        rest = names[: _place(names, before)]
        shown = rest[-limit:]
    else:
        rest = names if after is None else names[_place(names, after) + 1 :]
        shown = rest[:limit]
    return answer(page([_model(name) for name in shown], has_more=len(rest) > limit))


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise Refusal(400, f"no such model in the list: {name[:64]}")
    return names.index(name)


async def _retrieve(request: Request) -> Response:
    """Answer for any name: requests may name any model, too."""
    return answer(_model(request.path_params["id"][:256]))
