"""One request that a fault was chosen for, and what every fault can do with it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batch_cli.clock import Clock
from batch_cli.model import JsonObject
from batch_cli.serve.connection import Connection
from batch_cli.serve.refusal import Refusal

_MOST_KEPT = 32_000_000
"""Bytes of a request that are kept to be delivered later, or twice; what is larger comes once, and at once."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, the routes that would answer it, and the way back."""

    inner: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    connection: Connection
    clock: Clock
    settings: JsonObject
    """Those of the fault."""

    async def answer(self, send: Send | None = None) -> None:
        """Let the routes answer; ``send`` takes the answer in place of the client."""
        await self.inner(self.scope, self.receive, send or self.send)

    async def work_if_asked(self) -> None:
        """Let the routes do their work where the fault comes after it; nobody sees the answer."""
        if self.settings.get("when") == "after":
            await self.work()

    async def work(self) -> None:
        """Let the routes do their work; neither their answer nor their refusal is seen."""
        with contextlib.suppress(Refusal, HTTPException, ClientDisconnect):
            await self.answer(_to_nobody)

    async def wait_until_gone(self, seconds: float) -> None:
        """Wait until the client has closed the connection, for so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (await self.receive())["type"] != "http.disconnect":
                    pass

    async def kept(self) -> bytes | None:
        """Read the whole body of the request, so that it can be delivered at any time.

        None: it is too large, or its length is not announced; it was not read, then. Or the client went away.
        """
        headers = dict(self.scope["headers"])
        announced = headers.get(b"content-length", b"0")
        if b"transfer-encoding" in headers or int(announced) > _MOST_KEPT:
            return None
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                return bytes(body)

    def again(self, body: bytes) -> Exchange:
        """Give the same request with a body that was kept, from a client that never goes away."""
        return replace(self, receive=_replay(body))


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()  # nothing more ever happens
        return {"type": "http.disconnect"}

    return receive


async def _to_nobody(message: Message) -> None:
    del message
