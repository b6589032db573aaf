"""Request bodies: read with a cap and a deadline, parsed strictly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from batch_cli.json_faults import MAX_DEPTH, explain
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.refusal import Refusal

MOST_JSON_BYTES = 32_000_000
_LONGEST_SILENCE = 30.0
"""Seconds in which the next piece of a body has to come."""
_QUICK_BYTES = 1 << 16
"""A larger body is parsed in a thread, so that others are served meanwhile."""
_EXPLAINED_BYTES = 1 << 20
"""In a larger body the parser says what is wrong: `explain`, which knows more, takes a second for each megabyte."""


async def read_chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    """Give a body piece by piece, whether its length was announced or not.

    Raises:
        Refusal: it has more than ``most`` bytes (413), or the client stopped sending (408).
        ClientDisconnect: the client went away.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most)
    received = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_LONGEST_SILENCE):
                chunk = await anext(stream, None)
        except TimeoutError:
            message = f"no data came for {_LONGEST_SILENCE:.0f} s"
            raise Refusal(408, message, headers={"connection": "close"}) from None
        if chunk is None:
            return
        received += len(chunk)
        if received > most:
            raise _too_large(most)
        if chunk:
            yield chunk


def _too_large(most: int) -> Refusal:
    message = f"the body is too large: {most:,} bytes are allowed"
    return Refusal(413, message, code="request_too_large", headers={"connection": "close"})


def require_json(request: Request, *, otherwise: str = "") -> None:
    """Let pass what says that it is JSON: a page elsewhere cannot say so without being asked first.

    ``otherwise`` is what counts where nothing is said.

    Raises:
        Refusal: another content type (415).
    """
    kind = request.headers.get("content-type", otherwise).partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "Content-Type must be application/json")


async def read_json(request: Request) -> JsonObject:
    """Read a JSON object.

    Raises:
        Refusal: another content type (415), or not an acceptable JSON object (400).
    """
    require_json(request)
    raw = b"".join([chunk async for chunk in read_chunks(request, MOST_JSON_BYTES)])
    return await parse_object(raw)


async def parse_object(raw: bytes) -> JsonObject:
    """Parse a JSON object strictly: no NaN, no nesting deeper than 128 levels.

    Raises:
        Refusal: it is none.
    """
    if len(raw) <= _QUICK_BYTES:
        return _parse_object(raw)
    return await asyncio.to_thread(_parse_object, raw)


def _parse_object(raw: bytes) -> JsonObject:
    try:
        value = loads(raw)
    except ValueError as error:
        raise _not_json(raw, str(error)) from None
    # A value that deep has as many brackets, so that others need not be walked.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise _not_json(raw, f"nested too deep: more than {MAX_DEPTH} levels")
    if not isinstance(value, dict):
        raise Refusal(400, "We could not parse the JSON body of your request: it must be a JSON object")
    return value


def _is_too_deep(value: JsonValue) -> bool:
    """Look at a value level by level, which costs a small part of what walking its text costs."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            member
            for holder in level
            for member in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(member, dict | list)
        ]
        if not level:
            return False
    return True


def _not_json(raw: bytes, said: str) -> Refusal:
    fault = explain(raw) if len(raw) <= _EXPLAINED_BYTES else None
    reason = said if fault is None else f"column {fault.column}: {fault.message}"
    return Refusal(400, f"We could not parse the JSON body of your request: {reason}")
