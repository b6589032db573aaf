"""``/_emulator/ledger``: what was executed and billed how often; the proof of "never twice, never lost".

An attempt is a claim of a request by the engine's worker; a request is billed when its answer is recorded, which
the engine's fencing lets happen once. A second attempt means that a worker ended between the two: the request was
executed once or twice. One with a single attempt was never executed twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from batch_cli.engine.store import Attempts, StoredBatch
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject
from batch_cli.serve.desk import Desk
from batch_cli.serve.records import BatchRecord
from batch_cli.serve.refusal import Refusal

_PAGE = 200
_NOTHING = Attempts(0, 0, 0)


def routes(desk: Desk) -> list[Route]:
    """Give the routes."""
    return [
        Route("/_emulator/ledger", partial(_summary, desk), methods=["GET"]),
        Route("/_emulator/ledger/{id}", partial(_rows, desk), methods=["GET"]),
    ]


async def _summary(desk: Desk, request: Request) -> Response:
    """Give a line for each batch, the newest first, and the sums over all of them."""
    del request
    batches = [_entry(desk, batch) for batch in _all(desk)]
    sums = {
        name: sum(batch[name] for batch in batches) for name in ("requests", "executed", "attempts", "billed")
    }
    live = dict(desk.metrics.live)
    document = {"object": "ledger", "batches": len(batches), **sums, "live": live, "data": batches}
    return Response(dumps(document), media_type="application/json")


def _all(desk: Desk) -> Iterator[BatchRecord]:
    after = None
    while found := desk.records.all_batches(most=_PAGE, after=after):
        yield from found
        after = found[-1].seq


def _entry(desk: Desk, batch: BatchRecord) -> JsonObject:
    executed = desk.engine.find(batch.engine_key)
    attempts = _NOTHING if executed is None else desk.engine.attempt_totals(executed)
    return {
        "id": batch.id,
        "wire": batch.wire,
        "status": batch.status,
        "input_file_id": batch.input_file_id,
        "metadata": batch.metadata,
        "requests": batch.total,
        "executed": attempts.requests,
        "attempts": attempts.attempts,
        "billed": attempts.finished,
    }


async def _rows(desk: Desk, request: Request) -> Response:
    """Give a JSON line for each request of a batch, in input order: ``{"custom_id", "attempts", "billed"}``."""
    batch = desk.records.batch_of_ledger(request.path_params["id"])
    if batch is None:
        raise Refusal(404, f"No batch found with id '{request.path_params['id'][:64]}'.", param="id")
    executed = desk.engine.find(batch.engine_key)
    if executed is None:
        return Response(b"", media_type="application/jsonl")
    return StreamingResponse(_row_lines(desk, executed), media_type="application/jsonl")


async def _row_lines(desk: Desk, executed: StoredBatch) -> AsyncIterator[bytes]:
    """Give the lines; not in a thread, because the database belongs to the event loop."""
    attempts = desk.engine.attempts(executed)
    with desk.engine.input_path(executed.id).open("rb") as stream:
        for raw in stream:
            made, is_finished = next(attempts, (0, False))
            row = {"custom_id": loads(raw)["custom_id"], "attempts": made, "billed": int(is_finished)}
            yield dumps(row) + b"\n"
