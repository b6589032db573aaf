"""A connection that sends one request again and again, at the cost of two system calls each.

The measured machine is often this one, so the client has to be light: httpcore2 and http.client take several
times the processor time, which a request to a fast server would be charged with. What is sent never changes and
what comes is only cut where HTTP/1.1 says it ends (RFC 9112 6.3).
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from batch_cli import __version__
from batch_cli.bench.call import CutOff
from batch_cli.httpclient.origin import Origin

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,18}")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})[ \r]")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n")
_MOST_HEAD = 1 << 16
_MOST_BODY = 64_000_000
_NO_BODY = (204, 304)
_READ = 1 << 17


class Failed(Exception):
    """There is no answer; ``reached`` tells whether the request can have arrived."""

    def __init__(self, why: str, *, reached: bool = True) -> None:
        """Take why."""
        super().__init__(why)
        self.why, self.reached = why, reached


@dataclass(frozen=True, slots=True)
class Answer:
    """What came."""

    status: int
    body: bytes


def request_bytes(
    origin: Origin, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Give a whole request as it stands on the wire."""
    lines = {
        "host": origin.authority,
        "user-agent": f"batch-cli/{__version__}",
        "accept": "application/json",
        "accept-encoding": "identity",
        **(headers or {}),
    }
    if method == "POST":
        lines |= {"content-type": "application/json", "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {origin.path}{path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


class Connection:
    """One connection to an origin, opened with the first request and again after it was closed."""

    def __init__(
        self,
        origin: Origin,
        *,
        seconds: float,
        monotonic: Callable[[], float],
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Give every request ``seconds`` in all; https needs a ``context``, which connections share."""
        self._origin, self._seconds, self._monotonic = origin, seconds, monotonic
        self._context = context
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._is_cut = False

    def exchange(self, request: bytes) -> Answer:
        """Send a request and give the whole answer. Nothing is sent twice.

        Raises:
            Failed: there is no proper one.
            CutOff: somebody called `cut`.
        """
        end = self._monotonic() + self._seconds
        is_sent = False
        try:
            connected = self._connected(end)
            if self._is_cut:  # before anything was sent
                raise CutOff(sent=False)
            is_sent = True
            connected.settimeout(max(end - self._monotonic(), 0.001))
            connected.sendall(request)
            return self._receive(connected, end)
        except Failed:
            self.close()
            if self._is_cut:
                raise CutOff(sent=is_sent) from None
            raise
        except OSError as error:
            self.close()
            if self._is_cut:
                raise CutOff(sent=is_sent) from error
            raise Failed(self._why(error, is_sent=is_sent), reached=is_sent) from error

    def cut(self) -> None:
        """End the request at hand, and every later one; from another thread."""
        self._is_cut = True
        used = self._socket
        if used is not None:
            with contextlib.suppress(OSError):
                used.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self, end: float) -> socket.socket:
        """Give an open connection; one that the server has closed meanwhile is replaced before anything is sent."""
        if self._socket is not None:
            if not self._poll.poll(0):
                return self._socket
            self.close()
        origin = self._origin
        plain = socket.create_connection((origin.host, origin.port), max(end - self._monotonic(), 0.001))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        used = plain
        if self._context is not None:
            used = self._context.wrap_socket(plain, server_hostname=origin.host)
        self._socket = used
        self._poll = select.poll()
        self._poll.register(used, select.POLLIN)
        return used

    def _receive(self, used: socket.socket, end: float) -> Answer:
        reading = _Reading(used, end, self._monotonic)
        while True:
            head = reading.head()
            found = _STATUS.match(head)
            if found is None:
                raise Failed("what came is not HTTP/1.1")
            status = int(found[2])
            if status >= 200:  # noqa: PLR2004 - others come before the answer
                break
        lengths = _LENGTH.findall(head)
        if status in _NO_BODY:
            body = b""
        elif _CHUNKED.search(head):
            body = reading.chunks()
        elif lengths:
            if not _DIGITS.fullmatch(lengths[0]) or lengths.count(lengths[0]) < len(lengths):
                raise Failed("its answer names no length that can be believed")
            body = reading.exactly(int(lengths[0]))
        else:
            body = reading.rest()
        if reading.is_over or found[1] == b"0" or reading.left or _CLOSE.search(head):
            self.close()
        return Answer(status, body)

    def _why(self, error: OSError, *, is_sent: bool) -> str:
        if isinstance(error, TimeoutError):
            return f"no whole answer within {self._seconds:g} s" if is_sent else "no connection in time"
        if isinstance(error, socket.gaierror):
            return f"the name {self._origin.host} is not known"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the server cannot prove who it is: {error.verify_message}"
        words = (error.strerror or str(error) or type(error).__name__).lower()
        return words if is_sent else f"cannot connect: {words}"


class _Reading:
    """The bytes of one answer as they come."""

    def __init__(self, used: socket.socket, end: float, monotonic: Callable[[], float]) -> None:
        self._socket, self._end, self._monotonic = used, end, monotonic
        self.left = b""
        """What came and was not taken yet."""
        self.is_over = False
        """The server has ended its side."""

    def head(self) -> bytes:
        """Take what stands before the body, with its empty line."""
        while (at := self.left.find(_HEAD_END)) < 0:
            if len(self.left) > _MOST_HEAD:
                raise Failed("the answer's head has no end")
            if not self._more():
                raise Failed("it closed the connection without an answer")
        head, self.left = self.left[: at + len(_HEAD_END)], self.left[at + len(_HEAD_END) :]
        return head

    def exactly(self, length: int) -> bytes:
        """Take so many bytes."""
        if length > _MOST_BODY:
            raise Failed(f"its answer has more than {_MOST_BODY:,} bytes")
        pieces, size = [self.left], len(self.left)
        while size < length:
            self.left = b""
            if not self._more():
                raise Failed("its answer was cut off")
            pieces.append(self.left)
            size += len(self.left)
        whole = b"".join(pieces)
        self.left = whole[length:]
        return whole[:length]

    def chunks(self) -> bytes:
        """Take a body in chunks, and the lines behind it."""
        pieces, size = [], 0
        while True:
            while (found := _CHUNK_SIZE.match(self.left)) is None:
                if len(self.left) > _MOST_HEAD or not self._more():
                    raise Failed("its answer was cut off")
            self.left = self.left[found.end() :]
            length = int(found[1], 16)
            size += length
            if not length:
                break
            if size > _MOST_BODY:
                raise Failed(f"its answer has more than {_MOST_BODY:,} bytes")
            pieces.append(self.exactly(length + 2)[:-2])
        self.left = b"\r\n" + self.left  # so that no trailer is the same as an empty line behind some
        self.head()
        return b"".join(pieces)

    def rest(self) -> bytes:
        """Take all until the server closes."""
        pieces, size = [self.left], len(self.left)
        self.left = b""
        while self._more():
            pieces.append(self.left)
            size += len(self.left)
            self.left = b""
            if size > _MOST_BODY:
                raise Failed(f"its answer has more than {_MOST_BODY:,} bytes")
        return b"".join(pieces)

    def _more(self) -> bool:
        """Wait for bytes; False: there are no more."""
        seconds = self._end - self._monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._socket.settimeout(seconds)
        data = self._socket.recv(_READ)
        self.left += data
        self.is_over = not data
        return bool(data)
