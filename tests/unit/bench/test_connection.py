"""The connection of `bench`: where an answer ends, when a connection is used again, what may have arrived."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from batch_cli.bench.call import CutOff
from batch_cli.bench.connection import Answer, Connection, Failed, request_bytes
from batch_cli.httpclient.origin import Origin

REQUEST = b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Sends given bytes for each request, in given pieces; counts connections."""

    def __init__(self, pieces: Sequence[bytes], *, closes: bool = False, pause: float = 0.0) -> None:
        self.connections = 0
        self.pieces, self.closes, self.pause = pieces, closes, pause
        self.release = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = Origin("http", "127.0.0.1", self._listener.getsockname()[1], "")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while client.recv(65536):
                if not self.pieces:
                    self.release.wait(20)
                for piece in self.pieces:
                    client.sendall(piece)
                    time.sleep(self.pause)
                if self.closes:
                    return

    def close(self) -> None:
        self.release.set()
        self._listener.close()


Serve = Callable[..., tuple[Server, Connection]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    opened: list[tuple[Server, Connection]] = []

    def start(
        *pieces: bytes, closes: bool = False, pause: float = 0.0, seconds: float = 5.0
    ) -> tuple[Server, Connection]:
        server = Server(pieces, closes=closes, pause=pause)
        connection = Connection(server.origin, seconds=seconds, monotonic=time.monotonic)
        opened.append((server, connection))
        return server, connection

    yield start
    for server, connection in opened:
        connection.close()
        server.close()


def one_by_one(raw: bytes) -> list[bytes]:
    return [raw[at : at + 1] for at in range(len(raw))]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello",
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ntrailer: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ],
)
def test_an_answer_ends_where_http_says_and_the_connection_is_used_again(serve: Serve, raw: bytes) -> None:
    for pieces in ([raw], one_by_one(raw)):
        server, connection = serve(*pieces)

        assert [connection.exchange(REQUEST) for _ in range(3)] == [Answer(200, b"hello")] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    ("raw", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more", False),
    ],
)
def test_a_connection_whose_end_is_not_sure_is_not_used_again(serve: Serve, raw: bytes, closes: bool) -> None:
    server, connection = serve(raw, closes=closes)

    assert [connection.exchange(REQUEST).body for _ in range(2)] == [b"hello"] * 2
    assert server.connections == 2


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_before_anything_is_sent(
    serve: Serve,
) -> None:
    server, connection = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", closes=True)

    connection.exchange(REQUEST)
    time.sleep(0.1)
    assert connection.exchange(REQUEST).body == b"hello"
    assert server.connections == 2


def test_an_answer_without_a_body_needs_no_length(serve: Serve) -> None:
    _, connection = serve(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert connection.exchange(REQUEST) == Answer(204, b"")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"hello, I am no server\r\n\r\n", "what came is not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", "its answer was cut off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", "its answer was cut off"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "has 99,999,999,999 bytes; 64,000,000 are read",
        ),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "its head has no end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 3\r\n\r\nhello", "content-length twice"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello", "its length is no number"),
        (b"HTTP/1.1", "closed the connection without an answer"),
    ],
)
def test_what_is_no_whole_answer_has_a_reason_and_may_have_arrived(
    serve: Serve, raw: bytes, words: str
) -> None:
    _, connection = serve(raw, closes=True)

    with pytest.raises(Failed, match=words) as caught:
        connection.exchange(REQUEST)
    assert caught.value.reached


def test_an_answer_that_drips_ends_with_its_time(serve: Serve) -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 100
    _, connection = serve(*one_by_one(raw), pause=0.02, seconds=0.2)
    begin = time.monotonic()

    with pytest.raises(Failed, match=r"no whole answer within 0\.2 s"):
        connection.exchange(REQUEST)
    assert time.monotonic() - begin < 1.5


def test_nobody_there_cannot_have_got_it() -> None:
    connection = Connection(Origin("http", "127.0.0.1", 1, ""), seconds=5, monotonic=time.monotonic)

    with pytest.raises(Failed, match="cannot connect") as caught:
        connection.exchange(REQUEST)
    assert not caught.value.reached


def test_a_cut_ends_the_request_at_hand_and_says_that_it_was_sent(serve: Serve) -> None:
    _, connection = serve()
    threading.Timer(0.2, connection.cut).start()
    begin = time.monotonic()

    with pytest.raises(CutOff) as caught:
        connection.exchange(REQUEST)
    assert caught.value.sent
    assert time.monotonic() - begin < 2
    with pytest.raises(CutOff) as caught:
        connection.exchange(REQUEST)
    assert not caught.value.sent


def test_a_request_is_what_http_wants() -> None:
    origin = Origin("http", "h", 8000, "/base")

    assert request_bytes(origin, "POST", "/x", b"{}", {"x-api-key": "k"}).split(b"\r\n") == [
        b"POST /base/x HTTP/1.1",
        b"host: h:8000",
        b"user-agent: batch-cli/0.1.0",
        b"accept: application/json",
        b"accept-encoding: identity",
        b"x-api-key: k",
        b"content-type: application/json",
        b"content-length: 2",
        b"",
        b"{}",
    ]
