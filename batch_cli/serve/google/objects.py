"""The objects of the Gemini wire as JSON, and how its errors are written.

Source: generativelanguage v1beta discovery; operations that others have captured from the live API, 2025-12-10.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from batch_cli.dialects.google_api import CODES, STATUSES
from batch_cli.engine.store import StoredBatch
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, object_of
from batch_cli.serve.records import BatchRecord, FileRecord
from batch_cli.serve.refusal import Refusal

_TYPES = "type.googleapis.com/google.ai.generativelanguage.v1main."
_STATES = {
    "validating": "PENDING",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "expired": "EXPIRED",
}
_ENDS = {"cancelled": ("INTERNAL", "Batch was cancelled"), "expired": ("DEADLINE_EXCEEDED", "Batch expired")}
"""How operations end that were ended; a cancelled one was captured with 13, the reference says 1."""
_UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other"
    " form of API consumer identity to call this API."
)
_WRONG_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}


def answer(value: JsonObject, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(dumps(value), status, media_type="application/json; charset=UTF-8")


def invalid(message: str, field: str | None = None) -> Refusal:
    """Refuse what is wrong in a request, at ``field`` of it."""
    return Refusal(400, message, param=field)


def full() -> Refusal:
    """Refuse what there is no room for."""
    return Refusal(429, "The storage of this server is full: delete files.")


def not_found() -> Refusal:
    """Refuse what is not there, or not this wire's."""
    return Refusal(404, "Requested entity was not found.")


def error_answer(refusal: Refusal) -> Response:
    """Answer with an error.

    What the server's shared parts refuse gets this wire's words: no key is 403 here and a wrong one 400, and a
    body that is too large or of another type is an invalid argument.
    """
    status, message = refusal.status, refusal.message
    details: list[JsonObject] = []
    if refusal.code == "invalid_api_key":
        status, message = 400, "API key not valid. Please pass a valid API key."
        details = [_WRONG_KEY]
    elif status == 401:  # noqa: PLR2004 - HTTP
        status, message = 403, _UNREGISTERED
    elif status in (413, 415):
        status = 400
    if refusal.param is not None:
        violation = {"field": refusal.param, "description": message}
        details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    word = refusal.kind if refusal.kind in CODES else STATUSES.get(status, "UNKNOWN")
    error: JsonObject = {"code": status, "message": message, "status": word}
    response = answer({"error": {**error, "details": details} if details else error}, status)
    kept = {name: value for name, value in refusal.headers.items() if name != "www-authenticate"}
    response.headers.update(kept)
    return response


def host_of(request: Request) -> str:
    """Give this server's address as the client knows it."""
    return f"{request.url.scheme}://{request.headers['host']}"


