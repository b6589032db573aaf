"""One connection to a model server: a request goes out whole, its answer is read as it comes."""

from __future__ import annotations

import asyncio
from typing import cast

from batch_cli.answer_reader import AnswerReader, Garbled, Unreadable, Whole
from batch_cli.engine.handlers.live.transport import (
    MOST_BYTES,
    Answer,
    Lost,
    TooSlow,
    TransportError,
    Unusable,
)

BUFFER_BYTES = 1 << 16
"""What is read at once. asyncio's own 256 kB are taken from the system and given back for each answer: 20 µs."""


class Http11(asyncio.BufferedProtocol):
    """Answers to one request at a time; `is_free` tells whether it can take another one."""

    def __init__(self, buffer: memoryview) -> None:
        """Wait for the connection. What comes passes ``buffer``, which all connections of an event loop may share."""
        self.is_free = False
        self.last_used = 0.0
        self.ends_at = float("inf")
        """When the time of the request at hand is over; for whoever calls `expire`."""
        self._seconds = 0.0
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._reader = AnswerReader(MOST_BYTES)

    # --- for whoever sends ---

    def ask(self, request: bytes, answer: asyncio.Future[Answer], seconds: float, ends_at: float) -> None:
        """Send a whole request; the future gets its answer, or raises as `Transport.send` does."""
        assert self._transport is not None
        self.is_free = False
        self._answer, self._seconds, self.ends_at = answer, seconds, ends_at
        self._transport.write(request)

    def expire(self) -> None:
        """Give the request up: its time is over."""
        self._fail(TooSlow(f"no whole answer within {self._seconds:g} s"))

    def drop(self) -> None:
        """Cut the connection."""
        self.is_free = False
        self.ends_at = float("inf")
        if self._transport is not None:
            self._transport.abort()

    # --- for the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        # Not asked for its class: uvloop's transports are none of asyncio's (uvloop 0.23.0, 2026-11-21).
        self._transport, self.is_free = cast("asyncio.Transport", transport), True

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the event loop's words
        """Give the room for what comes; it is read before anything else comes anywhere."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what came; what nobody asked for ends the connection."""
        if self._answer is None or self._answer.done():
            self.drop()
            return
        try:
            whole = self._reader.take(bytes(self._buffer[:nbytes]))
        except Garbled as error:
            self._fail(Lost(str(error)))
        except Unreadable as error:
            self._fail(Unusable(str(error)))
        else:
            if whole is not None:
                self._finish(whole)

    def eof_received(self) -> bool:
        """Take the end of an answer that does not say how long it is; any other one is cut off."""
        whole = self._reader.end()
        if whole is not None:
            self._finish(whole)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits how far it came."""
        self.is_free = False
        if isinstance(error, OSError) and error.strerror and not self._reader.has_head:
            self._fail(Lost(f"the connection broke: {error.strerror[:1].lower()}{error.strerror[1:]}"))
        else:
            self._fail(Lost(self._reader.why_cut()))

    # --- the end of a request ---

    def _finish(self, whole: Whole) -> None:
        answer, self._answer = self._answer, None
        head, body = whole
        if self._reader.stays and self._transport is not None and not self._transport.is_closing():
            self.is_free = True
            self.ends_at = float("inf")
        else:
            self.drop()
        if answer is not None and not answer.done():
            answer.set_result(Answer(head.status, head.headers, body))

    def _fail(self, error: TransportError) -> None:
        answer, self._answer = self._answer, None
        self.drop()
        if answer is not None and not answer.done():
            answer.set_exception(error)
