"""Request bodies: read with a limit, parsed strictly."""

from __future__ import annotations

import itertools
import json
import re

from starlette.requests import Request

from batch_cli.json_faults import MAX_DEPTH
from batch_cli.jsonl import exact, loads
from batch_cli.model import JsonValue

MAX_BODY = 4 << 20
"""Bytes of a body. Spice itself takes 128 MiB; parsed, a body takes about ten times its size in memory."""

_TOO_DEEP = f"nested too deep: more than {MAX_DEPTH} levels"
# What orjson says of more levels than its own limit, and of many levels that are never closed.
_WORDS = {"depth limit exceeded": _TOO_DEEP, "failed to allocate memory": "unexpected end of data"}
_NOT_FINITE = re.compile(r"-?(?:NaN|Infinity)\b")
# Possessive, so that a text without an end is looked at once.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # no alternatives: gh-106052
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_LEVELS = bytes.maketrans(b"[]{}", b"\x02\x00\x02\x00")


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
    """Parse a body; integers of any size stay what they are. The time is linear in its length.

    (`batch_cli.json_faults.explain` has better words, but its time is not: a server cannot use it.)

    Raises:
        NotJson: it is not JSON, not UTF-8, holds a number that is not finite, or has more than 128 levels.
    """
    try:
        value = loads(raw)
        if not _is_too_deep(raw):
            return exact(raw, value)
    except json.JSONDecodeError as error:
        raise _fault(raw, error) from None
    except ValueError:  # of an integer with thousands of digits; the interpreter's text would echo them
        raise NotJson("number out of range: too many digits", 1, 1) from None
    raise NotJson(_TOO_DEEP, 1, 1)


def _fault(raw: bytes, error: json.JSONDecodeError) -> NotJson:
    """Say what the parser found, and where; it gives no place for what is not UTF-8."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start].decode("utf-8")
        column = len(before) - (before.rfind("\n") + 1) + 1
        return NotJson(f"not valid UTF-8 (byte 0x{raw[wrong.start]:02x})", before.count("\n") + 1, column)
    # orjson stops behind a minus sign.
    if found := _NOT_FINITE.match(text, max(error.pos - 1, 0)) or _NOT_FINITE.match(text, error.pos):
        line_start = text.rfind("\n", 0, found.start()) + 1
        message = f"{found[0]} is not JSON (only finite numbers are)"
        return NotJson(message, error.lineno, found.start() - line_start + 1)
    return NotJson(_WORDS.get(error.msg, error.msg), error.lineno, error.colno)


def _is_too_deep(raw: bytes) -> bool:
    """Count the levels of what is known to be JSON: brackets outside texts."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _TEXT.sub(b"", raw).translate(_LEVELS, _NOT_BRACKETS)
    steps = (byte - 1 for byte in brackets)
    return max(itertools.accumulate(steps), default=0) > MAX_DEPTH
