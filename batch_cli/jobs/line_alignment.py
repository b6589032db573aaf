"""How the lines of a file differ from those that were written, told by the checksums of both."""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass


class Difference(enum.StrEnum):
    """What became of a line."""

    CHANGED = "changed"
    """It stands in its place with other bytes."""
    LOST = "lost"
    DOUBLED = "doubled"
    MOVED = "moved"
    FOREIGN = "foreign"
    """It stands between others and was never written."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; lines are counted from 1."""

    kind: Difference
    line: int
    """Where it is in the file; for a lost line, the one that stands in its place."""
    written: int | None = None
    """Which line it was."""


def differences(written: array[int], found: array[int]) -> Iterator[Change]:
    """Give what tells ``found`` from ``written``, in the order of the file; nothing if they are equal.

    Memory: some 200 bytes for each line between the first difference and the last.
    """
    if written == found:
        return
    start = _equal_at_start(written, found)
    left = _equal_at_end(written, found, start)
    yield from _Walk(written, found, start, left).changes()


def _equal_at_start(one: array[int], other: array[int]) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def _equal_at_end(one: array[int], other: array[int], start: int) -> int:
    most = min(len(one), len(other)) - start
    return next((at for at in range(most) if one[-1 - at] != other[-1 - at]), most)


class _Walk:
    """Both sequences side by side, between what is equal at their ends."""

    def __init__(self, written: array[int], found: array[int], start: int, left: int) -> None:
        self.written, self.found, self.start = written, found, start
        self.written_end, self.found_end = len(written) - left, len(found) - left
        self.places: dict[int, int] = {}
        """Where a checksum was written; everywhere, because a line may be doubled from far away."""
        for at, checksum in enumerate(written):
            self.places.setdefault(checksum, at)
        self.to_come = Counter(found[start : self.found_end])
        """How often each checksum is still to come in the file."""
        self.used: set[int] = set()

    def changes(self) -> Iterator[Change]:
        at, line = self.start, self.start
        while line < self.found_end:
            checksum = self.found[line]
            self.to_come[checksum] -= 1
            place = self.places.get(checksum)
            if at >= self.written_end:
                yield self._too_many(line, place)
                line += 1
                continue
            expected = self.written[at]
            # What was expected here may have been met before, as a line that moved.
            is_expected_later = at not in self.used and self.to_come[expected] > 0
            if checksum == expected and at not in self.used:
                self.used.add(at)
            elif place is None:
                if is_expected_later:
                    yield Change(Difference.FOREIGN, line + 1)
                    at -= 1
                else:
                    yield Change(Difference.CHANGED, line + 1, at + 1)
                    self.used.add(at)
            elif self._is_here(place):
                yield Change(Difference.DOUBLED, line + 1, place + 1)
                if is_expected_later:
                    at -= 1
            elif is_expected_later or at in self.used:
                self.used.add(place)
                yield Change(Difference.MOVED, line + 1, place + 1)
            else:  # lost; the same line is held against the next one
                yield Change(Difference.LOST, line + 1, at + 1)
                self.used.add(at)
                self.to_come[checksum] += 1
                line -= 1
            at += 1
            line += 1
        for left in range(self.start, self.written_end):
            if left not in self.used:
                yield Change(Difference.LOST, min(left, line) + 1, left + 1)

    def _too_many(self, line: int, place: int | None) -> Change:
        """Say what a line is that comes after all that was written."""
        if place is None:
            return Change(Difference.FOREIGN, line + 1)
        kind = Difference.DOUBLED if self._is_here(place) else Difference.MOVED
        return Change(kind, line + 1, place + 1)

    def _is_here(self, place: int) -> bool:
        """Tell whether a written line was met already, or stands in what is equal at the ends."""
        return place in self.used or not self.start <= place < self.written_end
