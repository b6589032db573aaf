"""Ids and the lines they stand on, by 64-bit hashes: compact whatever the length of an id.

Two different ids are taken for the same with a probability of about ``n² / 2**65``: one in thirty million
for a million ids.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

_SMALLEST = 1 << 12


class IdIndex:
    """A map from id to line, in an open-addressing table: 16 to 32 bytes an id."""

    __slots__ = ("_hashes", "_lines", "_mask", "count")

    def __init__(self) -> None:
        """Start empty, with room for some three thousand ids."""
        self.count = 0
        self._resize(_SMALLEST)

    def _resize(self, size: int) -> None:
        self._mask = size - 1
        self._hashes = array("Q", bytes(8 * size))
        self._lines = array("L" if array("L").itemsize == 4 else "I", bytes(4 * size))  # noqa: PLR2004 - four-byte lines

    def add(self, custom_id: str, line: int) -> int | None:
        """Note that ``custom_id`` stands on ``line``; give the line it stood on before, if any."""
        return self.add_hash(hash(custom_id), line)

    def add_hash(self, hashed: int, line: int) -> int | None:
        """Do the same for an id of which only ``hash(id)`` is known."""
        wanted = (hashed & 0xFFFFFFFFFFFFFFFF) or 1
        at = self._find(wanted)
        if self._hashes[at]:
            return self._lines[at]
        self._hashes[at] = wanted
        self._lines[at] = line
        self.count += 1
        if self.count * 4 > self._mask * 3:
            self._grow()
        return None

    def get(self, custom_id: str) -> int | None:
        """Give the line of ``custom_id``, or None if it was never added."""
        at = self._find((hash(custom_id) & 0xFFFFFFFFFFFFFFFF) or 1)
        return self._lines[at] if self._hashes[at] else None

    def _find(self, wanted: int) -> int:
        """Give the slot that holds ``wanted``, or the free slot where it belongs."""
        hashes, mask = self._hashes, self._mask
        at = wanted & mask
        while (found := hashes[at]) and found != wanted:
            at = (at + 1) & mask
        return at

    def _grow(self) -> None:
        hashes, lines = self._hashes, self._lines
        self._resize((self._mask + 1) * 2)
        for wanted, line in zip(hashes, lines, strict=True):
            if wanted:
                at = self._find(wanted)
                self._hashes[at] = wanted
                self._lines[at] = line


class SeenIds:
    """Tells which ids came before, many at a time; 80 to 110 bytes an id until the first comes again.

    From then on an `IdIndex` does the work, which is slower, smaller, and knows the first line of each.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._seen: set[int] = set()
        self._hashes = array("q")
        self._lines = array("Q")
        self._index: IdIndex | None = None

    def add(self, ids: Iterable[str], lines: Sequence[int]) -> list[tuple[int, int]]:
        """Note ids and the line of each; give ``(place among these, first line)`` of those seen before."""
        hashes = [hash(custom_id) for custom_id in ids]
        if self._index is None:
            before = len(self._seen)
            self._seen.update(hashes)
            if len(self._seen) - before == len(hashes):
                self._hashes.extend(hashes)
                self._lines.extend(lines)
                return []
            self._index = self._build_index()
        found = []
        for place, (hashed, line) in enumerate(zip(hashes, lines, strict=True)):
            first = self._index.add_hash(hashed, line)
            if first is not None:
                found.append((place, first))
        return found

    @property
    def hashes(self) -> array[int] | None:
        """Give ``hash(id)`` of all ids in order; None once one came again. Means something in this process only."""
        return self._hashes if self._index is None else None

    def is_disjoint(self, hashes: array[int]) -> bool:
        """Tell whether none of these hashes is known, and no id came again."""
        return self._index is None and self._seen.isdisjoint(hashes)

    def _build_index(self) -> IdIndex:
        self._seen.clear()
        index = IdIndex()
        for hashed, line in zip(self._hashes, self._lines, strict=True):
            index.add_hash(hashed, line)
        del self._hashes[:], self._lines[:]
        return index
