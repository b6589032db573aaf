"""What goes over real sockets, and every way in which it can fail."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterable
from typing import cast

import pytest

from batch_cli.engine.handlers.live import sender as connection_module
from batch_cli.engine.handlers.live.backend import Backend, read_base_url
from batch_cli.engine.handlers.live.http11 import Http11
from batch_cli.engine.handlers.live.sender import Sender as Connection
from batch_cli.engine.handlers.live.transport import (
    MOST_BYTES,
    Answer,
    Lost,
    TooSlow,
    TransportError,
    Unreachable,
    Unusable,
)
from batch_cli.model import Secret
from tests.faulty import PAUSE, RESET, Asked, FaultyServer, Script, answer


def send(url: str, *, seconds: float = 20, key: str | None = None, times: int = 1) -> Answer:
    async def run() -> Answer:
        opened = Connection(Backend(read_base_url(url), Secret(key) if key else None))
        try:
            for _ in range(times):
                got = await opened.send("POST", f"{read_base_url(url)}/x", b'{"a": 1}', seconds)
            return got
        finally:
            await opened.close()

    return asyncio.run(run())


def always(*parts: object) -> Script:
    return lambda _asked: parts


def test_one_exchange_sends_what_it_should_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with FaultyServer(always(answer({"ok": True}, 201, X_More="1", Set_Cookie="a=b"))) as server:
        got = send(server.url, key="sk-canary", times=2)

    assert (got.status, got.body, got.headers["x-more"]) == (201, b'{"ok": true}', "1")
    asked = server.asked[1]
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/x", b'{"a": 1}')
    assert asked.headers["authorization"] == "Bearer sk-canary"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["content-type"] == "application/json"
    assert "cookie" not in asked.headers


def test_the_transport_of_another_event_loop_is_taken_whatever_its_class() -> None:
    class Foreign:
        written = b""

        def write(self, data: bytes) -> None:
            self.written += data

        def is_closing(self) -> bool:
            return False

    async def run() -> tuple[bytes, bytes]:
        wire, buffer = Foreign(), memoryview(bytearray(100))
        connection = Http11(buffer)
        connection.connection_made(cast("asyncio.Transport", wire))
        got: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", got, 1.0, 1.0)
        said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        buffer[: len(said)] = said
        connection.buffer_updated(len(said))
        return wire.written, (await got).body

    assert asyncio.run(run()) == (b"GET / HTTP/1.1\r\n\r\n", b"{}")


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else() -> None:
    with (
        FaultyServer(always(answer({}))) as other,
        FaultyServer(always(answer("", 307, Location=f"{other.url}/v1/x"))) as server,
    ):
        got = send(server.url, key="sk-canary")

    assert got.status == 307
    assert other.asked == []


def endless(_asked: Asked) -> Iterable[object]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def dripping(_asked: Asked) -> Iterable[object]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield PAUSE
        yield b" "


def slow_headers(_asked: Asked) -> Iterable[object]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(10**6):
        yield PAUSE
        yield f"X-{number}: 1\r\n".encode()


def silent(_asked: Asked) -> Iterable[object]:
    while True:
        yield PAUSE


@pytest.mark.parametrize("script", [dripping, slow_headers, silent])
def test_the_time_of_a_request_is_all_it_gets(script: Script) -> None:
    with FaultyServer(script) as server, pytest.raises(TooSlow, match=r"no whole answer within 0.3 s"):
        send(server.url, seconds=0.3)


def test_each_of_several_requests_has_its_own_time() -> None:
    async def run(url: str) -> list[str]:
        opened = Connection(Backend(read_base_url(url)))

        async def one(seconds: float) -> str:
            with pytest.raises(TooSlow) as caught:
                await opened.send("POST", f"{read_base_url(url)}/x", b"{}", seconds)
            order.append(str(caught.value))
            return str(caught.value)

        order: list[str] = []
        last = asyncio.create_task(opened.send("POST", f"{read_base_url(url)}/x", b"{}", 600))
        await asyncio.gather(*(one(seconds) for seconds in (0.5, 0.2, 0.5, 0.3)))
        assert not last.done()
        last.cancel()
        await asyncio.wait([last])
        await opened.close()
        return order

    with FaultyServer(silent) as server:
        order = asyncio.run(run(server.url))

    assert [words.split()[-2] for words in order] == ["0.2", "0.3", "0.5", "0.5"]


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (always(), Lost, "closed the connection without an answer"),
        (always(RESET), Lost, "connection"),
        (always(b"HTTP/1.1 200 OK\r\nContent-"), Lost, "closed the connection"),
        (always(answer({"a": 1}, length=500)), Lost, "cut off"),
        (always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"), Lost, "cut off"),
        (always(b"SSH-2.0-OpenSSH_9.6\r\n"), Lost, "not HTTP"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}"), Lost, "not HTTP"),
        (always(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"), Lost, "not HTTP"),
        (always(answer({}, length=MOST_BYTES + 1)), Unusable, "32,000,001 bytes"),
        (endless, Unusable, "more than 32,000,000 bytes"),
        (always(answer(gzip.compress(b"{}"), Content_Encoding="gzip")), Unusable, r"packed \(gzip\)"),
    ],
)
def test_every_broken_answer_has_its_name(script: Script, kind: type[TransportError], words: str) -> None:
    with FaultyServer(script) as server, pytest.raises(kind, match=words):
        send(server.url)


def test_a_closed_port_is_not_reached() -> None:
    with FaultyServer(always()) as server:
        pass

    with pytest.raises(Unreachable, match="refused"):
        send(server.url)


def test_an_unknown_name_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_words: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(Unreachable, match="name or service not known"):
        send("http://no-such-host.invalid")


def test_a_name_that_means_a_public_address_gets_nothing_in_the_clear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_words, **_more: found)

    with pytest.raises(Unreachable, match=r"models.example is 93.184.215.14, on the Internet"):
        send("http://models.example")


def test_a_connection_that_cannot_be_made_in_time_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of the listening socket is full, so that no connection is made."""
    monkeypatch.setattr(connection_module, "_CONNECT_SECONDS", 0.2)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = []
        for _ in range(8):
            waiting.append(one := socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        try:
            with pytest.raises(Unreachable, match="no connection within"):
                send(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            for one in waiting:
                one.close()
