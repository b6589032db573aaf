"""The formulas, by hand and by their properties."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.bench import spread

TIMES = st.lists(st.floats(min_value=0, max_value=1e9, allow_nan=False), min_size=1, max_size=200)


def test_the_five_figures_of_known_numbers() -> None:
    # By hand: the sum is 40, the mean 8; the squares of the distances are 36, 4, 4, 36: 80 / 3, root 5.163977...
    expected = {
        "min": 2.0,
        "max": 14.0,
        "avg": 8.0,
        "median": 8.0,
        "std_dev": pytest.approx(5.163977794943222),
    }

    assert spread.five([2.0, 6.0, 10.0, 14.0]) == expected


def test_the_deviation_is_0_below_two_values() -> None:
    assert (spread.deviation([]), spread.deviation([7.0])) == (0.0, 0.0)


def test_the_variation_is_the_deviation_in_per_cent_of_the_mean() -> None:
    assert spread.variation([2.0, 6.0, 10.0, 14.0]) == pytest.approx(64.54972243679028)
    assert spread.variation([0.0, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (75, 75), (90, 90), (95, 95), (99, 99), (99.9, 100), (100, 100)]
)
def test_percentiles_are_nearest_ranks(percent: float, expected: float) -> None:
    assert spread.percentile([float(n) for n in range(1, 101)], percent) == expected


def test_a_percentile_of_a_thousand_is_not_one_rank_too_high() -> None:
    values = [float(n) for n in range(1, 1001)]

    assert spread.percentile(values, 99.9) == 999
    assert spread.percentile(values, 99) == 990


def test_figures_of_nothing_are_0() -> None:
    assert set(spread.five([]).values()) == {0.0}
    assert set(spread.percentiles([]).values()) == {0.0}
    assert spread.histogram([], 5) == []


@given(TIMES)
def test_the_figures_are_those_of_the_standard_library(values: list[float]) -> None:
    found = spread.five(values)

    assert found["avg"] == pytest.approx(statistics.fmean(values))
    assert found["median"] == pytest.approx(statistics.median(values))
    if len(values) > 1:
        assert found["std_dev"] == pytest.approx(statistics.stdev(values), abs=1e-6)


@given(TIMES, st.floats(min_value=0.1, max_value=100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(
    values: list[float], percent: float
) -> None:
    ordered = sorted(values)

    found = spread.percentile(ordered, percent)

    share = percent / 100 * len(values)
    assert found in values
    assert sum(value <= found for value in values) >= share - 1e-6
    assert sum(value < found for value in values) < share + 1e-6


@given(TIMES)
def test_every_figure_is_finite(values: list[float]) -> None:
    found = [*spread.five(values).values(), *spread.percentiles(values).values(), spread.variation(values)]

    assert all(math.isfinite(figure) for figure in found)


@given(TIMES)
def test_a_histogram_counts_every_value_once_and_has_no_gaps(values: list[float]) -> None:
    bins = spread.histogram(values, 12)

    assert sum(count for _, _, count in bins) == len(values)
    assert bins[0][0] == min(values)
    assert bins[-1][1] == max(values)
    assert all(left[1] == right[0] for left, right in pairwise(bins))


def test_a_slow_call_does_not_push_all_others_into_one_range() -> None:
    bins = spread.histogram([1.0, 1.2, 1.5, 2.0, 1000.0], 12)

    assert sum(count > 0 for _, _, count in bins) >= 3
