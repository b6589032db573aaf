"""``/v1/batches``: create, look at, list, cancel. What happens in between is the conductor's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.jsonl import dumps
from batch_cli.model import ENDPOINTS, JsonObject
from batch_cli.serve.bodies import read_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.openai.objects import answer, batch_object, limit_of, metadata_of, page, stay_in
from batch_cli.serve.records import BatchRecord, NewBatch
from batch_cli.serve.refusal import Refusal

_WINDOWS = {"24h": 86_400}
_LONGEST_KEY = 255
_LISTED, _MOST_LISTED = 20, 100


def routes(desk: Desk, wake: Callable[[], None]) -> list[Route]:
    """Give the routes; ``wake`` tells the conductor that there is something to do."""
    return [
        Route("/v1/batches", partial(_create, desk, wake), methods=["POST"]),
        Route("/v1/batches", partial(_list, desk), methods=["GET"]),
        Route("/v1/batches/{id}", partial(_retrieve, desk), methods=["GET"]),
        Route("/v1/batches/{id}/cancel", partial(_cancel, desk, wake), methods=["POST"]),
    ]


async def _create(desk: Desk, wake: Callable[[], None], request: Request) -> Response:
    body = await read_json(request)
    key = request.headers.get("idempotency-key")
    if key is None:
        batch = desk.records.add_batch(_new_batch(desk, body))
    else:
        digest = blake2b(dumps(body, sort_keys=True), digest_size=16).hexdigest()
        found = _made_before(desk, key, digest)
        if found is not None:
            return answer(_object(desk, found))
        batch = desk.records.add_keyed_batch(_new_batch(desk, body), key, digest)
    wake()
    return answer(batch_object(batch, None, desk.config.flavour))


def _made_before(desk: Desk, key: str, digest: str) -> BatchRecord | None:
    """Give the batch that was made for a key. A help of this server's own: OpenAI's looks at no such header.

    Raises:
        Refusal: it is no key (400), or it came with another body (409).
    """
    if not 0 < len(key) <= _LONGEST_KEY:
        raise Refusal(400, f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are allowed.")
    found = desk.records.batch_of_key(key)
    if found is None:
        return None
    if found[0] != digest:
        message = "The Idempotency-Key was used before, with another body."
        raise Refusal(409, message, code="idempotency_key_reused")
    return found[1]


def _new_batch(desk: Desk, body: JsonObject) -> NewBatch:
    """Check what can be judged at once; what the file holds is judged later."""
    for name in ("input_file_id", "endpoint", "completion_window"):
        if name not in body:
            raise Refusal(
                400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
            )
        if not isinstance(body[name], str):
            raise Refusal(
                400, f"Invalid type for '{name}': expected a string.", param=name, code="invalid_type"
            )
    if body["endpoint"] not in ENDPOINTS:
        message = f"Invalid value: '{body['endpoint'][:64]}'. Supported values are: {', '.join(ENDPOINTS)}."
        raise Refusal(400, message, param="endpoint", code="invalid_value")
    if body["completion_window"] not in _WINDOWS:
        message = f"Invalid value: '{body['completion_window'][:64]}'. Supported values are: '24h'."
        raise Refusal(400, message, param="completion_window", code="invalid_value")
    now = desk.clock.now()
    file = desk.records.file(desk.config.flavour.from_client(body["input_file_id"]), now)
    if file is None or file.purpose != "batch":
        what = "No such File object" if file is None else "The purpose of the file must be 'batch'"
        raise Refusal(400, f"{what}: {body['input_file_id'][:64]}", param="input_file_id")
    return NewBatch(
        desk.ids.new("batch_"),
        file.id,
        body["endpoint"],
        body["completion_window"],
        metadata_of(body.get("metadata")),
        stay_in(body.get("output_expires_after"), "output_expires_after"),
        now,
        now + _WINDOWS[body["completion_window"]],
    )


def _find(desk: Desk, batch_id: str) -> BatchRecord:
    batch = desk.records.batch(desk.config.flavour.from_client(batch_id))
    if batch is None:
        raise Refusal(404, f"No batch found with id '{batch_id[:64]}'.", param="id")
    return batch


def _object(desk: Desk, batch: BatchRecord) -> JsonObject:
    executed = None if batch.has_ended else desk.engine.find(batch.engine_key)
    return batch_object(batch, executed, desk.config.flavour)


async def _retrieve(desk: Desk, request: Request) -> Response:
    return answer(_object(desk, _find(desk, request.path_params["id"])))


async def _list(desk: Desk, request: Request) -> Response:
    limit = limit_of(request.query_params.get("limit"), _LISTED, _MOST_LISTED)
    after = request.query_params.get("after")
    found = desk.records.batches(most=limit + 1, after=None if after is None else _find(desk, after).seq)
    items = [_object(desk, batch) for batch in found[:limit]]
    return answer(page(items, has_more=len(found) > limit))


async def _cancel(desk: Desk, wake: Callable[[], None], request: Request) -> Response:
    batch = _find(desk, request.path_params["id"])
    if batch.has_ended:
        message = f"Cannot cancel a batch with status '{batch.status}'."
        raise Refusal(desk.config.flavour.late_cancel, message, code="invalid_status")
    desk.records.cancel(batch.id, desk.clock.now())
    wake()
    return answer(_object(desk, _find(desk, batch.id)))
