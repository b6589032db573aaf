"""The methods of models, answered at once by the simulated model, and the list of models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.dialects.google_api import camel
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, object_of
from batch_cli.models import MODELS
from batch_cli.serve.google.batches import model_of
from batch_cli.serve.google.objects import answer, invalid, list_answer, page_of
from batch_cli.serve.google.proto import read_body
from batch_cli.serve.live_model import LiveModel
from batch_cli.serve.pieces import cut, streamed
from batch_cli.serve.refusal import Refusal

_MOST_EMBEDDED = 100
"""Requests of one ``batchEmbedContents``. Source: https://ai.google.dev/api/embeddings (read 2026-11-21)."""
_PIECES = 3
"""Into how many parts a streamed answer is cut."""
_LISTED, _MOST_LISTED = 50, 1_000
_METHODS = (
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "batchGenerateContent",
    "asyncBatchEmbedContent",
)


def routes(model: LiveModel, version: str) -> list[Route]:
    """Give the routes of a version of the API."""
    methods: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "generateContent": partial(_answer, model, "generateContent"),
        "embedContent": partial(_answer, model, "embedContent"),
        "streamGenerateContent": partial(_stream, model),
        "batchEmbedContents": partial(_embed_all, model),
        "countTokens": partial(_count_tokens, model),
    }
    return [
        *(
            Route(f"/{version}/models/{{model}}:{name}", call, methods=["POST"])
            for name, call in methods.items()
        ),
        Route(f"/{version}/models", _list, methods=["GET"]),
        Route(f"/{version}/models/{{model}}", _get, methods=["GET"]),
    ]


async def _answer(model: LiveModel, method: str, request: Request) -> Response:
    """Answer one request of ``method``."""
    return answer(await _reply(model, method, model_of(request), await read_body(request)))


async def _stream(model: LiveModel, request: Request) -> Response:
    """Answer in parts: as events with ``alt=sse``, else as the elements of an array."""
    body = await read_body(request)
    parts = list(_parts(await _reply(model, "generateContent", model_of(request), body)))
    if request.query_params.get("alt") == "sse":
        # With the line ends of the live API, where other services send a bare \n.
        return streamed(b"data: %b\r\n\r\n" % dumps(part) for part in parts)
    ends = [b"\n,\r\n"] * (len(parts) - 1) + [b"\n]\n"]
    elements = (
        (b"" if at else b"[") + dumps(part) + end
        for at, (part, end) in enumerate(zip(parts, ends, strict=True))
    )
    return streamed(elements, "application/json; charset=UTF-8")


async def _embed_all(model: LiveModel, request: Request) -> Response:
    """Embed several contents, in order."""
    requests = (await read_body(request)).get("requests")
    if not isinstance(requests, list) or not 1 <= len(requests) <= _MOST_EMBEDDED:
        raise invalid(
            f"* BatchEmbedContentsRequest.requests: from 1 to {_MOST_EMBEDDED} requests are allowed in one batch"
        )
    name = model_of(request)
    embeddings = [
        (await _reply(model, "embedContent", name, object_of(each)))["embedding"] for each in requests
    ]
    return answer({"embeddings": embeddings})


async def _count_tokens(model: LiveModel, request: Request) -> Response:
    """Count what a request would be asked."""
    body = await read_body(request)
    whole = body.get("generateContentRequest")
    asked = camel(whole) if isinstance(whole, dict) else body
    reply = await _reply(model, "generateContent", model_of(request), asked, is_used=False)
    usage = reply["usageMetadata"]
    return answer(
        {"totalTokens": usage["promptTokenCount"], "promptTokensDetails": usage["promptTokensDetails"]}
    )


async def _reply(
    model: LiveModel, method: str, name: str, body: JsonObject, *, is_used: bool = True
) -> JsonObject:
    """Give the answer of the model ``name`` to one request; ``is_used`` counts it.

    Raises:
        Refusal: the request is not right, or the model fails.
    """
    _refuse_faults(method, body)
    url = f"/v1beta/models/{name}:{method}"
    reply = await model.ask(url, body, counted_as=f":{method}" if is_used else None)
    if not reply.is_good:
        raise Refusal(reply.status, str(reply.body["error"]["message"]))
    return reply.body


def _refuse_faults(method: str, body: JsonObject) -> None:
    """Hold a body to the rules that a line of a request file with this body would be held to."""
    from batch_cli.errors import Severity  # noqa: PLC0415 - with the rules
    from batch_cli.serve.google.batch_wire import findings  # noqa: PLC0415 - 100 ms; not before the server is ready

    for found in findings({"key": "live", "request": body}, method):
        if found.severity is Severity.ERROR:
            field = found.path.removeprefix("request").strip(".")
            raise invalid(found.message.replace("request.", ""), field or None)


def _parts(whole: JsonObject) -> Iterator[JsonObject]:
    """Cut an answer: the text of its only candidate comes in pieces, why it ended with the last."""
    candidates = whole["candidates"]
    text = candidates[0]["content"]["parts"][0].get("text")
    if len(candidates) > 1 or not text:
        yield whole
        return
    pieces = list(cut(text, -(-len(text) // _PIECES)))
    for at, piece in enumerate(pieces):
        candidate = {**candidates[0], "content": {"parts": [{"text": piece}], "role": "model"}}
        if at < len(pieces) - 1:
            del candidate["finishReason"]
        yield {**whole, "candidates": [candidate]}


def _model(name: str) -> JsonObject:
    return {
        "name": f"models/{name}",
        "version": "simulated",
        "displayName": name,
        "description": "Answered by the simulated model of batch-cli.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": list(_METHODS),
    }


async def _list(request: Request) -> Response:
    names = [model.name for model in MODELS if model.provider in ("google", "local")]
    size, after = page_of(request, _LISTED, _MOST_LISTED)
    start = 0 if after is None else after
    shown = [_model(name) for name in names[start : start + size]]
    return list_answer("models", shown, start + size if len(names) > start + size else None)


async def _get(request: Request) -> Response:
    """Answer for any name: requests may name any model, too."""
    return answer(_model(model_of(request)))
