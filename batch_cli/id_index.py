"""A compact map from ``custom_id`` to the line it was seen on: 16 to 32 bytes an id, whatever its length."""

from __future__ import annotations

from array import array

_SMALLEST = 1 << 12


class IdIndex:
    """Remembers every id it was given, by a 64-bit hash, in an open-addressing table.

    Two different ids are taken for the same with a probability of about ``n² / 2**65``: one in thirty
    million for a million ids.
    """

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
        wanted = (hash(custom_id) & 0xFFFFFFFFFFFFFFFF) or 1
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
