"""However the bytes of an answer are cut on their way, it is the same answer, and whatever comes, nothing breaks."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch_cli.engine.handlers.live.http11 import Http11
from batch_cli.engine.handlers.live.transport import Answer, TransportError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONG = HEAD + b"Content-Length: 11\r\n\r\n" + b'{"a": "bc"}'
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n7\r\n: "bc"}\r\n0\r\n\r\n'
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LONG
TRAILERS = CHUNKED[:-2] + b"X-Sum: 1\r\nY: 2\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\n\r\n" + b'{"a": "bc"}'


class Wire(asyncio.Transport):
    """Takes what is written, and can be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.is_cut = b"", False

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data

    def abort(self) -> None:
        self.is_cut = True

    def is_closing(self) -> bool:
        return self.is_cut


def exchange(pieces: list[bytes], *, ends: bool) -> tuple[Answer | TransportError | None, bool]:
    """Give what became of one request whose answer came in ``pieces``, and whether the connection can be used again."""

    async def run() -> tuple[Answer | TransportError | None, bool]:
        buffer = memoryview(bytearray(1_000))
        connection, wire = Http11(buffer), Wire()
        connection.connection_made(wire)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        connection.ask(b"POST / HTTP/1.1\r\n\r\n", answer, 1.0, 1.0)
        for piece in pieces:
            if not wire.is_cut:
                connection.get_buffer(-1)[: len(piece)] = piece
                connection.buffer_updated(len(piece))
                buffer[:] = bytes(1_000)  # whoever comes next uses it
        if ends:
            connection.eof_received()
            connection.connection_lost(None)
        if not answer.done():
            return None, connection.is_free
        error = answer.exception()
        assert error is None or isinstance(error, TransportError)
        return error or answer.result(), connection.is_free

    return asyncio.run(run())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


@pytest.mark.parametrize(
    ("data", "stays"), [(LONG, True), (CHUNKED, True), (TRAILERS, True), (INTERIM, True), (OLD, False)]
)
@settings(deadline=None)
@given(places=st.lists(st.integers(0, 300), max_size=12))
def test_the_cuts_do_not_matter(data: bytes, stays: bool, places: list[int]) -> None:
    got, is_free = exchange(cut(data, places), ends=not stays)

    assert isinstance(got, Answer)
    assert (got.status, got.body) == (200, b'{"a": "bc"}')
    assert is_free is stays


@pytest.mark.parametrize("data", [LONG, CHUNKED, TRAILERS])
@settings(deadline=None)
@given(more=st.binary(min_size=1, max_size=20))
def test_a_connection_with_bytes_left_over_is_not_used_again(data: bytes, more: bytes) -> None:
    got, is_free = exchange([data + more], ends=False)

    assert isinstance(got, Answer)
    assert not is_free


@pytest.mark.parametrize("data", [LONG, CHUNKED, TRAILERS])
@settings(deadline=None)
@given(length=st.integers(0, 200))
def test_what_ends_too_early_is_no_answer(data: bytes, length: int) -> None:
    got, is_free = exchange([data[: min(length, len(data) - 1)]], ends=True)

    assert isinstance(got, TransportError)
    assert not is_free


@settings(deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=60) | st.sampled_from([LONG, CHUNKED, INTERIM, OLD, HEAD]), max_size=6)
)
@example(pieces=[HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"])
@example(pieces=[HEAD + b"Content-Length: +5\r\n\r\n"])
@example(pieces=[HEAD + b" folded: 1\r\n\r\n"])
@example(pieces=[HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"])
@example(pieces=[b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"])
def test_garbage_is_an_error_with_a_name(pieces: list[bytes]) -> None:
    got, _ = exchange(pieces, ends=True)

    assert got is not None
