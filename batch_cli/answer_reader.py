"""Answers in HTTP/1.1, as bytes: what their heads say, and where they end. Nothing is sent or waited for here.

Written for the one kind of exchange that a batch and a measure are made of, because a general parser takes three times
as long for it as the rest does: one request, then its whole answer. What is not plainly an answer is refused.
Source: RFC 9112, 4, 6, 7.1, 9.3 (read 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_MOST_HEAD = 1 << 16
_LAST_HEADS = 16
"""How many heads are remembered: a server says the same again and again, the length of its answers apart."""
_HEAD_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: |$)")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST_CHUNK_LINE = 4_096
_LONGEST_LENGTH = 18
_NO_BODY = (204, 304)
_SWITCHING = 101
_FIRST_FINAL = 200


class Garbled(Exception):
    """What came is not plainly an answer; the message says why."""


class Unreadable(Exception):
    """The answer is too large or packed; the message says which."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the body."""

    status: int
    headers: Mapping[str, str]
    """Found by their names in lower case, however they were sent; of several with one name, the last."""
    length: int | None
    """Bytes of the body; None where its chunks or the end of the connection tell."""
    is_chunked: bool
    stays: bool
    """The server keeps the connection open."""


@lru_cache(maxsize=_LAST_HEADS)
def read_head(raw: bytes) -> Head:
    """Read a head without its empty line.

    Raises:
        Garbled: it is none, or does not say clearly where its answer ends.
        Unreadable: the answer is packed, which nobody asked for.
    """
    first, *lines = raw.split(b"\r\n")
    found = _STATUS.match(first)
    if found is None:
        raise Garbled("what came is not HTTP: its first line is no status")
    status = int(found[2])
    headers: dict[str, str] = {}
    if status < _FIRST_FINAL:
        if status == _SWITCHING:
            raise Garbled("what came is not HTTP: it speaks something else now")
        return Head(status, headers, None, is_chunked=False, stays=True)
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None:
            raise Garbled("what came is not HTTP: a header has no name")
        key, text = name.decode().lower(), value.strip(b" \t").decode("latin-1")
        if key in ("content-length", "transfer-encoding") and headers.get(key, text) != text:
            raise Garbled(f"what came is not HTTP: {key} twice")
        headers[key] = text
    packing = headers.get("content-encoding", "identity").lower()
    if packing not in ("", "identity"):
        raise Unreadable(f"its answer is packed ({packing[:32]}), which was not asked for")
    said = headers.get("connection", "keep-alive" if found[1] == b"1" else "close").lower()
    length, is_chunked = _frame(status, headers)
    return Head(status, headers, length, is_chunked, stays="close" not in said)


def _frame(status: int, headers: Mapping[str, str]) -> tuple[int | None, bool]:
    """Find out where an answer will end: its length, and whether it comes in chunks."""
    coding, announced = headers.get("transfer-encoding"), headers.get("content-length")
    if status in _NO_BODY:
        return 0, False
    if coding is not None:
        if coding.lower() != "chunked" or announced is not None:
            raise Garbled("what came is not HTTP: it is not clear where its answer ends")
        return None, True
    if announced is None:
        return None, False
    if not (announced.isascii() and announced.isdecimal()) or len(announced) > _LONGEST_LENGTH:
        raise Garbled("what came is not HTTP: its length is no number")
    return int(announced), False


Whole = tuple[Head, bytes]
"""An answer: its head and its body."""


