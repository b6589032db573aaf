"""What lies below the application: the connection itself, for whoever wants to break it.

uvicorn gives an application no way to reset a connection or to send what is no HTTP; a subclass of its protocol
hands each request the means. Nothing here happens unless a scenario asks for it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

EXTENSION = "batch_cli.connection"
"""The extension of a request's scope that holds its `Connection`."""
_MOST_IDLE = 30.0
"""Seconds; a connection that asks for nothing, or never ends its headers, is closed after at most twice as many."""
_NO_LINGER = struct.pack("ii", 1, 0)


class Door:
    """Whether new connections are taken; one for each server, all on one event loop."""

    def __init__(self) -> None:
        """Take them."""
        self._closed_until = 0.0

    def close(self, seconds: float) -> None:
        """Take none for so many seconds from now."""
        self._closed_until = asyncio.get_running_loop().time() + seconds

    @property
    def is_closed(self) -> bool:
        """Tell whether a new connection is to be reset."""
        return asyncio.get_running_loop().time() < self._closed_until


class Connection:
    """The connection of one request. After any of the ends here, nothing more is sent of its answer."""

    def __init__(self, protocol: H11Protocol, door: Door) -> None:
        """Hold the protocol of a request that has come in."""
        self._protocol = protocol
        self.door = door

    def reset(self) -> None:
        """End it with RST: what was not sent yet is lost."""
        self._protocol.cycle.disconnected = True
        _reset(self._protocol.transport)

    def close(self) -> None:
        """End it with FIN, behind what was sent so far."""
        self._protocol.cycle.disconnected = True
        self._protocol.transport.close()

    async def write(self, data: bytes) -> None:
        """Send bytes as they are, behind what was sent so far."""
        if self._protocol.flow.write_paused:
            await self._protocol.flow.drain()
        self._protocol.transport.write(data)


def _reset(transport: asyncio.Transport) -> None:
    bound = transport.get_extra_info("socket")
    if bound is not None:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def protocol_with(door: Door, *, most_idle: float = _MOST_IDLE) -> type[H11Protocol]:
    """Make the protocol of a server whose door this is.

    uvicorn itself waits for ever for the first request of a connection, and for the end of any headers; enough such
    connections, and nobody else would be answered.
    """

    class _Protocol(H11Protocol):
        """uvicorn's, which tells each request of its connection."""

        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            self.app = self._with_connection(self.app)
            self._asked = self._asked_before = 0
            self._next_look: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
            super().connection_made(transport)
            if door.is_closed:
                _reset(transport)
                return
            self._next_look = self.loop.call_later(most_idle, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._next_look is not None:
                self._next_look.cancel()

        def _look(self) -> None:
            """Close a connection on which nothing was asked since the last look and nothing is being answered."""
            is_answering = self.cycle is not None and not self.cycle.response_complete
            if self._asked == self._asked_before and not is_answering:
                self.transport.close()
                return
            self._asked_before = self._asked
            self._next_look = self.loop.call_later(most_idle, self._look)

        def _with_connection(self, app: ASGIApp) -> ASGIApp:
            async def told(scope: Scope, receive: Receive, send: Send) -> None:
                self._asked += 1
                scope["extensions"] = {EXTENSION: Connection(self, door)}
                await app(scope, receive, send)

            return told

    return _Protocol
