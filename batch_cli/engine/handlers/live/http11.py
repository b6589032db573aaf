"""One connection to a model server, as bytes: a request goes out whole, its answer is read as it comes.

Written for the one kind of exchange that a batch is made of, because a general client takes three times as long for
it as the rest of a row does. What is not plainly an answer in HTTP/1.1 ends the connection.
Source: RFC 9112, 4, 6, 7.1, 9.3 (read 2026-11-21).
"""

from __future__ import annotations

import asyncio
import re

from batch_cli.engine.handlers.live.transport import (
    MOST_BYTES,
    Answer,
    Lost,
    TooSlow,
    TransportError,
    Unusable,
)

_MOST_HEAD = 1 << 16
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: |$)")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST_CHUNK_LINE = 4_096
_NO_BODY = (204, 304)
_SWITCHING = 101
_FIRST_FINAL = 200


class Http11(asyncio.Protocol):
    """Answers to one request at a time; `is_free` tells whether it can take another one."""

    def __init__(self) -> None:
        """Wait for the connection."""
        self.is_free = False
        self.last_used = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._came = bytearray()
        self._status = 0
        """0 until the head of the answer is here."""
        self._headers: dict[str, str] = {}
        self._length: int | None = None
        self._chunks: bytearray | None = None
        """What the chunks so far held; None for an answer that is not chunked."""
        self._stays = True

    # --- for whoever sends ---

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a whole request; the future gives its answer, or raises as `Transport.send` does."""
        assert self._transport is not None
        self.is_free = False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def expire(self, seconds: float) -> None:
        """Give the request up: its time is over."""
        self._fail(TooSlow(f"no whole answer within {seconds:g} s"))

    def drop(self) -> None:
        """Cut the connection."""
        self.is_free = False
        if self._transport is not None:
            self._transport.abort()

    # --- for the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.is_free = transport, True

    def data_received(self, data: bytes) -> None:
        """Take in what came; what nobody asked for ends the connection."""
        if self._answer is None or self._answer.done():
            self.drop()
            return
        self._came += data
        try:
            self._read()
        except TransportError as error:
            self._fail(error)

    def eof_received(self) -> bool:
        """Take the end of an answer that does not say how long it is; any other one is cut off."""
        if self._status and self._length is None and self._chunks is None and self._answer is not None:
            self._stays = False
            self._finish(bytes(self._came))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits how far it came."""
        self.is_free = False
        if self._status:
            self._fail(Lost("its answer was cut off"))
        elif isinstance(error, OSError) and error.strerror:
            self._fail(Lost(f"the connection broke: {error.strerror[:1].lower()}{error.strerror[1:]}"))
        elif self._came and not b"HTTP/1.".startswith(self._came[:7]):
            self._fail(Lost("what came is not HTTP"))
        else:
            self._fail(Lost("it closed the connection without an answer"))

    # --- reading ---

    def _read(self) -> None:
        while not self._status:
            end = self._came.find(b"\r\n\r\n")
            if (end if end >= 0 else len(self._came)) > _MOST_HEAD:
                raise Lost("what came is not HTTP: its head has no end")
            if end < 0:
                if self._came[:7] != b"HTTP/1."[: len(self._came)]:
                    raise Lost("what came is not HTTP")
                return
            head = bytes(self._came[:end])
            del self._came[: end + 4]
            self._read_head(head)
        if self._chunks is not None:
            self._read_chunks(self._chunks)
        elif self._length is None:
            if len(self._came) > MOST_BYTES:
                raise Unusable(f"its answer has more than {MOST_BYTES:,} bytes")
        elif len(self._came) >= self._length:
            self._stays = self._stays and len(self._came) == self._length
            self._finish(bytes(self._came[: self._length]))

    def _read_head(self, head: bytes) -> None:
        """Read status and headers; an interim answer is passed over."""
        first, *lines = head.split(b"\r\n")
        found = _STATUS.match(first)
        if found is None:
            raise Lost("what came is not HTTP: its first line is no status")
        status = int(found[2])
        if status < _FIRST_FINAL:
            if status == _SWITCHING:
                raise Lost("what came is not HTTP: it speaks something else now")
            return
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or _NAME.fullmatch(name) is None:
                raise Lost("what came is not HTTP: a header has no name")
            key, text = name.decode().lower(), value.strip(b" \t").decode("latin-1")
            if headers.get(key, text) != text and key in ("content-length", "transfer-encoding"):
                raise Lost(f"what came is not HTTP: {key} twice")
            headers[key] = text
        self._status, self._headers = status, headers
        self._frame(is_old=found[1] == b"0")

    def _frame(self, *, is_old: bool) -> None:
        """Find out where the answer will end."""
        headers = self._headers
        said = headers.get("connection", "keep-alive" if not is_old else "close").lower()
        self._stays = "close" not in said
        packing = headers.get("content-encoding", "identity").lower()
        if packing not in ("", "identity"):
            raise Unusable(f"its answer is packed ({packing[:32]}), which was not asked for")
        coding, announced = headers.get("transfer-encoding"), headers.get("content-length")
        if self._status in _NO_BODY:
            self._length = 0
        elif coding is not None:
            if coding.lower() != "chunked" or announced is not None:
                raise Lost("what came is not HTTP: it is not clear where its answer ends")
            self._chunks = bytearray()
        elif announced is not None:
            if (
                not (announced.isascii() and announced.isdecimal())
                or len(announced) > len(str(MOST_BYTES)) + 10
            ):
                raise Lost("what came is not HTTP: its length is no number")
            self._length = int(announced)
            if self._length > MOST_BYTES:
                raise Unusable(f"its answer has {self._length:,} bytes; {MOST_BYTES:,} are read")

    def _read_chunks(self, chunks: bytearray) -> None:
        """Take in whole chunks; what stands behind the last one ends with an empty line."""
        at = 0
        while found := _CHUNK.match(self._came, at):
            size = int(found[1], 16)
            if len(chunks) + size > MOST_BYTES:
                raise Unusable(f"its answer has more than {MOST_BYTES:,} bytes")
            if size == 0:
                end = self._came.find(b"\r\n", found.end())
                if end > found.end():  # trailers: nobody needs them, and the connection is not used again
                    self._stays = False
                elif end < 0:
                    break
                self._stays = self._stays and end + 2 == len(self._came)
                self._finish(bytes(chunks))
                return
            end = found.end() + size
            if len(self._came) < end + 2:
                break
            if self._came[end : end + 2] != b"\r\n":
                raise Lost("what came is not HTTP: a chunk has another length than it says")
            chunks += self._came[found.end() : end]
            at = end + 2
        else:
            if len(self._came) - at > _LONGEST_CHUNK_LINE or b"\r\n" in self._came[at:]:
                raise Lost("what came is not HTTP: a chunk has no length")
        del self._came[:at]

    def _finish(self, body: bytes) -> None:
        answer, self._answer = self._answer, None
        got = Answer(self._status, self._headers, body)
        self._came.clear()
        self._status, self._length, self._chunks = 0, None, None
        if self._stays and self._transport is not None and not self._transport.is_closing():
            self.is_free = True
        else:
            self.drop()
        if answer is not None and not answer.done():
            answer.set_result(got)

    def _fail(self, error: TransportError) -> None:
        answer, self._answer = self._answer, None
        self.drop()
        if answer is not None and not answer.done():
            answer.set_exception(error)
