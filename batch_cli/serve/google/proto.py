"""Request bodies of this wire: proto-JSON, in which both spellings of a field mean the same."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request

from batch_cli.dialects.google_api import camel
from batch_cli.model import JsonObject
from batch_cli.serve.bodies import parse_object, read_chunks, require_json
from batch_cli.serve.google.objects import invalid
from batch_cli.serve.refusal import Refusal

MOST_BYTES = 20 << 20
"""Bytes of a request that brings its contents along. Source: https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21)."""


async def read_body(request: Request) -> JsonObject:
    """Read a JSON object, its own keys in camelCase; no body is an empty one.

    Raises:
        Refusal: it is another type, too large, or not acceptable JSON.
    """
    require_json(request, otherwise="application/json")
    try:
        raw = b"".join([chunk async for chunk in read_chunks(request, MOST_BYTES)])
    except Refusal as refusal:
        if refusal.status == 413:  # noqa: PLR2004 - HTTP
            refusal.message = f"Request payload size exceeds the limit: {MOST_BYTES} bytes."
        raise
    return camel(await parse_object(raw)) if raw.strip() else {}


def refuse_unknown(holder: JsonObject, known: Collection[str], place: str) -> None:
    """Refuse fields that a message does not have, as the live API does: a misspelt one would be lost in silence.

    Raises:
        Refusal: there is one.
    """
    for name in holder:
        if name not in known:
            where = f" at '{place}'" if place else ""
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name[:64]}"{where}: Cannot find field.', place
            )
