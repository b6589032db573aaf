"""Answers in HTTP/1.1 that follow each other on one connection; how they are cut is a property."""

from __future__ import annotations

import pytest

from batch_cli.answer_reader import AnswerReader, Garbled, Unreadable


def said(length: int, *more: bytes) -> bytes:
    lines = (b"HTTP/1.1 200 OK", b"Content-Length: %d" % length, *more)
    return b"\r\n".join(lines) + b"\r\n\r\n" + b"x" * length


def test_the_head_of_an_answer_is_its_own_however_like_the_last_one_it_is() -> None:
    reader = AnswerReader(100)

    for length, name in ((3, b"A: 1"), (3, b"A: 2"), (4, b"A: 2"), (3, b"A: 1")):
        whole = reader.take(said(length, name))
        assert whole is not None
        head, body = whole
        assert (head.status, head.headers["a"], len(body)) == (200, name[-1:].decode(), length)
        assert reader.stays


def test_an_answer_that_came_in_pieces_leaves_nothing_to_the_next() -> None:
    reader = AnswerReader(100)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"

    for data in (said(5), chunked, chunked, said(5)):
        assert reader.take(data[:-1]) is None
        whole = reader.take(data[-1:])
        assert whole is not None
        assert whole[1] == (b"ab" if data is chunked else b"xxxxx")


def test_the_server_says_when_it_will_close() -> None:
    reader = AnswerReader(100)

    assert reader.take(said(1)) is not None
    assert reader.stays
    assert reader.take(said(1, b"Connection: close")) is not None
    assert not reader.stays


@pytest.mark.parametrize(
    "data",
    [
        said(101),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n" + b"x" * 96 + b"\r\n60\r\n",
    ],
)
def test_no_answer_is_larger_than_wanted(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"100 are read|more than 100 bytes"):
        AnswerReader(100).take(data)


@pytest.mark.parametrize(
    "announced", [b"-1", b"+1", b"1e3", b"0x1", b"1, 1", "\u0661".encode("latin-1", "replace")]
)
def test_a_length_is_a_number_and_nothing_else(announced: bytes) -> None:
    with pytest.raises(Garbled, match="length is no number"):
        AnswerReader(100).take(b"HTTP/1.1 200 OK\r\nContent-Length: " + announced + b"\r\n\r\n1")


def test_trailers_without_an_end_are_not_read_for_ever() -> None:
    reader = AnswerReader(100)
    reader.take(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")

    with pytest.raises(Garbled, match="behind its last chunk"):
        for _ in range(1_000):
            reader.take(b"X: " + b"y" * 97 + b"\r\n")
