"""``/v1/messages/batches``: create, look at, list, cancel, delete, read the results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.model import MESSAGES, JsonObject
from batch_cli.serve.anthropic.incoming import receive
from batch_cli.serve.anthropic.objects import (
    answer,
    batch_object,
    cursors_of,
    is_archived,
    limit_of,
    page,
    versioned,
)
from batch_cli.serve.desk import Desk
from batch_cli.serve.download import download
from batch_cli.serve.records import BatchRecord, FileRecord, NewBatch
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.wires import Wire

_WIRE: Wire = "anthropic"
_PATH = f"{MESSAGES}/batches"
_WINDOW = 86_400
_OUTPUT_STAY = 29 * 86_400
_INPUT_STAY = 2 * _WINDOW
"""Seconds; the engine has a copy of its own long before."""
_POLL_SECONDS = 10
"""How long clients are asked to wait before they look again; seen on a live batch (2026-09-02)."""


def routes(desk: Desk, wake: Callable[[], None]) -> list[Route]:
    """Give the routes; ``wake`` tells the conductor that there is something to do."""
    return [
        Route(_PATH, versioned(partial(_create, desk, wake)), methods=["POST"]),
        Route(_PATH, versioned(partial(_list, desk)), methods=["GET"]),
        Route(f"{_PATH}/{{id}}", versioned(partial(_retrieve, desk)), methods=["GET"]),
        Route(f"{_PATH}/{{id}}", versioned(partial(_delete, desk)), methods=["DELETE"]),
        Route(f"{_PATH}/{{id}}/cancel", versioned(partial(_cancel, desk, wake)), methods=["POST"]),
        Route(f"{_PATH}/{{id}}/results", versioned(partial(_results, desk)), methods=["GET"]),
    ]


async def _create(desk: Desk, wake: Callable[[], None], request: Request) -> Response:
    incoming = await receive(desk, request)
    now = desk.clock.now()
    file = FileRecord(
        0,
        incoming.content_id,
        "batch_requests",
        "requests.jsonl",
        incoming.bytes,
        now,
        now + _INPUT_STAY,
        _WIRE,
    )
    desk.records.add_file(file)
    details: JsonObject = {
        "requests": incoming.requests,
        "version": request.headers["anthropic-version"],
    }
    batch = desk.records.add_batch(
        NewBatch(
            desk.ids.new("msgbatch_"),
            file.id,
            MESSAGES,
            "24h",
            None,
            _OUTPUT_STAY,
            now,
            now + _WINDOW,
            _WIRE,
            details,
        )
    )
    wake()
    return answer(_object(desk, request, batch))


def _find(desk: Desk, request: Request) -> BatchRecord:
    batch_id: str = request.path_params["id"]
    batch = desk.records.batch(batch_id, wire=_WIRE)
    if batch is None:
        raise Refusal(404, f"Message Batch {batch_id[:64]} not found.")
    return batch


def _object(desk: Desk, request: Request, batch: BatchRecord) -> JsonObject:
    return batch_object(batch, desk.clock.now(), str(request.base_url))


async def _retrieve(desk: Desk, request: Request) -> Response:
    batch = _find(desk, request)
    seconds = max(1, round(_POLL_SECONDS / desk.config.speed))
    headers = {} if batch.has_ended else {"retry-after": str(seconds)}
    return answer(_object(desk, request, batch), headers=headers)


async def _list(desk: Desk, request: Request) -> Response:
    limit = limit_of(request)
    after, before = cursors_of(request)
    if before is None:
        start = None if after is None else _place(desk, "after_id", after)
        found = desk.records.batches(most=limit + 1, after=start, wire=_WIRE)
        shown = found[:limit]
    else:
        start = _place(desk, "before_id", before)
        found = desk.records.newer_batches(most=limit + 1, before=start, wire=_WIRE)
        shown = found[:limit][::-1]
    items = [_object(desk, request, batch) for batch in shown]
    return answer(page(items, has_more=len(found) > limit))


def _place(desk: Desk, name: str, batch_id: str) -> int:
    """Give where a page begins; the batch there may have been deleted since the last one."""
    batch = desk.records.batch_of_ledger(batch_id)
    if batch is None or batch.wire != _WIRE:
        raise Refusal(400, f"{name}: Message Batch {batch_id[:64]} not found.")
    return batch.seq


async def _cancel(desk: Desk, wake: Callable[[], None], request: Request) -> Response:
    """Ask for the end of a batch; asked again, or too late, nothing changes, so that it may be repeated."""
    batch = _find(desk, request)
    desk.records.cancel(batch.id, desk.clock.now())
    wake()
    return answer(_object(desk, request, _find(desk, request)))


async def _delete(desk: Desk, request: Request) -> Response:
    batch = _find(desk, request)
    if not desk.records.delete_batch(batch.id, desk.clock.now()):
        raise Refusal(400, "In progress batches cannot be deleted. Consider canceling the batch instead.")
    for file_id in (batch.input_file_id, batch.output_file_id):
        if file_id is not None:
            desk.records.delete_file(file_id)
            desk.contents.delete(file_id)
    return answer({"id": batch.id, "type": "message_batch_deleted"})


async def _results(desk: Desk, request: Request) -> Response:
    batch = _find(desk, request)
    file_id = batch.output_file_id
    if file_id is None or is_archived(batch, desk.clock.now()):
        raise Refusal(404, f"Message Batch {batch.id} has no available results.")
    return download(request, desk.contents.path(file_id), file_id, "application/x-jsonl")
