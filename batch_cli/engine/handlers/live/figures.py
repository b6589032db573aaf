"""How a live batch goes, in figures: for people who watch it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from batch_cli.events import LiveFigures
from batch_cli.model import JsonObject, JsonValue

_RECENT = 1_000
"""Answers that the times are taken from."""


@dataclass(slots=True)
class Figures:
    """Counted while it runs; what an earlier run of the same batch did is not in it."""

    in_flight: int = 0
    tokens: int = 0
    saved: int = 0
    """Requests that were answered by what had come for another one."""
    saved_tokens: int = 0
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def took(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._seconds.append(seconds)

    def save(self, tokens: int) -> None:
        """Note that a request needed not be sent, and the tokens that it would have taken."""
        self.saved += 1
        self.saved_tokens += tokens

    def now(self) -> LiveFigures:
        """Give them as they are."""
        times = sorted(self._seconds)
        return LiveFigures(
            self.in_flight,
            self.tokens,
            self.saved,
            self.saved_tokens,
            _share(times, 0.5),
            _share(times, 0.95),
        )


def _share(times: list[float], share: float) -> float | None:
    """Give the nearest-rank percentile: ``times[ceil(share * n) - 1]``."""
    return times[math.ceil(share * len(times)) - 1] if times else None


def tokens_of(body: JsonObject) -> int:
    """Give the tokens that an answer says it took, in any wire's words; 0 where it says nothing."""
    usage = body.get("usage") or body.get("usageMetadata")
    if not isinstance(usage, dict):
        return 0
    total = usage.get("total_tokens", usage.get("totalTokenCount"))
    return _count(total) or _count(usage.get("input_tokens")) + _count(usage.get("output_tokens"))


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) and value > 0 else 0
