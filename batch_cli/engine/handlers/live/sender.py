"""Sends the requests of live batches: a `Transport` over connections that are kept and used again.

Nothing is sent but what we say: no cookies, no proxies and no netrc of the environment, no redirects followed, no
compression asked for. The key goes to the address that it was given for and nowhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from batch_cli import __version__
from batch_cli.engine.handlers.live.backend import Backend, is_public
from batch_cli.engine.handlers.live.http11 import BUFFER_BYTES, Http11
from batch_cli.engine.handlers.live.transport import Answer, TooSlow, Unreachable

_CONNECT_SECONDS = 10.0
_KEEP_SECONDS = 4.0
"""How long a connection waits for its next request: less than uvicorn's 5 s, after which it would be cut.

Source: https://www.uvicorn.org/settings/ (read 2026-11-21).
"""
_LOOK_SECONDS = 10.0
"""How long the addresses of a name are good."""
_MOST_URLS = 64
_LATE_SECONDS = 0.02
"""How late a request may be given up whose time is over: one timer looks after all of them, not more often than this."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands before the body, for one method and address."""

    with_body: bytes
    """Up to the length of the body."""
    without_body: bytes


class Sender:
    """A `Transport` to one model server; made and closed in one event loop."""

    def __init__(self, backend: Backend) -> None:
        """Connect when something is sent, and not before."""
        parts = urlsplit(backend.url)
        self._host, self._is_encrypted = parts.hostname or "", backend.is_encrypted
        self._port = parts.port or (443 if backend.is_encrypted else 80)
        self._authority = parts.netloc
        self._tls: ssl.SSLContext | None = None
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"batch-cli/{__version__}",
            **backend.headers,
        }
        if backend.key is not None:
            key = backend.key.reveal()
            headers[backend.key_header] = f"Bearer {key}" if backend.key_header == "authorization" else key
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._heads: dict[tuple[str, str], _Head] = {}
        self._looking, self._addresses, self._looked_at = asyncio.Lock(), list[str](), 0.0
        self._free: deque[Http11] = deque()
        self._all: set[Http11] = set()
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")

    async def send(self, method: str, url: str, body: bytes | None, seconds: float) -> Answer:
        """Do what `Transport.send` says."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        end = now + seconds
        connection = self._kept(now) or await self._connected(seconds)
        head = self._head(method, url)
        request = head.without_body if body is None else b"%b%d\r\n\r\n%b" % (head.with_body, len(body), body)
        answer: asyncio.Future[Answer] = loop.create_future()
        connection.ask(request, answer, seconds, end)
        if end < self._alarm_at:
            self._set_alarm(loop, end)
        try:
            return await answer
        finally:
            if connection.is_free:
                connection.last_used = loop.time()
                self._free.append(connection)
            else:  # also where this task was cancelled: its answer must not be taken for the next one
                connection.drop()
                self._all.discard(connection)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = loop.call_at(at, self._give_up_late_ones, loop), at

    def _give_up_late_ones(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the requests whose time is over, and look again when the next one's is."""
        now, self._alarm, self._alarm_at = loop.time(), None, float("inf")
        for connection in self._all:
            if connection.ends_at <= now:
                connection.expire()
        soonest = min((connection.ends_at for connection in self._all), default=float("inf"))
        if soonest < float("inf"):
            self._set_alarm(loop, max(soonest, now + _LATE_SECONDS))

    async def close(self) -> None:
        """Close all connections."""
        if self._alarm is not None:
            self._alarm.cancel()
        for connection in self._all:
            connection.drop()
        self._all.clear()
        self._free.clear()
        await asyncio.sleep(0)  # the event loop says goodbye to them in its next round

    def _kept(self, now: float) -> Http11 | None:
        """Give the connection that was used last, if there is one that is still good."""
        while self._free:
            connection = self._free.pop()
            if connection.is_free and now - connection.last_used < _KEEP_SECONDS:
                return connection
            connection.drop()
            self._all.discard(connection)
        return None

    def _head(self, method: str, url: str) -> _Head:
        found = self._heads.get((method, url))
        if found is None:
            parts = urlsplit(url)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            start = f"{method} {path} HTTP/1.1\r\nHost: {self._authority}\r\n{self._headers}"
            found = _Head(
                f"{start}Content-Type: application/json\r\nContent-Length: ".encode("ascii"),
                f"{start}\r\n".encode("ascii"),
            )
            if len(self._heads) >= _MOST_URLS:
                self._heads.clear()
            self._heads[method, url] = found
        return found

    async def _connected(self, seconds: float) -> Http11:
        """Make a connection to one of the host's addresses."""
        try:
            async with asyncio.timeout(min(seconds, _CONNECT_SECONDS)):
                connection = await self._connect()
        except TimeoutError as error:
            if seconds < _CONNECT_SECONDS:
                raise TooSlow(f"no whole answer within {seconds:g} s") from error
            raise Unreachable(f"no connection within {_CONNECT_SECONDS:.0f} s") from error
        except ssl.SSLError as error:
            raise Unreachable(f"no trusted TLS connection: {_first_line(error)}") from error
        except OSError as error:
            raise Unreachable(_reason(error)) from error
        self._all.add(connection)
        return connection

    async def _found(self) -> list[str]:
        """Give the addresses of the host, looked up once for all the connections that are made together."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if not self._addresses or loop.time() - self._looked_at > _LOOK_SECONDS:
                self._addresses = await loop.run_in_executor(None, _looked_up, self._host, self._port)
                self._looked_at = loop.time()
        return self._addresses

    async def _connect(self) -> Http11:
        loop = asyncio.get_running_loop()
        if self._is_encrypted and self._tls is None:
            self._tls = ssl.create_default_context()
        found = await self._found()
        failure: OSError = OSError(None, f"{self._host} has no address")
        for address in found:
            if not self._is_encrypted and is_public(ipaddress.ip_address(address.partition("%")[0])):
                raise OSError(None, f"{self._host} is {address}, on the Internet: that needs https://")
            try:
                _, connection = await loop.create_connection(
                    lambda: Http11(self._buffer),
                    address,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure


def _looked_up(host: str, port: int) -> list[str]:
    """Give the addresses of a name, in the order to try them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _reason(error: OSError) -> str:
    """Give the system's word for an error."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if error.strerror and not error.strerror.startswith("Connect call failed"):
        return error.strerror[:1].lower() + error.strerror[1:]
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
