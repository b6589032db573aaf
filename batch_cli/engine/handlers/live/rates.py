"""How many requests and tokens may go out in a minute: places in time, given out in order.

A place is reserved once and waited for once, so that a thousand waiting requests cost a thousand timers and not a
million. Places are spread evenly, with no burst at the start: then a run that was killed and goes on within the
minute stays within the limit as well, but for one request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
LATE = 0.25
"""Seconds after which a place is not used any more; windows are longer by it, so that no late one makes them too full."""


@dataclass(slots=True)
class Entry:
    """What one request takes of a minute."""

    at: float
    amount: float


class Window:
    """At most so much in any 60 seconds; what goes out is spread evenly over them."""

    def __init__(self, most: float, now: Callable[[], float]) -> None:
        """Give out ``most`` in a minute, of whatever is counted."""
        self.most, self._now = most, now
        self._entries: deque[Entry] = deque()
        self._sum = 0.0
        self._next = float("-inf")

    def earliest(self, amount: float) -> float:
        """Give when ``amount`` may go out. More than a whole minute holds goes out alone."""
        now = self._now()
        self._forget(now)
        at = max(now, self._next)
        left = self._sum
        for one in self._entries:
            if left + amount <= self.most or left <= 0:
                break
            left -= one.amount
            at = max(at, one.at + MINUTE + LATE)
        return at

    def take(self, at: float, amount: float) -> Entry:
        """Note that ``amount`` goes out at ``at``, which `earliest` gave."""
        entry = Entry(at, amount)
        self._entries.append(entry)
        self._sum += amount
        # What was late may catch up by a second, or a busy event loop would make every minute shorter.
        self._next = max(self._next, at - 1.0 if len(self._entries) > 1 else at) + amount * MINUTE / self.most
        return entry

    def correct(self, entry: Entry, amount: float) -> None:
        """Note what a request really took, when it is known."""
        if self._entries and self._entries[0].at <= entry.at:
            self._sum += amount - entry.amount
        self._next += (amount - entry.amount) * MINUTE / self.most
        entry.amount = amount

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0].at + MINUTE + LATE <= now:
            self._sum -= self._entries.popleft().amount


class Rates:
    """What the user allows of requests and tokens a minute, over all servers."""

    def __init__(self, requests: int | None, tokens: int | None, now: Callable[[], float]) -> None:
        """Take the two limits; None: there is none."""
        self._now = now
        self._requests = Window(requests, now) if requests else None
        self._tokens = Window(tokens, now) if tokens else None
        self.counts_tokens = tokens is not None

    def reserve(self, tokens: float) -> Place | None:
        """Give the next place in time for a request that may take ``tokens``; None: it may go at once."""
        if self._requests is None and self._tokens is None:
            return None
        at = self._now()
        if self._requests is not None:
            at = max(at, self._requests.earliest(1))
        if self._tokens is not None:
            at = max(at, self._tokens.earliest(tokens))
        if self._requests is not None:
            self._requests.take(at, 1)
        return Place(at, self._tokens, self._tokens.take(at, tokens) if self._tokens is not None else None)


@dataclass(slots=True)
class Place:
    """A reserved moment."""

    at: float
    tokens: Window | None
    entry: Entry | None

    def took(self, tokens: float) -> None:
        """Note how many tokens it was in the end; 0 for one that was not sent."""
        if self.tokens is not None and self.entry is not None:
            self.tokens.correct(self.entry, tokens)
