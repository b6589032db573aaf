"""A network backend whose every read and write ends at the deadline of the request, however slowly bytes drip."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable

import httpcore2
from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream, ReadTimeout, SyncBackend, WriteTimeout

_WINDOW = 60.0
_LEAST_BYTES = 60_000
"""A body that comes slower than this in a window is given up: 1 kB/s."""


class Deadline:
    """When the request at hand has to be over; moved by whoever sends."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Measure by ``monotonic``; nothing is due before `start`."""
        self._monotonic = monotonic
        self._end = float("inf")
        self._window_end = float("inf")
        self._received = 0

    def start(self, seconds: float | None) -> None:
        """Begin a request; None: a body that may take as long as it keeps coming."""
        now = self._monotonic()
        self._end = float("inf") if seconds is None else now + seconds
        self._window_end = now + _WINDOW if seconds is None else float("inf")
        self._received = 0

    def left(self, timeout: float | None) -> float:
        """Give how long the next step may take; not above zero: none is left."""
        left = min(self._end, self._window_end) - self._monotonic()
        return left if timeout is None else min(left, timeout)

    def count(self, received: int) -> None:
        """Count received bytes, and open the next window when this one is over and was busy enough."""
        self._received += received
        if self._received >= _LEAST_BYTES:
            self._received = 0
            if self._window_end != float("inf"):
                self._window_end = self._monotonic() + _WINDOW


class DeadlineBackend(NetworkBackend):
    """Opens connections that obey a `Deadline`."""

    def __init__(self, deadline: Deadline) -> None:
        """Obey ``deadline``."""
        self._deadline, self._inner = deadline, SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect."""
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the time for this request is over")
        return _Stream(
            self._inner.connect_tcp(host, port, left, local_address, socket_options), self._deadline
        )


class _Stream(NetworkStream):
    def __init__(self, inner: NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise ReadTimeout("the time for this request is over")
        data = self._inner.read(max_bytes, left)
        self._deadline.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise WriteTimeout("the time for this request is over")
        self._inner.write(buffer, left)
        self._deadline.count(len(buffer))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the time for this request is over")
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