class AnswerReader:
    """Takes answers apart as they come, one after the other on one connection.

    `take` and `end` raise `Garbled` or `Unreadable`; the connection is of no use then.
    """

    def __init__(self, most: int) -> None:
        """Read bodies of up to ``most`` bytes. Memory: one of them, twice where it comes in pieces."""
        self._most = most
        self.stays = True
        """After a whole answer: another request may be sent on this connection."""
        self._came = bytearray()
        """What came and was not taken yet."""
        self._head: Head | None = None
        self._chunks = bytearray()

    def take(self, data: bytes) -> Whole | None:
        """Take in what came; give the answer where it is whole now. Interim answers are passed over."""
        if self._head is None and not self._came:  # mostly it comes in one piece
            at = data.find(_HEAD_END, 0, _MOST_HEAD)
            if at >= 0:
                head = read_head(data[:at])
                if head.length == len(data) - at - len(_HEAD_END) <= self._most:
                    self.stays = head.stays
                    return head, data[at + len(_HEAD_END) :]
        self._came += data
        return self._read()

    def end(self) -> Whole | None:
        """Take note that nothing more comes; give the answer that does not say how long it is, if there is one."""
        head = self._head
        if head is None or head.is_chunked or head.length is not None:
            return None
        return self._whole(head, bytes(self._came), is_last=True)

    @property
    def has_head(self) -> bool:
        """Tell whether an answer has begun, and what it is."""
        return self._head is not None

    def why_cut(self) -> str:
        """Say why there is no answer when nothing more comes."""
        if self.has_head:
            return "its answer was cut off"
        if self._came and not b"HTTP/1.".startswith(self._came[:7]):
            return "what came is not HTTP"
        return "it closed the connection without an answer"

    def _read(self) -> Whole | None:
        head = self._head or self._take_head()
        if head is None:
            return None
        if head.is_chunked:
            return self._take_chunks(head)
        if head.length is None:
            if len(self._came) > self._most:
                raise Unreadable(f"its answer has more than {self._most:,} bytes")
            return None
        if len(self._came) < head.length:
            return None
        with memoryview(self._came) as came:
            body = bytes(came[: head.length])
        return self._whole(head, body, is_last=len(self._came) > head.length)

    def _take_head(self) -> Head | None:
        while True:
            end = self._came.find(_HEAD_END)
            if (end if end >= 0 else len(self._came)) > _MOST_HEAD:
                raise Garbled("what came is not HTTP: its head has no end")
            if end < 0:
                if self._came[:7] != b"HTTP/1."[: len(self._came)]:
                    raise Garbled("what came is not HTTP")
                return None
            head = read_head(bytes(self._came[:end]))
            del self._came[: end + len(_HEAD_END)]
            if head.status >= _FIRST_FINAL:
                break
        if head.length is not None and head.length > self._most:
            raise Unreadable(f"its answer has {head.length:,} bytes; {self._most:,} are read")
        self._head = head
        return head

    def _take_chunks(self, head: Head) -> Whole | None:
        """Take in whole chunks; what stands behind the last one ends with an empty line."""
        at = 0
        while found := _CHUNK.match(self._came, at):
            size = int(found[1], 16)
            if len(self._chunks) + size > self._most:
                raise Unreadable(f"its answer has more than {self._most:,} bytes")
            if size == 0:
                # Its own line end counts, so that no trailer is the same as an empty line behind some.
                end = self._came.find(_HEAD_END, found.end() - 2)
                if end < 0 and len(self._came) - found.end() > _MOST_HEAD:
                    raise Garbled("what came is not HTTP: it goes on behind its last chunk")
                if end < 0:
                    break
                return self._whole(head, bytes(self._chunks), is_last=end + len(_HEAD_END) < len(self._came))
            end = found.end() + size
            if len(self._came) < end + 2:
                break
            if self._came[end : end + 2] != b"\r\n":
                raise Garbled("what came is not HTTP: a chunk has another length than it says")
            self._chunks += self._came[found.end() : end]
            at = end + 2
        else:
            if len(self._came) - at > _LONGEST_CHUNK_LINE or b"\r\n" in self._came[at:]:
                raise Garbled("what came is not HTTP: a chunk has no length")
        del self._came[:at]
        return None

    def _whole(self, head: Head, body: bytes, *, is_last: bool) -> Whole:
        """Give an answer and be ready for the next one, if the connection is good for it."""
        self.stays = head.stays and not is_last
        self._came.clear()
        self._chunks.clear()
        self._head = None
        return head, body
