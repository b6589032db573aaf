"""How long a server asks to wait, in all spellings that services use.

Source: RFC 9110 10.2.3; ``retry-after-ms`` of OpenAI and Azure; a reset as a duration in
``x-ratelimit-reset-*`` is no demand and not read here (2026-11-21).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MOST_SECONDS = 300.0
"""A longer demand is not waited for; the caller says when it ends instead."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Give the seconds to wait; None: nothing sensible is asked. ``headers`` have lower-case names.

    A date counts from the answer's own Date, so that a wrong clock here does no harm.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is not None or given is None:
        return seconds
    end = _moment(given)
    if end is None:
        return None
    start = _moment(headers.get("date", ""))
    wait = end - (now if start is None else start)
    return wait if wait > 0 else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
