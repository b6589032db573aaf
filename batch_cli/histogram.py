"""A distribution of numbers in constant memory: counts in buckets that grow by a quarter of a power of two."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_PER_OCTAVE = 4
_LOWEST, _HIGHEST = -80, 240
"""Buckets from 2^-20 to 2^60, a millionth to 10^18; what lies outside counts for the outermost."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many values lie from ``low`` up to, but not at, ``high``."""

    low: float
    high: float
    count: int


@dataclass(slots=True)
class Histogram:
    """Counts values that are not negative; sums, smallest and largest are exact."""

    is_whole: bool = False
    """The values are whole numbers, and so are the quantiles and the edges of the bars."""
    count: int = 0
    total: float = 0
    smallest: float = math.inf
    largest: float = 0
    zeros: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (_HIGHEST - _LOWEST))

    def add(self, value: float) -> None:
        """Count a value; a negative or infinite one, or none at all, is no measurement."""
        if not 0 <= value < math.inf:
            return
        self.count += 1
        self.total += value
        self.smallest, self.largest = min(self.smallest, value), max(self.largest, value)
        if value == 0:
            self.zeros += 1
        else:
            at = math.floor(math.log2(value) * _PER_OCTAVE)
            self.buckets[min(max(at, _LOWEST), _HIGHEST - 1) - _LOWEST] += 1

    @property
    def mean(self) -> float | None:
        """Give the mean; None of no values."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Give the value that ``share`` of all (0 to 1) do not exceed, within a tenth; None of no values.

        The middle of the bucket where the sum of the counts reaches ``share * count``, on the scale of powers.
        """
        if not self.count:
            return None
        wanted = max(share * self.count, 1)
        seen = self.zeros
        if seen >= wanted:
            return 0.0
        for at, count in enumerate(self.buckets):
            seen += count
            if seen >= wanted:
                middle = math.exp2((at + _LOWEST + 0.5) / _PER_OCTAVE)
                found = min(max(middle, self.smallest), self.largest)
                return round(found) if self.is_whole else found
        return self.largest

    def bars(self, most: int = 20) -> list[Bar]:
        """Give the distribution as ``most`` bars or fewer, rising, without gaps; values of zero have the first one."""
        filled = [at for at, count in enumerate(self.buckets) if count]
        bars = [Bar(0, 0, self.zeros)] if self.zeros else []
        if not filled:
            return bars
        width = 1
        while filled[-1] // width - filled[0] // width + 1 > most - len(bars):
            width *= 2
        for group in range(filled[0] // width, filled[-1] // width + 1):
            first = group * width
            low, high = (self._edge(first), self._edge(first + width))
            count = sum(self.buckets[first : first + width])
            if count or low < high:  # between two edges there may be no whole number
                bars.append(Bar(low, high, count))
        return bars

    def _edge(self, at: int) -> float:
        """Give where a bucket begins; of whole numbers the first that lies in it."""
        edge = math.exp2((at + _LOWEST) / _PER_OCTAVE)
        return math.ceil(edge) if self.is_whole else edge
