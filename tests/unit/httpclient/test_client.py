"""The HTTP client against bare sockets: every request ends, and it is known whether it can have arrived."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from batch_cli.clock import SystemClock
from batch_cli.errors import ConfigError, DiskError, Rejected, Temporary
from batch_cli.httpclient.client import HttpClient, Sent
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.outcome import NotSent, Unknown
from batch_cli.httpclient.proxies import Proxy
from tests.support import Recorder

Serve = Callable[[socket.socket, int], None]
GET = Sent("GET", "/thing", seconds=5)


class Wire:
    """Gives each connection, with its number from 0, to a function; counts them."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                number, self.connections = self.connections, self.connections + 1
                threading.Thread(target=self._one, args=(connection, number), daemon=True).start()

    def _one(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(connection, number)


_OPENED: list[HttpClient] = []


@pytest.fixture(autouse=True)
def _all_are_closed() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


def client(wire: Wire) -> HttpClient:
    origin = Origin.parse(f"http://127.0.0.1:{wire.port}/v1", "TEST")
    _OPENED.append(HttpClient(origin, {"authorization": "Bearer k"}, SystemClock(), Recorder(), pause=0.01))
    return _OPENED[-1]


def request(connection: socket.socket) -> bytes:
    """Read one request without a body, or the head of one that has a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionError("the client went away")
        data += piece
    return data


def answer(body: bytes = b'{"a":1}', *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def once(data: bytes) -> Serve:
    """Answer the one request of each connection with ``data``, and close it."""

    def serve(connection: socket.socket, _number: int) -> None:
        request(connection)
        connection.sendall(data)

    return serve


def kept(*answers: bytes) -> Serve:
    """Answer the requests of a connection one after the other, as long as answers last, and keep it open."""

    def serve(connection: socket.socket, _number: int) -> None:
        for one in answers:
            request(connection)
            connection.sendall(one)
        connection.recv(1)

    return serve


def dripping(data: bytes, pause: float = 0.02) -> Serve:
    def serve(connection: socket.socket, _number: int) -> None:
        request(connection)
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
            time.sleep(pause)

    return serve


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class TestTime:
    """However slowly bytes come, a request ends when its time is over."""

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(answer(b"x" * 10_000), id="body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10_000, id="headers"),
            pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000, id="interim-answers"),
        ],
    )
    def test_a_drip_is_cut_off(self, data: bytes) -> None:
        with Wire(dripping(data)) as wire:
            started = time.monotonic()
            with pytest.raises(Unknown, match="no answer in time"):
                client(wire).once(Sent("POST", "/thing", seconds=0.4))
            assert time.monotonic() - started < 5

    def test_silence_is_cut_off(self) -> None:
        def silent(connection: socket.socket, _number: int) -> None:
            request(connection)
            connection.recv(1)

        with Wire(silent) as wire, pytest.raises(Unknown, match="no answer in time"):
            client(wire).once(Sent("POST", "/thing", seconds=0.3))

    def test_a_server_that_takes_nothing_is_cut_off(self) -> None:
        gone = threading.Event()

        def deaf(connection: socket.socket, _number: int) -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            gone.wait(20)

        body = b"x" * 50_000_000
        with Wire(deaf) as wire, pytest.raises(Unknown, match="no answer in time"):
            client(wire).once(
                Sent("POST", "/thing", body=lambda: iter([body]), length=len(body), seconds=0.5)
            )
        gone.set()


class TestOnce:
    """What costs money is sent once, and every end says whether it can have arrived."""

    def test_a_closed_port_was_never_reached(self) -> None:
        with Wire(once(b"")) as wire:
            pass
        with pytest.raises(NotSent, match="cannot connect"):
            client(wire).once(GET)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="closed"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="half-headers"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", id="half-body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", id="half-chunk"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", id="lengths"
            ),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", id="200-kB-header"),
            pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="no-http"),
            pytest.param(answer(b"x" * 20_000_000), id="20-MB-answer"),
            pytest.param(answer(b"\x1f\x8b", "Content-Encoding: gzip"), id="packed"),
        ],
    )
    def test_a_bad_answer_leaves_it_open_whether_it_was_done(self, data: bytes) -> None:
        with Wire(once(data)) as wire:
            with pytest.raises(Unknown):
                client(wire).once(GET)
            assert wire.connections == 1

    def test_a_reset_leaves_it_open_too(self) -> None:
        def serve(connection: socket.socket, _number: int) -> None:
            request(connection)
            reset(connection)

        with Wire(serve) as wire:
            with pytest.raises(Unknown):
                client(wire).once(GET)
            assert wire.connections == 1

    def test_an_end_of_the_servers_side_behind_a_whole_answer_does_no_harm(self) -> None:
        def serve(connection: socket.socket, _number: int) -> None:
            request(connection)
            connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"a":2}')
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

        with Wire(serve) as wire:
            assert client(wire).once(GET).json() == {"a": 2}

    def test_interim_answers_are_not_the_answer(self) -> None:
        early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        with Wire(once(early + answer())) as wire:
            assert client(wire).once(GET).json() == {"a": 1}

    def test_an_error_that_comes_before_the_body_is_taken_is_read(self) -> None:
        def serve(connection: socket.socket, _number: int) -> None:
            request(connection)
            connection.sendall(answer(b"{}", "Connection: close", status="413 Too Large"))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

        def pieces() -> Iterator[bytes]:
            for _ in range(200):
                yield b"x" * 10_000

        with Wire(serve) as wire:
            sent = Sent("POST", "/files", body=pieces, length=2_000_000, seconds=None)
            assert client(wire).once(sent).status == 413

    def test_it_never_goes_over_a_connection_that_was_used(self) -> None:
        with Wire(kept(answer(), answer())) as wire:
            http = client(wire)
            http.ask(GET)
            http.once(GET)
            http.close()
            assert wire.connections == 2

    def test_a_file_that_cannot_be_read_is_not_the_connections_fault(self) -> None:
        def broken() -> Iterator[bytes]:
            yield b"x"
            raise OSError(5, "Input/output error")

        with Wire(once(answer())) as wire, pytest.raises(DiskError, match="reading"):
            client(wire).once(Sent("POST", "/files", body=broken, length=100))


class TestAsk:
    """What harms nobody twice is sent until there is an answer."""

    def test_a_kept_connection_that_died_is_replaced_at_once(self) -> None:
        again = threading.Event()

        def serve(connection: socket.socket, number: int) -> None:
            request(connection)
            connection.sendall(answer())
            if number == 0:
                request(connection)  # the second one arrives, and dies with its connection
                reset(connection)
                again.set()

        with Wire(serve) as wire:
            http = client(wire)
            http.pause = 60.0  # a try that counted would wait for so long
            http.ask(GET)
            started = time.monotonic()
            assert http.ask(GET).json() == {"a": 1}
            assert again.is_set()
            assert time.monotonic() - started < 20
            assert wire.connections == 2

    def test_a_connection_is_used_again(self) -> None:
        with Wire(kept(answer(b"{}"), answer(b'{"b":2}'))) as wire:
            http = client(wire)
            http.ask(GET)
            assert http.ask(GET).json() == {"b": 2}
            assert wire.connections == 1

    @pytest.mark.parametrize(
        "first",
        [
            pytest.param(answer() + answer(b'{"planted":1}'), id="length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
                + answer(b'{"planted":1}'),
                id="chunks",
            ),
        ],
    )
    def test_bytes_behind_an_answer_are_not_the_next_answer(self, first: bytes) -> None:
        def serve(connection: socket.socket, number: int) -> None:
            request(connection)
            connection.sendall(first if number == 0 else answer(b'{"true":1}'))
            connection.recv(1)

        with Wire(serve) as wire:
            http = client(wire)
            http.ask(GET)
            assert http.ask(GET).json() == {"true": 1}

    def test_it_gives_up_after_five_tries(self) -> None:
        with Wire(once(b"")) as wire:
            with pytest.raises(Temporary, match=r"no good answer from 127\.0\.0\.1:\d+ \(5 tries\)"):
                client(wire).ask(GET)
            assert wire.connections == 5

    @pytest.mark.parametrize("location", ["http://127.0.0.1:9/v1/thing", "https://example.com/", "//x/y", ""])
    def test_a_redirect_to_somebody_else_is_refused(self, location: str) -> None:
        with Wire(once(answer(b"", f"Location: {location}", status="307 T"))) as wire:
            with pytest.raises(Rejected, match="not followed"):
                client(wire).ask(GET)
            assert wire.connections == 1

    def test_a_redirect_within_the_server_is_followed(self) -> None:
        with Wire(kept(answer(b"", "Location: /v1/there", status="307 T"), answer(b'{"there":1}'))) as wire:
            assert client(wire).ask(GET).json() == {"there": 1}


class TestStream:
    """A large body comes in pieces; who reads it tells his own troubles."""

    def test_the_readers_trouble_is_not_the_connections(self) -> None:
        with (
            Wire(once(answer(b"x" * 1_000))) as wire,
            pytest.raises(OSError, match="No space"),
            client(wire).stream(GET) as (_, pieces),
        ):
            next(pieces)
            raise OSError(28, "No space left on device")

    def test_a_body_that_breaks_off_says_so_behind_its_last_piece(self) -> None:
        with Wire(once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")) as wire:
            received = b""
            with pytest.raises(Unknown), client(wire).stream(GET) as (reply, pieces):
                assert reply.status == 200
                for piece in pieces:
                    received += piece
            assert received == b"abc"

    def test_the_body_of_an_error_is_in_the_reply(self) -> None:
        with (
            Wire(once(answer(b"gone", status="404 Not Found"))) as wire,
            client(wire).stream(GET) as (reply, pieces),
        ):
            assert (reply.status, reply.body, list(pieces)) == (404, b"gone", [])


def behind(wire: Wire, user: tuple[str, str] | None = None) -> HttpClient:
    proxy = Proxy("http", "127.0.0.1", wire.port, user)
    origin = Origin.parse("https://api.example.com/v1", "TEST")
    _OPENED.append(HttpClient(origin, {"authorization": "Bearer k"}, SystemClock(), Recorder(), proxy=proxy))
    return _OPENED[-1]


def test_a_proxy_gets_its_own_user_and_never_the_key() -> None:
    seen = []

    def serve(connection: socket.socket, number: int) -> None:
        del number
        seen.append(request(connection))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    with (
        Wire(serve) as wire,
        pytest.raises(ConfigError, match=f"the proxy 127.0.0.1:{wire.port} refuses") as told,
    ):
        behind(wire, ("user", "pass")).once(GET)

    assert seen[0].startswith(b"CONNECT api.example.com:443 ")
    assert b"basic dxnlcjpwyxnz" in seen[0].lower()
    assert b"Bearer" not in seen[0]
    assert "HTTPS_PROXY" in str(told.value.hint)


def test_a_proxy_that_cannot_be_reached_or_refuses_is_named() -> None:
    def serve(connection: socket.socket, number: int) -> None:
        del number
        request(connection)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    with Wire(serve) as wire:
        client_behind = behind(wire)
        with pytest.raises(
            NotSent, match=f"the proxy 127.0.0.1:{wire.port} refused to connect to api.example"
        ):
            client_behind.once(GET)
    with pytest.raises(
        NotSent, match=f"api.example.com by the proxy 127.0.0.1:{wire.port}: Connection refused"
    ):
        client_behind.once(GET)
