"""Foreign batch objects read leniently: words in any case, times as numbers or dates, counts that may be missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from batch_cli.model import INTENT, Batch, BatchStatus, JsonObject, JsonValue, RequestCounts, object_of

_WORDS = {
    "pending": BatchStatus.QUEUED,
    "submitted": BatchStatus.QUEUED,
    "processing": BatchStatus.IN_PROGRESS,
    "running": BatchStatus.IN_PROGRESS,
    "progress": BatchStatus.IN_PROGRESS,
    "canceling": BatchStatus.CANCELLING,
    "canceled": BatchStatus.CANCELLED,
    "success": BatchStatus.COMPLETED,
    "succeeded": BatchStatus.COMPLETED,
    "timeout_exceeded": BatchStatus.EXPIRED,
    "cancellation_requested": BatchStatus.CANCELLING,
}
_NO_ROOM = frozenset(("token_limit_exceeded",))
"""Codes of batches that failed because too much was queued. Source: openai-python#2084 (read 2026-11-21)."""
_ENDS = ("completed_at", "failed_at", "expired_at", "cancelled_at")


def read_status(word: JsonValue) -> BatchStatus:
    """Give our word for a provider's; one that nobody knows is unknown, which counts as running."""
    text = str(word or "").lower()
    if text in _WORDS:
        return _WORDS[text]
    try:
        return BatchStatus(text)
    except ValueError:
        return BatchStatus.UNKNOWN


def read_moment(value: JsonValue) -> float | None:
    """Give a time in seconds since 1970: from a number, or from a date in RFC 3339."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and value > 0 else None
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None


def read_count(value: JsonValue) -> int | None:
    """Give a count, which may be written as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def is_full(code: str | None) -> bool:
    """Tell whether an error's code means that too much is queued, which changes when other batches have ended."""
    return code in _NO_ROOM


def read_openai_batch(value: JsonObject, provider: str) -> Batch:
    """Read a batch object of OpenAI's wire."""
    status = read_status(value.get("status"))
    counts = object_of(value.get("request_counts"))
    ended = next((time for name in _ENDS if (time := read_moment(value.get(name))) is not None), None)
    metadata = texts_of(value.get("metadata"))
    return Batch(
        id=text_of(value, "id") or "",
        provider=provider,
        status=status,
        raw_status=str(value.get("status"))[:64],
        model=text_of(value, "model"),
        endpoint=text_of(value, "endpoint"),
        created_at=read_moment(value.get("created_at")),
        started_at=read_moment(value.get("in_progress_at")),
        completed_at=ended if status.is_terminal else None,
        expires_at=read_moment(value.get("expires_at")),
        counts=RequestCounts(
            total=read_count(counts.get("total")),
            completed=read_count(counts.get("completed")),
            failed=read_count(counts.get("failed")),
        ),
        metadata=metadata,
        error=_first_error(value),
        no_room=status is BatchStatus.FAILED and any(map(is_full, _error_codes(value))),
        submit=metadata.get(INTENT),
        staged=text_of(value, "input_file_id"),
        raw=value,
    )


def _error_codes(value: JsonObject) -> list[str | None]:
    errors = object_of(value.get("errors")).get("data")
    return [text_of(object_of(item), "code") for item in errors] if isinstance(errors, list) else []


def _first_error(value: JsonObject) -> str | None:
    errors = object_of(value.get("errors")).get("data")
    if not isinstance(errors, list) or not errors:
        return None
    first = object_of(errors[0])
    line = first.get("line")
    place = f"line {line}: " if isinstance(line, int) else ""
    more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    return f"{place}{first.get('message') or first.get('code') or 'no reason given'}{more}"


def text_of(value: Mapping[str, JsonValue], name: str) -> str | None:
    """Give a member that is a text and not empty."""
    found = value.get(name)
    return found if isinstance(found, str) and found else None


def texts_of(value: JsonValue) -> dict[str, str]:
    """Give the pairs of texts of an object."""
    return {name: text for name, text in object_of(value).items() if isinstance(text, str)}
