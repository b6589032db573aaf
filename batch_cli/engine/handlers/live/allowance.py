"""What a server says about its own limits in the headers of an answer.

    x-ratelimit-{limit,remaining,reset}-{requests,tokens}       OpenAI and others; reset is a span: "1s", "6m0s", "120ms"
    anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}    reset is a time

Both resets say when the whole limit is there again, which gives the speed at which it comes back:
``(limit - remaining) / reset`` a second. What a limit counts for (a minute, a day) is said by neither.
Source: OpenAI's and Anthropic's pages on rate limits (read 2026-11-21; not seen on the wire).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_OPENAI = tuple(
    (f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}")
    for kind in ("requests", "tokens")
)
_ANTHROPIC = tuple(
    (
        f"anthropic-ratelimit-{kind}-limit",
        f"anthropic-ratelimit-{kind}-remaining",
        f"anthropic-ratelimit-{kind}-reset",
    )
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
)
_SPAN = re.compile(
    r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII
)
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_SCARCE = 0.1
"""Share of a limit below which requests are spread over the time until it is there again."""
_LONGEST = 300.0
"""Seconds; a server that asks for more is asked again earlier."""


def hold(headers: Mapping[str, str]) -> float:
    """Give the seconds that the next request should wait so that it is not refused; 0 where there is enough left.

    ``reset / (limit - remaining)`` where less than a tenth is left: as fast as the limit comes back.
    """
    if "x-ratelimit-remaining-requests" in headers or "x-ratelimit-remaining-tokens" in headers:
        names = _OPENAI
    elif "anthropic-ratelimit-requests-remaining" in headers:
        names = _ANTHROPIC
    else:
        return 0.0
    date = headers.get("date")
    return max(
        _hold_of(headers.get(most), headers.get(left), headers.get(reset), date)
        for most, left, reset in names
    )


def _hold_of(limit: str | None, remaining: str | None, reset: str | None, date: str | None) -> float:
    most, left = _count(limit), _count(remaining)
    if most is None or left is None or not reset or left > most * _SCARCE:
        return 0.0
    seconds = _seconds(reset, date)
    if seconds is None or seconds <= 0 or left >= most:
        return 0.0
    return min(seconds / (most - left), _LONGEST)


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 15 else None  # noqa: PLR2004 - below 2**53


def _seconds(text: str, date: str | None) -> float | None:
    """Read a span, bare seconds, or a time, which is compared with the answer's own."""
    found = _SPAN.fullmatch(text)
    if found and any(found.groups()):
        return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
    try:
        return float(text) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text) else _until(text, date)
    except (TypeError, ValueError):
        return None


def _until(text: str, date: str | None) -> float:
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=at.tzinfo or UTC) - parsedate_to_datetime(date or "")).total_seconds()
