"""Ids for the lines whose own is missing, refused or taken: close to the old one, and never used elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from batch_cli.errors import Severity
from batch_cli.id_index import IdIndex
from batch_cli.model import JsonValue
from batch_cli.providers.base import Codec

_OTHERS = re.compile("[^A-Za-z0-9_-]+")
"""What not every provider takes in an id."""
_TRIES = 1_000


class NewIds:
    """Which ids a file has, and new ones for the lines that need one. Memory: 16 to 32 bytes a line."""

    def __init__(self, codec: Codec) -> None:
        """Start with no id known; ``codec`` says which ids its provider takes."""
        self._codec = codec
        self._taken = IdIndex()

    def take(self, custom_id: JsonValue, line: int) -> None:
        """Note the id that a line has, if it is good; the first line keeps what several have."""
        if isinstance(custom_id, str) and self._is_valid(custom_id):
            self._taken.add(custom_id, line)

    def is_good(self, custom_id: JsonValue, line: int) -> bool:
        """Tell whether a line may keep its id; only after all ids were noted."""
        return isinstance(custom_id, str) and self._is_valid(custom_id) and self._taken.get(custom_id) == line

    def make(self, old: JsonValue, line: int) -> str | None:
        """Make an id for a line out of what it has, and take it; None where the limits leave no room for one."""
        for candidate in self._candidates(old, line):
            if self._is_valid(candidate) and self._taken.add(candidate, line) is None:
                return candidate
        return None

    def _candidates(self, old: JsonValue, line: int) -> Iterator[str]:
        longest = self._codec.limits.id_length
        text = str(old) if isinstance(old, str | int) and not isinstance(old, bool) else ""
        plain = _OTHERS.sub("_", text)
        base = next((name for name in (text, text[:longest], plain[:longest]) if self._is_valid(name)), None)
        if base is not None:
            yield base
        for again in range(1, _TRIES):
            suffix = str(line) if again == 1 else f"{line}-{again}"
            stem = "request" if base is None else base[: max(0, longest - len(suffix) - 1)]
            yield f"{stem}-{suffix}" if stem else suffix
        yield str(line)

    def _is_valid(self, custom_id: str) -> bool:
        return not any(found.severity is Severity.ERROR for found in self._codec.check_id(custom_id))
