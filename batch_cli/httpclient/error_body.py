"""What a foreign error body says, in whichever of the field's shapes it says it.

Shapes: ``{"error": {…}}`` (OpenAI, Anthropic, Google), ``{"error": "text"}``, ``{"error", "status"}``,
``{"detail": "text"}``, ``{"detail": [{"msg", "loc"}]}`` (FastAPI), ``{"detail": {"error": {…}}}`` (regolo's
description), ``{"message"}``, and plain text. Source: the services' published descriptions (read 2026-11-21).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue

_SHOWN = 500
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What was said; ``message`` is never empty."""

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None


def read_error(body: bytes, status: int) -> ErrorBody:
    """Read an error body; whatever it is, something is given."""
    try:
        value: JsonValue = loads(body)
    except ValueError:
        return ErrorBody(_plain(body) or f"HTTP status {status} without a reason")
    try:
        found = _read(value)
    except RecursionError:  # errors in errors, as deep as the parser goes
        found = None
    return found or ErrorBody(f"HTTP status {status}: {_shorten(body.decode('utf-8', 'replace'))}")


def _read(value: JsonValue) -> ErrorBody | None:
    if isinstance(value, str) and value.strip():
        return ErrorBody(_shorten(value))
    if isinstance(value, list):
        return _read_list(value)
    if not isinstance(value, dict):
        return None
    for name in ("error", "detail", "errors"):
        inner = value.get(name)
        if inner and (found := _read(inner)) is not None:
            return found
    message = next(
        (value[name] for name in ("message", "msg", "error_message") if _is_text(value.get(name))), None
    )
    if message is None:
        return None
    return ErrorBody(
        _shorten(message),
        _word(value.get("code")) or _word(value.get("status")),
        _word(value.get("type")),
        _word(value.get("param")) or _place(value),
    )


def _read_list(items: list[JsonValue]) -> ErrorBody | None:
    """Join what a list says: FastAPI names every faulty field."""
    found = [said for item in items[:10] if (said := _read(item)) is not None]
    if not found:
        return None
    return ErrorBody(
        _shorten("; ".join(f"{one.param}: {one.message}" if one.param else one.message for one in found))
    )


def _place(value: JsonObject) -> str | None:
    where = value.get("loc")
    return ".".join(str(part) for part in where) if isinstance(where, list) else None


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _word(value: JsonValue) -> str | None:
    """Give a code as a text; LiteLLM writes numbers as texts, and nothing as ``"None"``."""
    if isinstance(value, bool) or value in (None, "", "None"):
        return None
    return str(value)[:64] if isinstance(value, str | int) else None


def _plain(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return _shorten(_TAG.sub(" ", text) if "<" in text else text)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
