"""Sets of line numbers, kept as runs of neighbours: a file that is wrong everywhere costs no memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator


class LineRuns:
    """Line numbers that arrive in rising order; 16 bytes for each run of neighbours."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        """Start empty."""
        self._firsts = array("Q")
        self._lasts = array("Q")

    def add(self, line: int) -> None:
        """Note a line; one that is smaller than the last one starts a run of its own."""
        if self._lasts:
            last = self._lasts[-1]
            if line == last + 1:
                self._lasts[-1] = line
                return
            if self._firsts[-1] <= line <= last:
                return
        self._firsts.append(line)
        self._lasts.append(line)

    def __contains__(self, line: int) -> bool:
        """Tell whether a line was noted; only if all arrived in rising order."""
        at = bisect_right(self._firsts, line) - 1
        return at >= 0 and line <= self._lasts[at]

    def runs(self, without: Collection[int] = ()) -> Iterator[tuple[int, int]]:
        """Give ``(first, last)`` of each run, in the order of arrival, cut at the lines of ``without``."""
        left_out = sorted(without)
        for first, last in zip(self._firsts, self._lasts, strict=True):
            start = first
            for line in left_out[bisect_left(left_out, first) : bisect_right(left_out, last)]:
                if start < line:
                    yield start, line - 1
                start = line + 1
            if start <= last:
                yield start, last

    def lines(self, without: Collection[int] = ()) -> Iterator[int]:
        """Give the lines one by one, in the order of arrival, those of ``without`` left out."""
        for first, last in self.runs(without):
            yield from range(first, last + 1)
