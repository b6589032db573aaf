from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest

from batch_cli.jobs.clean_text import TextForm, open_clean, text_form

TWO = '{"a":"é日🎈"}\n{"b":2}\n'


def opening(data: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(data)


def clean(data: bytes) -> bytes:
    form = text_form(opening(data), 1_000)
    with open_clean(opening(data), form) as stream:
        return stream.read()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_text_is_turned_into_utf8_with_and_without_its_mark(encoding: str, mark: str) -> None:
    assert clean((mark + TWO).encode(encoding)) == TWO.encode()


def test_plain_text_stays_as_it_is() -> None:
    for text in (TWO.encode(), TWO.replace("\n", "\r\n").encode(), b"", b"\xff\xfa"):
        assert text_form(opening(text), 1_000).is_plain
        assert clean(text) == text


def test_returns_end_lines_where_nothing_else_does() -> None:
    assert clean(b'{"a":1}\r{"b":2}\r') == b'{"a":1}\n{"b":2}\n'
    assert clean(b"\xef\xbb\xbf" + b'{"a":1}\r{"b":2}') == b"\xef\xbb\xbf" + b'{"a":1}\n{"b":2}'


def test_a_return_that_is_white_space_stays() -> None:
    for text in (b'{"a":\r1}\n{"b":2}\n', b'{"a":\r1}'):
        assert clean(text) == text


def test_a_return_that_was_not_escaped_in_a_string_ends_no_line() -> None:
    text = b'{"a":"x\ry"}\n{"b":2}\n'

    assert clean(text) == text


def test_a_return_and_its_newline_may_be_in_two_blocks() -> None:
    line = b'{"a":"%s"}' % (b"x" * ((1 << 18) - 9))
    text = b"1\r" + line[2:] + b"\r\n" + b"2\r"

    assert clean(text) == text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def test_broken_wide_text_fails_when_it_is_read() -> None:
    data = TWO.encode("utf-16") + b"\x00"
    form = TextForm("utf-16-le", 2)

    with open_clean(opening(data), form) as stream, pytest.raises(UnicodeDecodeError):
        stream.read()
