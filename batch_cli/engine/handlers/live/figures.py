"""How a live batch goes, in figures: for people who watch it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from batch_cli import token_usage
from batch_cli.events import LiveFigures
from batch_cli.model import JsonObject, JsonValue

_RECENT = 1_000
"""Answers that the times are taken from."""


@dataclass(slots=True)
class Figures:
    """Counted while it runs; what an earlier run of the same batch did is not in it."""

    dollars_in: float | None = None
    """What a million tokens of requests cost, and of answers; None: not known."""
    dollars_out: float | None = None
    in_flight: int = 0
    tokens: int = 0
    _dollars: float = 0.0
    saved: int = 0
    """Requests that were answered by what had come for another one."""
    saved_tokens: int = 0
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def took(self, seconds: float, body: JsonObject) -> int:
        """Note an answer and how long it took; give its tokens."""
        self._seconds.append(seconds)
        tokens = tokens_of(body)
        self.tokens += tokens
        if tokens and self.dollars_in is not None and self.dollars_out is not None:
            said = token_usage.tokens_of(body)
            self._dollars += (
                (said.input or 0) * self.dollars_in + (said.output or 0) * self.dollars_out
            ) / 1e6
        return tokens

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
            dollars=None if self.dollars_in is None else self._dollars,
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
