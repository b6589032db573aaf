from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.histogram import Histogram


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(st.lists(st.floats(min_value=1e-5, max_value=1e15), min_size=1), st.floats(min_value=0, max_value=1))
def test_a_quantile_is_right_within_a_tenth(values: list[float], share: float) -> None:
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]

    found = of(values).quantile(share)

    assert found == pytest.approx(exact, rel=0.1)


@given(st.lists(st.floats(min_value=0, max_value=1e30)), st.integers(min_value=3, max_value=40))
def test_bars_hold_every_value_once_and_are_no_more_than_asked_for(values: list[float], most: int) -> None:
    bars = of(values).bars(most)

    assert sum(bar.count for bar in bars) == len(values)
    assert len(bars) <= most
    positive = [bar for bar in bars if bar.high]
    assert all(left.high == right.low for left, right in itertools.pairwise(positive))


def test_sums_and_ends_are_exact() -> None:
    random.seed(1)
    values = [random.expovariate(1) for _ in range(1_000)]
    histogram = of(values)

    assert (histogram.count, histogram.smallest, histogram.largest) == (1_000, min(values), max(values))
    assert histogram.mean == pytest.approx(sum(values) / 1_000)


def test_what_is_no_measurement_is_not_counted() -> None:
    histogram = of([-1, math.inf, math.nan])

    assert (histogram.count, histogram.mean, histogram.quantile(0.5), histogram.bars()) == (0, None, None, [])


def test_zeros_have_a_bar_of_their_own() -> None:
    histogram = of([0, 0, 8])

    assert [bar.count for bar in histogram.bars()] == [2, 1]
    assert histogram.quantile(0.5) == 0
    assert histogram.quantile(1) == 8


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(1, 40))
def test_whole_numbers_have_whole_edges_that_hold_them(values: list[int], most: int) -> None:
    histogram = Histogram(is_whole=True)
    for value in values:
        histogram.add(value)

    bars = histogram.bars(max(most, 3))
    assert sum(bar.count for bar in bars) == len(values)
    assert all(bar.low == int(bar.low) and bar.high == int(bar.high) for bar in bars)
    for bar in bars:
        assert bar.count == sum(
            bar.low <= value < bar.high or value == bar.low == bar.high for value in values
        )
    assert all(one.high == other.low for one, other in itertools.pairwise(bar for bar in bars if bar.high))
    assert histogram.quantile(0.5) == int(histogram.quantile(0.5) or 0)
