"""The figures of a list of numbers: formulas, written out; pure.

Every figure of no numbers is 0, so that no document ever holds NaN or an infinity.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from batch_cli.model import JsonObject

PERCENTILES = {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99_9": 99.9}
"""Names and per cents of those that are reported."""
_WIDE = 8.0


def mean(values: Sequence[float]) -> float:
    """Give the sum divided by the count."""
    return math.fsum(values) / len(values) if values else 0.0


def median(values: Sequence[float]) -> float:
    """Give the middle value, or the mean of the two in the middle."""
    if not values:
        return 0.0
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def deviation(values: Sequence[float]) -> float:
    """Give the sample deviation: the root of the squared distances from the mean over n - 1; 0 below two values."""
    if len(values) < 2:  # noqa: PLR2004 - as said
        return 0.0
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def variation(values: Sequence[float]) -> float:
    """Give the coefficient of variation in per cent: deviation / mean * 100; 0 where the mean is 0."""
    middle = mean(values)
    return deviation(values) / middle * 100 if middle else 0.0


def place(count: int, percent: float) -> int:
    """Give where the percentile stands in ``count`` ordered values: the nearest rank, ceil(p/100 * n) - 1, from 0.

    Nothing is interpolated, so that every percentile is a time that was really measured.
    """
    # The product of 99.9 and 1,000 is a little above 99,900: rounding keeps it from taking the next rank.
    return min(max(math.ceil(round(percent * count / 100, 9)) - 1, 0), count - 1)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Give the smallest value that at least ``percent`` of the ordered values do not exceed."""
    return ordered[place(len(ordered), percent)] if ordered else 0.0


def five(values: Sequence[float]) -> JsonObject:
    """Give min, max, avg, median and std_dev."""
    return {
        "min": min(values, default=0.0),
        "max": max(values, default=0.0),
        "avg": mean(values),
        "median": median(values),
        "std_dev": deviation(values),
    }


def percentiles(values: Sequence[float]) -> JsonObject:
    """Give all of `PERCENTILES`."""
    ordered = sorted(values)
    return {name: percentile(ordered, percent) for name, percent in PERCENTILES.items()}


def histogram(values: Sequence[float], bins: int) -> list[tuple[float, float, int]]:
    """Give up to ``bins`` ranges from the smallest to the largest value, each with its count.

    They have equal widths, or where the largest is more than eight times the smallest, equal ratios: one slow call
    would push all others into one range. A range holds its lower end and not its upper one, except the last.
    Values that are all the same are one range.
    """
    if not values:
        return []
    low, high = min(values), max(values)
    if low == high:
        return [(low, high, len(values))]
    if low > 0 and high / low > _WIDE:
        start = math.log(low)
        step = (math.log(high) - start) / bins
        inner = [math.exp(start + step * at) for at in range(1, bins)]
    else:
        inner = [low + (high - low) / bins * at for at in range(1, bins)]
    counts = [0] * bins
    for value in values:
        counts[bisect_right(inner, value)] += 1
    return list(zip([low, *inner], [*inner, high], counts, strict=True))
