"""Connections to a model server: the only module that knows aiohttp.

Nothing is sent but what we say: no cookies, no proxies and no netrc of the environment, no redirects followed, no
compression asked for. The key goes to the address that it was given for and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from batch_cli import __version__
from batch_cli.engine.handlers.live.backend import Backend, is_public
from batch_cli.engine.handlers.live.transport import (
    MOST_BYTES,
    Answer,
    Lost,
    TooSlow,
    TransportError,
    Unreachable,
    Unusable,
)

_CONNECT_SECONDS = 10.0
_KEEP_SECONDS = 4.0
"""How long a connection waits for its next request: less than uvicorn's 5 s, after which it would be cut.

Source: https://www.uvicorn.org/settings/ (read 2026-11-21).
"""
_PIECE = 1 << 16
_MOST_URLS = 64
_JSON, _NOTHING = {"Content-Type": "application/json"}, dict[str, str]()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is still coming."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    pieces: AsyncIterator[bytes]
    """The body as it comes, 64 KB at most each."""


class Connection:
    """A `Transport` over aiohttp; made and closed in one event loop."""

    def __init__(self, backend: Backend) -> None:
        """Connect when something is sent, and not before."""
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"batch-cli/{__version__}",
            **backend.headers,
        }
        if backend.key is not None:
            key = backend.key.reveal()
            headers[backend.key_header] = f"Bearer {key}" if backend.key_header == "authorization" else key
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # who calls bounds how much is on its way
                keepalive_timeout=_KEEP_SECONDS,
                resolver=_Resolver(only_private=not backend.is_encrypted),
            ),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, method: str, url: str, body: bytes | None, seconds: float) -> Answer:
        """Do what `Transport.send` says."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method,
                    self._parsed(url),
                    data=body,
                    headers=_NOTHING if body is None else _JSON,
                    allow_redirects=False,
                ) as response,
            ):
                _refuse_packed(response)
                announced = response.content_length
                if announced is not None and announced > MOST_BYTES:
                    raise Unusable(f"its answer has {announced:,} bytes; {MOST_BYTES:,} are read")
                content = await (response.read() if announced is not None else _bounded(response))
                return Answer(response.status, response.headers, content)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error, seconds) from error

    def _parsed(self, url: str) -> URL:
        """Take an address apart once: there are few, and many requests to each."""
        found = self._urls.get(url)
        if found is None:
            if len(self._urls) >= _MOST_URLS:
                self._urls.clear()
            found = self._urls[url] = URL(url)
        return found

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, body: bytes | None, seconds: float
    ) -> AsyncIterator[Stream]:
        """Send one request and give its answer while it comes; the connection is cut where the block is left early.

        Raises:
            TransportError: there is no answer, or it ended too early; also while the pieces are read.
        """
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method, url, data=body, headers=_NOTHING if body is None else _JSON, allow_redirects=False
                ) as response,
            ):
                _refuse_packed(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                yield Stream(response.status, headers, response.content.iter_chunked(_PIECE))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error, seconds) from error


def _refuse_packed(response: aiohttp.ClientResponse) -> None:
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("", "identity"):
        raise Unusable(f"its answer is packed ({packing[:32]}), which was not asked for")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer that does not say how long it is."""
    content = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        content += piece
        if len(content) > MOST_BYTES:
            raise Unusable(f"its answer has more than {MOST_BYTES:,} bytes")
    return bytes(content)


def _translated(error: Exception, seconds: float) -> TransportError:
    """Say in our words what aiohttp met."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Unreachable(f"no connection within {_CONNECT_SECONDS:.0f} s")
        case aiohttp.ClientSSLError():
            return Unreachable(f"no trusted TLS connection: {_first_line(error)}")
        case aiohttp.ClientConnectorError():
            return Unreachable(_reason(error.os_error))
        case TimeoutError():
            return TooSlow(f"no whole answer within {seconds:g} s")
        case aiohttp.ClientPayloadError():
            return Lost("its answer was cut off")
        case aiohttp.ServerDisconnectedError():
            return Lost("it closed the connection without an answer")
        case aiohttp.ClientResponseError():
            return Lost(f"what came is not HTTP: {_first_line(error)}")
        case _:
            return Lost(f"the connection broke: {_reason(error)}")


def _reason(error: BaseException) -> str:
    """Give the system's word for an error; connections to several addresses fail with one inside another."""
    if isinstance(error, OSError) and error.strerror and not error.strerror.startswith("Connect call failed"):
        return error.strerror[:1].lower() + error.strerror[1:]
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__


class _Resolver(AbstractResolver):
    """Looks names up, and refuses public addresses where requests would go there in the clear."""

    def __init__(self, *, only_private: bool) -> None:
        self._only_private = only_private
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of a name."""
        found = await self._inner.resolve(host, port, family)
        for one in found if self._only_private else ():
            if is_public(ipaddress.ip_address(one["host"].partition("%")[0])):
                raise OSError(None, f"{host} is {one['host']}, on the Internet: that needs https://")
        return found

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
        await self._inner.close()
