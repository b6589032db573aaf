"""Chance that comes from a seed: the same seed and the same question give the same answer, everywhere."""

from __future__ import annotations

import heapq
from hashlib import blake2b

_SIZE = 6  # bytes that a float holds without rounding
_END = float(1 << 8 * _SIZE)


def draw(seed: int, *words: str | int) -> float:
    """Give a number from 0 up to 1 for what ``words`` name."""
    named = "\0".join(map(str, (seed, *words))).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(named, digest_size=_SIZE).digest(), "big") / _END


def chosen(seed: int, word: str, share: float, total: int) -> frozenset[int]:
    """Choose a share of ``range(total)``: at least one, unless the share is 0. Memory: the chosen ones."""
    if share <= 0 or total <= 0:
        return frozenset()
    count = min(total, max(1, round(share * total)))
    if count == total:
        return frozenset(range(total))
    return frozenset(heapq.nsmallest(count, range(total), key=lambda at: draw(seed, word, at)))
