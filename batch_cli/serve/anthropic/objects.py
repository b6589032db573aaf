"""The objects of the Anthropic wire as JSON, and what every request of it brings.

Source: anthropic-sdk-python 2.12.0; a live batch that a public research note quotes (2026-09-02).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject
from batch_cli.serve.records import BatchRecord
from batch_cli.serve.refusal import Refusal

NEWEST = "2026-10-21"
_VERSIONS = ("2023-01-01", "2023-06-01", NEWEST)
"""Source: platform.claude.com, "Versions" (read 2026-11-21)."""
_KINDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Source: anthropic-sdk-python 2.12.0, ``types/shared/error_type.py``; 413, which is not there, by its documentation.

Others from 500 on are ``api_error``.
"""
_STAY = 29 * 86_400.0
"""Seconds from the creation of a batch in which its results can be read.

Source: platform.claude.com, "Batch processing" (read 2026-11-21).
"""
_LISTED, _MOST_LISTED = 20, 1_000
_MOST_DIGITS = 9

Handler = Callable[[Request], Awaitable[Response]]


def answer(value: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(dumps(value), status, headers, media_type="application/json")


def error_answer(scope: Scope, refusal: Refusal) -> Response:
    """Answer with an error."""
    usual = "invalid_request_error" if refusal.status < 500 else "api_error"  # noqa: PLR2004 - HTTP
    kind = _KINDS.get(refusal.status, usual)
    message = refusal.message
    if refusal.status == 401:  # noqa: PLR2004 - HTTP
        is_wrong = refusal.code == "invalid_api_key"
        message = "API key is invalid." if is_wrong else "x-api-key header is required"
    error = {"type": kind, "message": message}
    body = {"type": "error", "error": error, "request_id": scope.get("request_id")}
    return answer(body, refusal.status, refusal.headers)


def versioned(handler: Handler) -> Handler:
    """Let a handler see only requests that name a version of the API.

    Raises:
        Refusal: there is no version, or an unknown one.
    """

    async def checked(request: Request) -> Response:
        version = request.headers.get("anthropic-version")
        if version is None:
            raise Refusal(400, "anthropic-version: header is required")
        if version not in _VERSIONS:
            raise Refusal(400, f'anthropic-version: "{version[:64]}" is not a valid version')
        return await handler(request)

    return checked


def batch_object(batch: BatchRecord, now: float, base_url: str) -> JsonObject:
    """Give a batch; ``base_url`` is how the client addressed the server."""
    ended_at = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.failed_at
    is_readable = batch.output_file_id is not None and not is_archived(batch, now)
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": _status(batch),
        "request_counts": _counts(batch),
        "ended_at": _moment(ended_at),
        "created_at": _moment(batch.created_at),
        "expires_at": _moment(batch.expires_at),
        "archived_at": _moment(batch.created_at + _STAY) if is_archived(batch, now) else None,
        "cancel_initiated_at": _moment(batch.cancelling_at),
        "results_url": f"{base_url.rstrip('/')}/v1/messages/batches/{batch.id}/results"
        if is_readable
        else None,
    }


def is_archived(batch: BatchRecord, now: float) -> bool:
    """Tell whether the time in which results can be read is over."""
    return batch.has_ended and now >= batch.created_at + _STAY


def _status(batch: BatchRecord) -> str:
    if batch.has_ended:
        return "ended"
    return "canceling" if batch.status == "cancelling" else "in_progress"


def _counts(batch: BatchRecord) -> JsonObject:
    """Count all as processing until the whole batch has ended, as the field does."""
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    total = int((batch.details or {})["requests"])
    if not batch.has_ended:
        return {**counts, "processing": total}
    counts["succeeded"] = batch.completed
    counts["errored"] = batch.failed - batch.never_run
    rest = {"cancelled": "canceled", "expired": "expired"}.get(batch.status, "errored")
    counts[rest] += total - batch.completed - counts["errored"]
    return counts


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def page(items: Sequence[JsonObject], *, has_more: bool) -> JsonObject:
    """Give one page of a list."""
    return {
        "data": items,
        "has_more": has_more,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
    }


def limit_of(request: Request) -> int:
    """Read the query parameter ``limit``.

    Raises:
        Refusal: it is no number from 1 to 1000.
    """
    given = request.query_params.get("limit")
    if given is None:
        return _LISTED
    if not given.isascii() or not given.isdigit():
        raise Refusal(400, "limit: Input should be a valid integer")
    if len(given) > _MOST_DIGITS or not 1 <= int(given) <= _MOST_LISTED:
        raise Refusal(400, f"limit: Input should be from 1 to {_MOST_LISTED}")
    return int(given)


def cursors_of(request: Request) -> tuple[str | None, str | None]:
    """Read the query parameters ``after_id`` and ``before_id``.

    Raises:
        Refusal: both are given.
    """
    after, before = request.query_params.get("after_id"), request.query_params.get("before_id")
    if after is not None and before is not None:
        raise Refusal(400, "after_id: cannot be used together with before_id")
    return after, before
