r"""JSON lines: reading a file line by line at the parser's speed, and writing lines.

The only module that knows orjson. Two habits keep data whole: the parse decides, the *bytes* travel
(orjson reads integers beyond 64 bits as floats), and a line ends at ``\n`` and nowhere else
(``str.splitlines`` also cuts at U+2028, which is legal inside a JSON string).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

import orjson

from batch_cli.model import JsonValue

BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_ALL_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


class Line(NamedTuple):
    """One line of a file: its number from 1, where it starts, and its bytes without the line end."""

    number: int
    offset: int
    raw: bytes
    ended: bool
    """False only for a last line without its line end, which may have been cut."""


class LineTooLong(Exception):
    """A line does not fit the given number of bytes; what follows was not read."""

    def __init__(self, number: int) -> None:
        """Keep the line's number."""
        super().__init__(f"line {number}")
        self.number = number


def read_lines(stream: BinaryIO, *, max_bytes: int) -> Iterator[Line]:
    """Give the lines of ``stream`` one at a time, in order, blank ones included.

    Memory is bounded by ``max_bytes``: a longer line raises `LineTooLong` after that many bytes.
    The carriage return of a CRLF line end is left in place: JSON takes it for white space.
    """
    offset = number = 0
    while raw := stream.readline(max_bytes + 1):
        number += 1
        if len(raw) > max_bytes and not raw.endswith(b"\n"):
            raise LineTooLong(number)
        ended = raw.endswith(b"\n")
        yield Line(number, offset, raw[:-1] if ended else raw, ended)
        offset += len(raw)


class Readable(Protocol):
    """As much of a binary stream as reading in blocks needs."""

    def read(self, size: int, /) -> bytes:
        """Give ``size`` bytes, fewer only at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Give what is left of the current line, ``size`` bytes at most."""
        ...


class Part:
    """The start of a stream, up to a line's end, as something to read."""

    def __init__(self, stream: Readable, length: int) -> None:
        """Give ``length`` bytes of ``stream`` from where it stands."""
        self._stream, self._left = stream, length

    def read(self, size: int, /) -> bytes:
        """Give ``size`` bytes, fewer only at the end."""
        return self._counted(self._stream.read(min(size, self._left)))

    def readline(self, size: int, /) -> bytes:
        """Give what is left of the current line, ``size`` bytes at most."""
        return self._counted(self._stream.readline(size))

    def _counted(self, raw: bytes) -> bytes:
        self._left -= len(raw)
        return raw


class Block(NamedTuple):
    """Some whole lines of a file: the number of the first one, the bytes as they stand, and cut into lines."""

    number: int
    raw: bytes
    """Ends with ``\n``, except at the end of a file whose last line has no line end."""
    lines: list[bytes]
    """Without their line ends."""


def read_blocks(stream: Readable, *, max_bytes: int, size: int = 1 << 18, number: int = 1) -> Iterator[Block]:
    """Give the lines of ``stream`` in blocks of about ``size`` bytes, in order, each line whole; ``number`` is the first's.

    Memory: two blocks, and at most one line that is longer.

    Raises:
        LineTooLong: a line has more than ``max_bytes``; the lines before it were given.
    """
    too_long = False
    while not too_long:
        raw, too_long = _next_block(stream, max_bytes, size)
        lines = lines_of(raw)
        if lines:
            yield Block(number, raw, lines)
        elif not too_long:
            return
        number += len(lines)
    raise LineTooLong(number)


def raw_blocks(stream: Readable, *, max_bytes: int, size: int = 1 << 18) -> Iterator[bytes]:
    """Do what `read_blocks` does with a stream in which no line is too long, without cutting the blocks into lines."""
    while raw := _next_block(stream, max_bytes, size)[0]:
        yield raw


def _next_block(stream: Readable, max_bytes: int, size: int) -> tuple[bytes, bool]:
    """Read a block of whole lines; empty at the end. Tell whether the line after it is too long."""
    raw = stream.read(min(size, max_bytes))
    whole = raw.rfind(b"\n") + 1
    if whole == len(raw):
        return raw, False
    rest = stream.readline(max_bytes + 1 - (len(raw) - whole))
    if len(raw) - whole + len(rest) > max_bytes and not rest.endswith(b"\n"):
        return raw[:whole], True
    return raw + rest, False


def lines_of(raw: bytes) -> list[bytes]:
    """Cut some bytes into lines without their line ends; what follows the last line end is one, too, if it is something."""
    lines = raw.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def is_blank(raw: bytes) -> bool:
    """Tell whether a line holds only JSON white space."""
    return not raw.strip(_BLANK)


def loads(raw: bytes | memoryview | str) -> JsonValue:
    """Parse JSON; the answer is for looking at, the bytes are what is kept.

    Raises:
        ValueError: it is not JSON (`batch_cli.json_faults.explain` finds out why).
    """
    return orjson.loads(raw)


def dumps(value: Any, *, indent: bool = False, sort_keys: bool = False) -> bytes:
    """Write JSON without white space, or two-space indented; keys keep their order unless sorted.

    ``NaN`` and infinities become ``null``, so whatever is written is JSON.
    """
    options = (orjson.OPT_INDENT_2 if indent else 0) | (orjson.OPT_SORT_KEYS if sort_keys else 0)
    return orjson.dumps(value, option=options)


def loads_exactly(raw: bytes) -> JsonValue:
    """Parse JSON that is written again afterwards: integers of any size stay what they are.

    Raises:
        ValueError: it is not JSON, or an integer has thousands of digits.
    """
    return exact(raw, orjson.loads(raw))


def exact(raw: bytes, value: JsonValue) -> JsonValue:
    """Give what `loads_exact` would give for ``raw``, which was parsed as ``value`` before."""
    return json.loads(raw) if may_hold_a_long_number(raw) else value


def may_hold_a_long_number(raw: bytes) -> bool:
    """Tell whether nineteen digits stand in a row; ten times faster than a regular expression."""
    return _LONG_NUMBER in raw.translate(_ALL_ZEROS)


def dumps_exactly(value: Any) -> bytes:
    """Write what `loads_exactly` read, in the form of `dumps`."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def raw_json(raw: bytes) -> Any:
    """Mark bytes that are JSON already, so that `dumps` puts them in as they are."""
    return orjson.Fragment(raw)
