"""Faults that change what goes in or what comes out, in shapes that are otherwise right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.types import Message

from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.scenarios.exchange import Exchange

_MOST_BYTES = 32_000_000
"""A larger answer is not changed."""
_CURSORS = ("after", "after_id", "before_id", "page", "pageToken", "page_token", "pagination_token")
_PAGED = ("operations", "files", "batches")
"""The members that hold the items where ``nextPageToken`` leads on."""


async def edit(exchange: Exchange) -> None:
    """Change members of a JSON answer."""
    given = exchange.settings

    def change(document: JsonValue) -> None:
        for path, value in (given["replace"] or {}).items():
            for holder, key in _places(document, path.split(".")):
                holder[key] = value
        for path, value in (given["set"] or {}).items():
            for holder, key in _places(document, path.split("."), make=True):
                holder[key] = value
        for path in given["remove"] or ():
            for holder, key in list(_places(document, path.split("."))):
                del holder[key]

    await exchange.answer(_Edited(exchange, change))


async def page_loop(exchange: Exchange) -> None:
    """Give the first page, and say that there is more."""
    scope = exchange.scope
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    scope["query_string"] = urlencode([pair for pair in asked if pair[0] not in _CURSORS]).encode()

    def change(document: JsonValue) -> None:
        if isinstance(document, dict) and "has_more" in document:
            document["has_more"] = True
        elif isinstance(document, dict) and any(name in document for name in _PAGED):
            document["nextPageToken"] = "again"

    await exchange.answer(_Edited(exchange, change))


async def ignore_range(exchange: Exchange) -> None:
    """Send all of a file, whatever part was asked for."""
    headers = exchange.scope["headers"]
    exchange.scope["headers"] = [pair for pair in headers if pair[0] != b"range"]
    await exchange.answer()


async def twice(exchange: Exchange) -> None:
    """Deliver the request twice."""
    body = await exchange.kept()
    if body is None:
        await exchange.answer()
        return
    await exchange.again(body).work()
    await exchange.again(body).answer()


class _Edited:
    """Passes an answer on, changed if it is JSON; the answer is held until it is complete."""

    def __init__(self, exchange: Exchange, change: Callable[[JsonValue], None]) -> None:
        self._send, self._change = exchange.send, change
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take one message of the answer."""
        if message["type"] == "http.response.start" and _is_small_json(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._pass_on(self._start)

    async def _pass_on(self, start: Message) -> None:
        document = loads(bytes(self._body))
        self._change(document)
        body = dumps(document)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(body))
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_small_json(start: Message) -> bool:
    headers = MutableHeaders(raw=list(start["headers"]))
    length = headers.get("content-length", "")
    return (
        headers.get("content-type", "").startswith("application/json")
        and length.isdigit()
        and 0 < int(length) <= _MOST_BYTES
    )


def _places(value: JsonValue, path: list[str], *, make: bool = False) -> Iterator[tuple[Any, str | int]]:
    """Give where a path leads, as what holds it and the key there; with ``make`` also where nothing is yet."""
    name, rest = path[0], path[1:]
    keys: list[str | int] = []
    if isinstance(value, dict):
        if make and name not in value and rest:
            made: JsonObject = {}
            value[name] = made
        keys = [name] if name in value or make else []
    elif isinstance(value, list):
        keys = list(range(len(value))) if name == "*" else [int(name)] if name.isdecimal() else []
        keys = [key for key in keys if isinstance(key, int) and key < len(value)]
    for key in keys:
        if rest:
            yield from _places(value[key], rest, make=make)
        else:
            yield value, key
