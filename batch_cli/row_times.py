"""How long a model worked at one answer, where the body of the answer says so. Pure functions.

Most services say nothing. Sources (read 2026-11-21): console.groq.com/docs/api-reference (``usage.total_time``,
seconds), llama.cpp tools/server/README.md (``timings``, milliseconds).
"""

from __future__ import annotations

from batch_cli.model import JsonValue, object_of


def seconds_of(body: JsonValue) -> float | None:
    """Give the seconds that an answer took, or None."""
    body = object_of(body)
    total = _number(object_of(body.get("usage")).get("total_time"))
    if total is not None:
        return total
    timings = object_of(body.get("timings"))
    parts = [_number(timings.get(name)) for name in ("prompt_ms", "predicted_ms")]
    known = [part for part in parts if part is not None]
    return sum(known) / 1000 if known else None


def _number(value: JsonValue) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1e15 else None  # noqa: PLR2004 - beyond any time
