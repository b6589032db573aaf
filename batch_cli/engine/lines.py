"""Lines in and out of the engine: a stored request becomes a call, a reply becomes a unified result line."""

from __future__ import annotations

from batch_cli.engine.queue import Claim
from batch_cli.engine.reply import Call, Reply
from batch_cli.engine.store import StoredBatch
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject


def parse_call(line: bytes, endpoint: str = "") -> Call:
    """Read a request line of the stored input, which was checked when it was submitted.

    One that does not say where it goes goes to ``endpoint``, its batch's.
    """
    request = loads(line)
    return Call(request["custom_id"], request.get("url", endpoint), request["body"], line)


def result_line(batch_id: str, position: int, call: Call, reply: Reply) -> bytes:
    """Write a unified result line: failures carry their error outside the response, too."""
    name = f"{batch_id}_{position}"
    error: JsonObject | None = None
    if not reply.is_good:
        said = reply.body.get("error")
        said = said if isinstance(said, dict) else {}
        error = {
            "code": str(said.get("code") or reply.status),
            "message": str(said.get("message") or f"HTTP status {reply.status}"),
            "type": str(said.get("type") or "http_error"),
        }
    return dumps(
        {
            "custom_id": call.custom_id,
            "id": f"batch_req_{name}",
            "response": {
                "status_code": reply.status,
                "request_id": f"req_{name}",
                "body": reply.body,
            },
            "error": error,
        }
    )


def position_of(batch: StoredBatch, line: bytes) -> tuple[int, bool] | None:
    """Read which request of a batch a result line answers, and whether well; None where it is no line of ours."""
    try:
        row = loads(line)
        name, _, position = row["id"].rpartition("_")
        if name != f"batch_req_{batch.id}" or not 0 <= int(position) < batch.total:
            return None
        return int(position), row["error"] is None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def abandoned_line(batch: StoredBatch, claim: Claim, call: Call) -> bytes:
    """Write the result line of a request that killed its workers again and again."""
    message = f"{claim.attempt - 1} workers died while they worked at this request"
    return dumps(
        {
            "custom_id": call.custom_id,
            "id": f"batch_req_{batch.id}_{claim.position}",
            "response": None,
            "error": {"code": "abandoned", "message": message, "type": "abandoned"},
        }
    )
