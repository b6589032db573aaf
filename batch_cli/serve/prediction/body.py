"""Request bodies: read with a limit, parsed strictly."""

from __future__ import annotations

from starlette.requests import Request

from batch_cli.json_faults import MAX_DEPTH, explain
from batch_cli.jsonl import exact, loads
from batch_cli.model import JsonValue

MAX_BODY = 8 << 20
"""Bytes of a body. Spice itself takes 128 MiB; parsed, a body takes about ten times its size in memory."""


class BodyTooLarge(Exception):
    """The body has more bytes than are taken; the rest of it was not read."""


class NotJson(Exception):
    """The body is not JSON as everyone reads it: it may hold NaN, or be nested too deep."""

    def __init__(self, message: str, line: int, column: int) -> None:
        """Take what is wrong and where, both counted from 1."""
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Give the whole body.

    Raises:
        BodyTooLarge: it has, or says it has, more than ``max_bytes``.
        ClientDisconnect: the client went away.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:  # more digits change nothing
        raise BodyTooLarge
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise BodyTooLarge
    return bytes(body)


def is_json_type(content_type: str) -> bool:
    """Tell whether a ``Content-Type`` means JSON: ``application/json`` or ``application/…+json``."""
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def parse(raw: bytes) -> JsonValue:
    """Parse a body; integers of any size stay what they are.

    Raises:
        NotJson: it is not JSON, not UTF-8, holds a number that is not finite, or has more than 128 levels.
    """
    try:
        value = loads(raw)
        if not _is_too_deep(raw, value):
            return exact(raw, value)
    except ValueError:
        pass
    fault = explain(raw, last=True)
    if fault is None:
        raise NotJson("not valid JSON", 1, 1)
    before = raw.decode("utf-8", "replace")[: fault.column - 1]
    raise NotJson(fault.message, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _is_too_deep(raw: bytes, value: JsonValue) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        if depth > MAX_DEPTH:
            return True
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return False
