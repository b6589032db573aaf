"""Characters that terminals and editors obey, written as escapes."""

from __future__ import annotations

import re

# C0 but tab and the two line ends, DEL, C1, line separators, embeddings and overrides of the writing direction,
# isolates, halves of surrogate pairs. Joiners stay: emojis and some scripts need them.
_OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ONE_BYTE = 0x100
_ASCII_OBEYED = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))


def escaped(text: str) -> str:
    r"""Give ``text`` with such characters as ``\x1b`` or ``\u202e``; tabs and line ends stay."""
    if text.isascii():  # nearly every text; seven times faster than the pattern where there is nothing to do
        raw = text.encode("ascii")
        if len(raw.translate(None, _ASCII_OBEYED)) == len(raw):
            return text
    return _OBEYED.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < _ONE_BYTE else f"\\u{code:04x}"
