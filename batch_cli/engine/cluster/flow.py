"""How fast rows come: by it, so many are worth waiting for, and so many are wanted ahead."""

from __future__ import annotations

import math

_MEMORY_SECONDS = 0.1
"""After so long a time, what was before counts a third."""


class Flow:
    """The rows of a second, on average; the newest count most."""

    def __init__(self, at: float) -> None:
        """Begin with none, at ``at`` seconds of a steady clock."""
        self._rate, self._at = 0.0, at

    def passed(self, rows: int, at: float) -> None:
        """Note that so many rows came since the last time: ``rate * w + rows / seconds * (1 - w)``, ``w = e^(-seconds / 0.1)``."""
        seconds, self._at = at - self._at, at
        if seconds > 0:
            weight = math.exp(-seconds / _MEMORY_SECONDS)
            self._rate = self._rate * weight + rows / seconds * (1 - weight)

    def rows_in(self, seconds: float) -> int:
        """Give how many rows come in so many seconds."""
        return int(self._rate * seconds)

    def seconds_for(self, rows: int) -> float:
        """Give how long it takes until so many rows have come."""
        return rows / self._rate if self._rate else math.inf
