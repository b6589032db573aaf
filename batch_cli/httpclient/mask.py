"""The key taken out of what a server says back: its errors are shown to people, and kept in logs."""

from __future__ import annotations

from collections.abc import Mapping

from batch_cli.jsonl import dumps

_SECRET = ("authorization", "api-key", "x-api-key", "x-goog-api-key")
"""Headers that hold a key, alone or behind a word."""
_INSTEAD = "(key)"
_SHORTEST = 8
"""A shorter key, as local servers take, would be found in words that have nothing to do with it."""


class Mask:
    """Knows the keys that are sent, and how they are written in JSON."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Take the keys from the headers of every request."""
        keys = {value.rpartition(" ")[2] for name, value in headers.items() if name.lower() in _SECRET}
        found = set()
        for key in keys:
            if len(key) >= _SHORTEST:
                in_json = dumps(key).decode()[1:-1]
                found |= {key, in_json, in_json.replace("/", "\\/")}
        self._spellings = sorted(found, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Give ``text`` without the keys."""
        for spelling in self._spellings:
            text = text.replace(spelling, _INSTEAD)
        return text

    def body(self, body: bytes) -> bytes:
        """Give a body without the keys."""
        for spelling in self._spellings:
            body = body.replace(spelling.encode(), _INSTEAD.encode())
        return body

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Give headers without the keys."""
        return {name: self.text(value) for name, value in headers.items()}
