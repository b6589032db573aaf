"""A connection that sends one request again and again, at the cost of two system calls each.

The measured machine is often this one, so the client has to be light: httpcore2 and http.client take several
times the processor time, which a request to a fast server would be charged with. What is sent never changes and
what comes is only cut where HTTP/1.1 says it ends (RFC 9112 6.3).
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from batch_cli import __version__
from batch_cli.answer_reader import AnswerReader, Garbled, Unreadable
from batch_cli.bench.call import CutOff
from batch_cli.httpclient.origin import Origin

_MOST_BODY = 64_000_000
_SLACK = 0.005
"""Seconds by which a socket's limit may be off: setting it is a system call, which most requests can do without."""
_READ = 1 << 16
"""What is read at once; from 128 kB on, the room for it is taken from the system anew each time, which takes 10 µs."""


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
        self._limited_to = 0.0
        """Seconds that a step on the socket may take now."""
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
            self._limit(connected, end)
            is_sent = True
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
        self._socket, self._limited_to = used, 0.0
        self._poll = select.poll()
        self._poll.register(used, select.POLLIN)
        return used

    def _receive(self, used: socket.socket, end: float) -> Answer:
        reader, found, is_over = AnswerReader(_MOST_BODY), None, False
        while found is None:
            self._limit(used, end)
            data = used.recv(_READ)
            is_over = not data
            try:
                found = reader.end() if is_over else reader.take(data)
            except (Garbled, Unreadable) as error:
                raise Failed(str(error)) from error
            if is_over and found is None:
                raise Failed(reader.why_cut())
        if is_over or not reader.stays:
            self.close()
        head, body = found
        return Answer(head.status, body)

    def _limit(self, used: socket.socket, end: float) -> None:
        """Let the next step on a socket take until ``end``, or a few milliseconds more."""
        seconds = end - self._monotonic()
        if seconds <= 0:
            raise TimeoutError
        if abs(seconds - self._limited_to) > _SLACK:
            used.settimeout(seconds)
            self._limited_to = seconds

    def _why(self, error: OSError, *, is_sent: bool) -> str:
        if isinstance(error, TimeoutError):
            return f"no whole answer within {self._seconds:g} s" if is_sent else "no connection in time"
        if isinstance(error, socket.gaierror):
            return f"the name {self._origin.host} is not known"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the server cannot prove who it is: {error.verify_message}"
        words = (error.strerror or str(error) or type(error).__name__).lower()
        return words if is_sent else f"cannot connect: {words}"
