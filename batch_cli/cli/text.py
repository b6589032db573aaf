"""Foreign text made harmless for terminals, logs and tables."""

from __future__ import annotations

import re

_LONGEST = 4_000
# C0 but tab and newline, DEL, C1, bidirectional and zero-width controls, line separators, surrogates, BOM.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def safe(text: str, limit: int = _LONGEST) -> str:
    """Give ``text`` with everything a terminal might obey written as an escape, at most ``limit`` characters.

    Tabs and line feeds stay; use `one_line` where they must not.
    """
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    return _UNSAFE.sub(_escape, text)


def one_line(text: str, limit: int = _LONGEST) -> str:
    """Give ``text`` safe and on one line."""
    return safe(text, limit).replace("\n", "\\n").replace("\t", "\\t")


def json_safe(line: str) -> str:
    """Give a line of JSON that says the same, with everything a terminal might obey written as JSON's own escapes.

    Valid JSON has such characters in strings only, and the other control characters nowhere but between values.
    """
    return _UNSAFE_IN_JSON.sub(_json_escape, line)


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:  # noqa: PLR2004 - one byte
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - one UTF-16 unit


def size(count: int) -> str:
    """Write a number of bytes for people: ``12.3 kB``."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":  # noqa: PLR2004 - SI
            return f"{count} B" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{count} B"


def duration(seconds: float) -> str:
    """Write a time span for people: ``4 min 10 s``."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def dollars(amount: float) -> str:
    """Write an amount of money for people: ``$12.30``, and small ones with two digits that count: ``$0.0042``."""
    return f"${amount:,.2f}" if amount >= 1 else f"${float(f'{amount:.2g}'):.6f}".rstrip("0").rstrip(".")


def plural(count: int, noun: str) -> str:
    """Write ``1 request``, ``2 requests``, ``10,000 requests``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rough(count: int) -> str:
    """Write a number that is only an estimate: ``950``, ``12 k``, ``1.3 M``."""
    for unit, amount in (("G", 1e9), ("M", 1e6)):
        if count >= amount:
            return f"{count / amount:,.1f} {unit}"
    return f"{round(count / 1000)} k" if count >= 1000 else str(count)  # noqa: PLR2004 - SI
