"""What is tried again, and when: by what went wrong, by what the server asked for, by chance.

the answer is the row's       400 401 403 404 413 422, an exhausted quota, any other status
a fault: a few tries          408 409 425 500 504, Cloudflare's 520-524, a connection that broke, a late answer
the server has no room        429 502 503 529: all requests wait, as long as nobody else gets an answer
the server is not there       no connection: all requests wait, however long it takes
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random

from batch_cli.model import JsonObject

MOST_FAULTS = 5
"""A request that failed so often, by itself, is not tried again."""
LATE = 3
"""What an answer that was not whole in time counts as: it took the server long, and will again."""
MOST_REFUSALS = 50
"""A request that found no room so often, while others were answered, is not tried again."""
LONGEST_RETRY_AFTER = 300.0
"""Seconds; a server that asks for more is asked again earlier."""
_FIRST, _LONGEST = 0.5, 20.0
_FAULTS = frozenset({408, 409, 425, 500, 504, *range(520, 525)})
_NO_ROOM = frozenset({429, 502, 503, 529})
_EXHAUSTED = ("insufficient_quota", "billing_hard_limit_reached")


class Verdict(enum.Enum):
    """What an answer with a status means for its request."""

    FINAL = enum.auto()
    FAULT = enum.auto()
    NO_ROOM = enum.auto()


def judge(status: int, error: JsonObject) -> Verdict:
    """Judge an answer by its status and by the error in it."""
    if status in _NO_ROOM:
        return Verdict.FINAL if error.get("code") in _EXHAUSTED else Verdict.NO_ROOM
    return Verdict.FAULT if status in _FAULTS else Verdict.FINAL


def backoff(tries: int, dice: Random) -> float:
    """Give seconds to wait after so many tries: ``uniform(0, min(20, 0.5 * 2 ** (tries - 1)))``."""
    return dice.uniform(0, min(_LONGEST, _FIRST * 2 ** min(tries - 1, 16)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that a server asked to wait, capped; None if it asked for nothing that can be understood.

    ``Retry-After-Ms``, then ``Retry-After`` as seconds or as a date, which is compared with the answer's own.
    Source: RFC 9110, 10.2.3; the first is what OpenAI's and Azure's clients read (openai 3.52.0, 2026-11-21).
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST_RETRY_AFTER)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text is not None:
        seconds = _until(text, headers.get("date"))
    return None if seconds is None else min(seconds, LONGEST_RETRY_AFTER)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _until(text: str, date: str | None) -> float | None:
    try:
        left = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):
        return None
    return left if left > 0 else None


@dataclass(slots=True)
class Tries:
    """What one request has cost so far."""

    faults: int = 0
    refusals: int = 0

    @property
    def is_over(self) -> bool:
        """Tell whether it is not to be tried again."""
        return self.faults >= MOST_FAULTS or self.refusals >= MOST_REFUSALS
