"""When requests may go to a model server: one answer of "no room" or "not there" holds all of them back."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from batch_cli.engine.handlers.live.retrying import backoff

_ALWAYS = float("-inf")
_ROUNDS_TOLD = 2
"""Refusals in a row, without an answer to anybody, after which somebody is told; one alone is everyday life."""


class Pace:
    """What all requests to one model server know together; times are seconds of one steady clock."""

    def __init__(self, url: str, tell: Callable[[str], None], now: Callable[[], float], dice: Random) -> None:
        """Start open. ``tell`` gets one line when the server goes away, and one when it is back."""
        self._url, self._tell, self._now, self.dice = url, tell, now, dice
        self._open_at = self._paused_at = _ALWAYS
        self._rounds = 0
        self._away_since: float | None = None
        self.answered_at = _ALWAYS
        """When the server last gave any answer but that it has no room."""

    def delay(self) -> float:
        """Give the seconds until requests may be sent."""
        return max(0.0, self._open_at - self._now()) if self._open_at > _ALWAYS else 0.0

    @property
    def is_away(self) -> bool:
        """Tell whether nobody has been answered since the server went away, or had no room twice."""
        return self._away_since is not None

    def away(self) -> float | None:
        """Give for how many seconds it has been away; None: it is there."""
        return None if self._away_since is None else self._now() - self._away_since

    def answered(self) -> None:
        """Note an answer: there is room again."""
        now = self.answered_at = self._now()
        self._rounds, self._open_at = 0, _ALWAYS
        if self._away_since is not None:
            self._tell(f"the model server at {self._url} is back after {now - self._away_since:.0f} s")
            self._away_since = None

    def refused(self, sent_at: float, reason: str, *, wait: float | None, is_away: bool) -> bool:
        """Note that a request sent at ``sent_at`` found no room, or nobody at all; hold all of them back.

        True: it is the first of its round. ``wait`` is what the server asked for. Requests that were under way together count as one round, or the
        pauses would grow with the number of requests instead of with time.
        """
        now = self._now()
        is_first = sent_at > self._paused_at
        if is_first:
            self._rounds += 1
            self._paused_at = now
            self._open_at = now + (backoff(self._rounds, self.dice) if wait is None else wait)
        elif wait is not None:
            self._open_at = max(self._open_at, now + wait)
        if self._away_since is None and (is_away or self._rounds >= _ROUNDS_TOLD):
            self._away_since = now
            self._tell(f"the model server at {self._url} is not there: {reason}; trying again")
        return is_first
