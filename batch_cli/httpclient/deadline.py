"""A network backend whose every read and write ends at the deadline of the request, however slowly bytes drip."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable

import httpcore2
from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream, ReadTimeout, SyncBackend, WriteTimeout

_WINDOW = 60.0
_LEAST_BYTES = 60_000
"""A body that comes slower than this in a window is given up: 1 kB/s."""
_MOST_AT_ONCE = 1 << 16
"""Written at once: the time is looked at after each."""
_MOST_READ = 1 << 18
"""Read at once, which is four times what httpcore2 asks for: a large file comes in fewer steps."""


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
    """Opens connections that obey a `Deadline`, and counts them and what comes."""

    def __init__(self, deadline: Deadline) -> None:
        """Obey ``deadline``."""
        self.deadline, self._inner = deadline, SyncBackend()
        self.opened = 0
        """Connections tried so far."""
        self.received = 0
        """Bytes; set to zero by whoever sends."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect."""
        self.opened += 1
        left = self.deadline.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the time for this request is over")
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options), self)


class _Stream(NetworkStream):
    def __init__(self, inner: NetworkStream, network: DeadlineBackend) -> None:
        self._inner, self._network, self._deadline = inner, network, network.deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise ReadTimeout("the time for this request is over")
        data = self._inner.read(max(max_bytes, _MOST_READ), left)
        self._network.received += len(data)
        self._deadline.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _MOST_AT_ONCE):
            left = self._deadline.left(timeout)
            if left <= 0:
                raise WriteTimeout("the time for this request is over")
            piece = buffer[at : at + _MOST_AT_ONCE]
            self._inner.write(piece, left)
            self._deadline.count(len(piece))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the time for this request is over")
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._network)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