def moment(seconds: float) -> str:
    """Write a time as ``2026-11-21T05:52:58.123456Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def file_object(file: FileRecord, host: str) -> JsonObject:
    """Give an uploaded file."""
    name = public_name(file)
    details = file.details or {}
    shown = {"displayName": file.filename} if file.filename else {}
    return {
        "name": name,
        **shown,
        "mimeType": details["mimeType"],
        "sizeBytes": str(file.bytes),
        "createTime": moment(file.created_at),
        "updateTime": moment(file.created_at),
        "expirationTime": moment(file.expires_at or file.created_at),
        "sha256Hash": details["sha256Hash"],
        "uri": f"{host}/v1beta/{name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


STORED = "goog-"
"""How the stored names of uploaded files begin: clients of this wire choose the rest, those of others nothing."""


def public_name(file: FileRecord) -> str:
    """Give the name of a file as clients know it."""
    return f"files/{file.id.removeprefix(STORED)}"


def operation(batch: BatchRecord, executed: StoredBatch | None, output: JsonObject | None) -> JsonObject:
    """Give a batch; ``executed`` is how the engine stands with it while it runs, ``output`` what came out."""
    details = batch.details or {}
    kind = "EmbedContent" if details["embeds"] else "GenerateContent"
    metadata: JsonObject = {
        "@type": f"{_TYPES}{kind}Batch",
        "model": f"models/{details['model']}",
        "createTime": moment(batch.created_at),
        "updateTime": moment(_latest(batch)),
        "state": f"BATCH_STATE_{_state(batch)}",
        "name": f"batches/{batch.id}",
        **_optional(batch, executed, output),
    }
    result: JsonObject = {"name": f"batches/{batch.id}", "metadata": metadata}
    if not batch.has_ended:
        return result
    result["done"] = True
    if batch.status == "completed":
        return (
            result
            if output is None
            else {**result, "response": {"@type": f"{_TYPES}{kind}BatchOutput", **output}}
        )
    return {**result, "error": _error(batch)}


def _optional(batch: BatchRecord, executed: StoredBatch | None, output: JsonObject | None) -> JsonObject:
    """Give the members of the metadata that are left out where there is nothing to say."""
    details = batch.details or {}
    members = {
        "displayName": details.get("displayName"),
        "priority": details.get("priority"),
        "inputConfig": details.get("inputConfig"),
        "output": output,
        "endTime": moment(_latest(batch)) if batch.has_ended else None,
        "batchStats": _stats(batch, executed),
    }
    return {name: value for name, value in members.items() if value}


def _stats(batch: BatchRecord, executed: StoredBatch | None) -> JsonObject:
    """Count, as proto-JSON does: numbers as text, zeros left out."""
    total = batch.total or (batch.details or {}).get("requests", 0)
    done = (batch.completed, batch.failed) if executed is None else (executed.completed, executed.failed)
    pending = 0 if batch.has_ended else total - sum(done)
    counts = {
        "requestCount": total,
        "successfulRequestCount": done[0],
        "failedRequestCount": done[1],
        "pendingRequestCount": pending,
    }
    return {name: str(count) for name, count in counts.items() if count > 0}


def _state(batch: BatchRecord) -> str:
    """Give the state; one that is being cancelled stays what it was until it is."""
    if batch.status == "cancelling":
        return "PENDING" if batch.in_progress_at is None else "RUNNING"
    return _STATES[batch.status]


def _latest(batch: BatchRecord) -> float:
    moments = (
        batch.in_progress_at,
        batch.finalizing_at,
        batch.completed_at,
        batch.failed_at,
        batch.expired_at,
        batch.cancelling_at,
        batch.cancelled_at,
    )
    return max([batch.created_at, *(each for each in moments if each is not None)])


def _error(batch: BatchRecord) -> JsonObject:
    if batch.status in _ENDS:
        word, message = _ENDS[batch.status]
        return {"code": CODES[word], "message": message}
    first, *others = batch.errors or [{"message": "the batch failed"}]
    place = f"line {first['line']}: " if first.get("line") else ""
    more = f" (and {len(others)} more)" if others else ""
    word = _WORDS.get(str(first.get("code")), "INVALID_ARGUMENT")
    return {"code": CODES[word], "message": f"{place}{first['message']}{more}"}


_WORDS = {"server_error": "INTERNAL", "file_not_found": "NOT_FOUND"}
"""What the conductor's own reasons are called here."""


def page_of(request: Request, default: int, most: int) -> tuple[int, int | None]:
    """Read ``pageSize`` (a larger one than ``most`` counts as that) and ``pageToken``: how many, behind what number.

    Raises:
        Refusal: one of them is not what it should be.
    """
    asked = request.query_params
    size = asked.get("pageSize") or asked.get("page_size") or "0"
    if not size.isascii() or not size.isdigit():
        raise invalid(f"Invalid value at 'page_size' (TYPE_INT32), \"{size[:32]}\"", "page_size")
    token = asked.get("pageToken") or asked.get("page_token")
    return min(int(size[:9]) or default, most), None if token is None else _number_of(token)


def _number_of(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode("ascii")
        return int(text.removeprefix("after:")[:18])
    except ValueError as error:
        raise invalid("The page token is invalid.", "page_token") from error


def list_answer(name: str, items: list[JsonObject], last: int | None) -> Response:
    """Answer with one page of a list; ``last`` is the number of its last item if there is more behind it."""
    page: JsonObject = {name: items} if items else {}
    if last is not None:
        page["nextPageToken"] = base64.urlsafe_b64encode(f"after:{last}".encode()).decode()
    return answer(page)


def text_at(holder: JsonObject, name: str, place: str) -> str | None:
    """Give a text that may be left out.

    Raises:
        Refusal: it is something else.
    """
    value = holder.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise invalid(
        f"Invalid value at '{place}.{name}' (TYPE_STRING), {dumps(value).decode()[:64]}", f"{place}.{name}"
    )


def object_at(holder: JsonObject, name: str, place: str) -> JsonObject:
    """Give an object that may be left out: an empty one then.

    Raises:
        Refusal: it is something else.
    """
    value = holder.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"Invalid value at '{place}{name}', expected an object", f"{place}{name}")
    return object_of(value)
