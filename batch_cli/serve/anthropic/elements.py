"""The elements of one array in a large JSON body, one after the other, without the body in memory.

Only the places where values end are looked for here; whether a value is JSON is left to the parser. An object whose
members and elements are all parsed, with nothing but the right marks between them, is JSON as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from batch_cli.json_faults import MAX_DEPTH, explain
from batch_cli.jsonl import loads

_CHUNK = 1 << 18
# No possessive repeat of alternatives: before Python 3.11.5 it gives up too early (gh-106052).
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^ \t\r\n,\]}]*+")
# What stands before the next bracket that is not inside a string. The number of repeats is bounded because Python
# keeps some bytes for each.
_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+){0,512}([\[\]{}])?',
    re.DOTALL,
)
_OPENING = b"[{"


class BadBody(Exception):
    """The body is not what it should be; the text says why, in the words of the wire."""


class BodyTooLarge(BadBody):
    """One value of the body is larger than any request may be."""


class _Source(Protocol):
    """As much of a binary stream as is needed here."""

    def read(self, size: int, /) -> bytes:
        """Give up to ``size`` bytes; none at the end."""
        ...


def elements(stream: _Source, member: str, *, most_bytes: int, chunk: int = _CHUNK) -> Iterator[bytes]:
    """Give the raw elements of the array ``member`` of the object in ``stream``, in order; each is proper JSON.

    The members of the object may come in any order. The whole of it is checked by the time the last element was
    given, so that nothing counts before the iteration has ended. Memory: one element and its parsed form.

    Raises:
        BadBody: it is not a JSON object, or ``member`` is not one array in it.
        BodyTooLarge: an element, or another member, has more than ``most_bytes``.
    """
    reader = _Reader(stream, most_bytes, chunk)
    was_found = False
    reader.expect(b"{")
    has_members = not reader.skips(b"}")
    while has_members:
        name = loads(reader.value("the body"))
        if not isinstance(name, str):
            raise _not_json("a name in quotes is missing")
        reader.expect(b":")
        if name != member:
            reader.value(name[:64])
        elif was_found:
            raise BadBody(f"{member}: given more than once")
        else:
            was_found = True
            yield from _array(reader, member)
        has_members = reader.skips(b",")
        if not has_members:
            reader.expect(b"}")
    reader.expect_end()
    if not was_found:
        raise BadBody(f"{member}: Field required")


def _array(reader: _Reader, member: str) -> Iterator[bytes]:
    if not reader.skips(b"["):
        raise BadBody(f"{member}: Input should be a valid list")
    if reader.skips(b"]"):
        return
    position = 0
    yield reader.value(f"{member}.{position}")
    while reader.skips(b","):
        position += 1
        yield reader.value(f"{member}.{position}")
    reader.expect(b"]")


class _Reader:
    """A place in the body, which moves forward from value to value."""

    def __init__(self, stream: _Source, most_bytes: int, chunk: int) -> None:
        self._stream, self._most_bytes, self._chunk = stream, most_bytes, chunk
        self._buffer = b""
        self._at = 0

    def expect(self, mark: bytes) -> None:
        """Go behind ``mark``, which has to come next."""
        if not self.skips(mark):
            found = self._buffer[self._at : self._at + 1]
            what = f"found {found.decode('latin-1')!r}" if found else "it is cut off"
            raise _not_json(f"{mark.decode()} is missing, {what}")

    def skips(self, mark: bytes) -> bool:
        """Go behind ``mark`` if it comes next, and tell whether it does."""
        self._skip_space()
        if self._buffer[self._at : self._at + 1] != mark:
            return False
        self._at += 1
        return True

    def expect_end(self) -> None:
        """Be at the end."""
        self._skip_space()
        if self._at < len(self._buffer):
            raise _not_json("something stands behind its end")

    def value(self, name: str) -> bytes:
        """Give the next value, which is called ``name``, and go behind it."""
        self._skip_space()
        first = self._buffer[self._at : self._at + 1]
        if first == b'"':
            end = self._end_of_string(name)
        elif first and first in _OPENING:
            end = self._end_of_container(name)
        else:
            end = self._end_of_scalar(name)
        raw = self._buffer[self._at : end]
        self._at = end
        try:
            loads(raw)
        except ValueError as error:
            fault = explain(raw)
            reason = str(error) if fault is None else f"column {fault.column}: {fault.message}"
            raise _not_json(f"{name}: {reason}") from None
        return raw

    def _end_of_string(self, name: str) -> int:
        while (found := _STRING.match(self._buffer, self._at)) is None:
            if not self._read_more(name):
                raise _not_json("it is cut off")
        return found.end()

    def _end_of_scalar(self, name: str) -> int:
        while (end := _end(_SCALAR, self._buffer, self._at)) == len(self._buffer) and self._read_more(name):
            pass
        return end

    def _end_of_container(self, name: str) -> int:
        depth, done = 0, 0  # ``done``: bytes of the value that are understood; reading on moves the buffer
        while True:
            start = self._at + done
            found = _BRACKET.match(self._buffer, start)
            end = start if found is None else found.end()
            if found is not None and found[1]:
                depth += 1 if found[1] in _OPENING else -1
                if depth > MAX_DEPTH:
                    raise _not_json(f"{name}: nested too deep: more than {MAX_DEPTH} levels")
                if depth == 0:
                    return self._within(end, name)
            elif end == start and not self._read_more(name):
                raise _not_json("it is cut off")
            done += end - start

    def _within(self, end: int, name: str) -> int:
        if end - self._at > self._most_bytes:
            raise BodyTooLarge(f"{name}: {self._most_bytes:,} bytes are allowed")
        return end

    def _skip_space(self) -> None:
        self._at = _end(_SPACE, self._buffer, self._at)
        while self._at == len(self._buffer) and self._read_more(""):
            self._at = _end(_SPACE, self._buffer, self._at)

    def _read_more(self, name: str) -> bool:
        """Let go of what lies behind and read on; False at the end of the body.

        A value that is long is read in larger and larger pieces, so that its start is not looked at again too often.
        """
        pending = self._buffer[self._at :]
        self._within(self._at + len(pending), name)
        more = self._stream.read(max(self._chunk, len(pending)))
        self._buffer, self._at = pending + more, 0
        return bool(more)


def _end(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    """Give where a pattern ends that matches everywhere, if only an empty text."""
    found = pattern.match(buffer, at)
    return at if found is None else found.end()


def _not_json(reason: str) -> BadBody:
    return BadBody(f"The request body is not valid JSON: {reason}")
