"""Faults of the network: connections that end, hang or crawl, bodies that are not as long as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from starlette.types import Message

from batch_cli.serve.scenarios.exchange import Exchange

_CHUNKED = (b"transfer-encoding", b"chunked")


async def reset(exchange: Exchange) -> None:
    """End the connection with RST."""
    await exchange.work_if_asked()
    exchange.connection.reset()


async def close(exchange: Exchange) -> None:
    """End the connection with FIN."""
    await exchange.work_if_asked()
    exchange.connection.close()


async def refuse(exchange: Exchange) -> None:
    """Let nobody in for a while."""
    exchange.connection.door.close(exchange.settings["seconds"])
    exchange.connection.reset()


async def raw(exchange: Exchange) -> None:
    """Send bytes that no HTTP server would send."""
    await exchange.work_if_asked()
    await exchange.connection.write(exchange.settings["text"].encode("latin-1", "replace"))
    exchange.connection.close()


async def hang(exchange: Exchange) -> None:
    """Never answer."""
    await exchange.work_if_asked()
    await exchange.wait_until_gone(exchange.settings["seconds"])
    exchange.connection.close()


async def late(exchange: Exchange) -> None:
    """Do the work when the client has long given up."""
    body = await exchange.kept()
    if body is not None:
        await asyncio.sleep(exchange.settings["seconds"])
        await exchange.again(body).work()
    exchange.connection.close()


async def delay(exchange: Exchange) -> None:
    """Answer late: the wait comes before the work or behind it."""
    if exchange.settings["when"] == "before":
        await asyncio.sleep(exchange.settings["seconds"])
        await exchange.answer()
        return

    async def slowly(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(exchange.settings["seconds"])
        await exchange.send(message)

    await exchange.answer(slowly)


async def drip(exchange: Exchange) -> None:
    """Send the body in small pieces."""
    size, pause = exchange.settings["bytes"], exchange.settings["seconds"]

    async def dripping(message: Message) -> None:
        if message["type"] != "http.response.body":
            await exchange.send(message)
            return
        body = message.get("body", b"")
        for at in range(0, len(body), size):
            await exchange.send({**message, "body": body[at : at + size], "more_body": True})
            await asyncio.sleep(pause)
        await exchange.send({**message, "body": b""})

    await exchange.answer(dripping)


async def truncate(exchange: Exchange) -> None:
    """Send less than was announced, then close."""
    await exchange.answer(_Cut(exchange, None))


async def no_length(exchange: Exchange) -> None:
    """Send less than there is, and let the end of the connection be the end of the body."""
    await exchange.answer(_Cut(exchange, (b"connection", b"close")))


async def chunk_cut(exchange: Exchange) -> None:
    """Send less than a chunk's size says, then close."""
    await exchange.answer(_Cut(exchange, _CHUNKED))


class _Cut:
    """Sends a share of an answer, past uvicorn, which keeps to the rules, and closes the connection.

    Where the whole length is not announced, a share of the first piece is sent.
    """

    def __init__(self, exchange: Exchange, framing: tuple[bytes, bytes] | None) -> None:
        """Take the header that says where the body ends; None: the Content-Length of the answer."""
        self._connection, self._keep = exchange.connection, float(exchange.settings["keep"])
        self._framing = framing
        self._left: int | None = None
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        """Take one message of the answer."""
        if message["type"] == "http.response.start":
            await self._start(message["status"], message["headers"])
        elif not self._is_over:
            await self._piece(message.get("body", b""), is_last=not message.get("more_body", False))

    async def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        for name, value in headers:
            if name == b"content-length":
                self._left = int(int(value) * self._keep)
                if self._framing is not None:
                    continue
            lines.append(name + b": " + value)
        if self._framing is not None:
            lines.append(b": ".join(self._framing))
        await self._connection.write(b"\r\n".join([*lines, b"", b""]))

    async def _piece(self, body: bytes, *, is_last: bool) -> None:
        left = int(len(body) * self._keep) if self._left is None else self._left
        kept = body[:left]
        self._left = left - len(kept)
        self._is_over = is_last or self._left == 0
        if self._framing == _CHUNKED:
            size = len(kept) + self._is_over  # the last chunk is one byte short
            kept = b"%x\r\n%b" % (size, kept) + (b"" if self._is_over else b"\r\n")
        await self._connection.write(kept)
        if self._is_over:
            self._connection.close()


async def long_body(exchange: Exchange) -> None:
    """Send bytes behind the end of the body, on a connection that stays open."""
    extra = exchange.settings["text"].encode("latin-1", "replace")

    async def and_more(message: Message) -> None:
        await exchange.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await exchange.connection.write(extra)

    await exchange.answer(and_more)
