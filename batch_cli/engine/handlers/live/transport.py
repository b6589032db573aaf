"""How one HTTP exchange with a model server looks to the rest: what goes in, what comes out, what can fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

MOST_BYTES = 32_000_000
"""Of one answer that is kept."""


class Answer(NamedTuple):
    """A whole HTTP answer, whatever it says."""

    status: int
    headers: Mapping[str, str]
    """Found by their names in lower case, however they were sent."""
    body: bytes


class TransportError(Exception):
    """There is no whole answer; the message says why, without the address.

    TransportError
    ├── Unreachable   nothing was sent
    ├── Lost          the connection ended before the answer did, or what came was not HTTP
    ├── TooSlow       the time was over before the answer was whole
    └── Unusable      the answer is one that is not read: too large, or packed
    """


class Unreachable(TransportError):
    """The server cannot be connected to: nothing was sent."""


class Lost(TransportError):
    """The connection ended before the answer did; the request may have been worked at."""


class TooSlow(TransportError):
    """The answer was not whole in time; the request may still be worked at."""


class Unusable(TransportError):
    """The answer is too large or packed, and was not read."""


class Transport(Protocol):
    """Sends requests to one model server; many at once."""

    async def send(self, method: str, url: str, body: bytes | None, seconds: float) -> Answer:
        """Send one request and read its whole answer, all in ``seconds``; once, following nothing.

        Memory: the answer, `MOST_BYTES` at most.

        Raises:
            TransportError: there is no whole answer.
        """
        ...
