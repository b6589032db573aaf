"""Ensembles and comparisons: golden cases by hand, and what holds for all numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import UsageError
from batch_cli.predict.ensemble import Method, combine, compare, read_weights
from batch_cli.predict.prediction import Prediction


def models(*rows: Any) -> list[Prediction]:
    return [
        Prediction(at, f"m{at}", "Failed", error="no")
        if row is None
        else Prediction(at, f"m{at}", "Success", row, duration_ms=at)
        for at, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.MEAN, [3.0, 20.0]),
        (Method.MEDIAN, [2.0, 20.0]),
        (Method.MIN, [1.0, 10.0]),
        (Method.MAX, [6.0, 30.0]),
        (Method.STD, [pytest.approx(math.sqrt(7)), 10.0]),
    ],
)
def test_each_method_by_hand(method: Method, expected: list[float]) -> None:
    assert combine(models([1, 10], [2, 20], [6, 30]), method)["values"] == expected


def test_a_weighted_mean_by_hand() -> None:
    # (2 * 1 + 1 * 4) / 3, and the null of the second leaves the first alone.
    found = combine(models([1, 5], [4, None]), Method.MEAN, [2, 1])

    assert found["values"] == [pytest.approx(2.0), pytest.approx(5.0)]
    assert found["counts"] == [2, 1]


def test_nulls_unequal_lengths_and_failed_models_are_left_out_and_told() -> None:
    found = combine(models([1, None, 3], [3], None), Method.MEAN)

    assert found["values"] == [2.0, None, 3.0]
    assert found["counts"] == [2, 0, 1]
    assert (found["models"], found["left_out"], found["nulls"]) == (2, ["m2"], 1)
    assert (found["lengths"], found["equal_lengths"]) == ([1, 3], False)


def test_the_weight_of_a_failed_model_is_left_out_with_it() -> None:
    assert combine(models([1], None, [4]), Method.MEAN, [1, 5, 1])["values"] == [2.5]


@pytest.mark.parametrize(
    ("method", "weights"), [(Method.MEDIAN, [1.0, 1.0]), (Method.MEAN, [1.0]), (Method.MEAN, [1.0] * 3)]
)
def test_weights_that_do_not_fit_are_refused(method: Method, weights: list[float]) -> None:
    with pytest.raises(UsageError):
        combine(models([1], [2]), method, weights)


@pytest.mark.parametrize("text", ["", "a", "1,", "-1,2", "0,0", "nan,1", "inf"])
def test_weights_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_weights(text)


def test_a_comparison_by_hand() -> None:
    # Differences 1 and -3: MAE 2, RMSE the root of 5.
    found = compare(*models([1, 5, None], [2, 2, 9]))

    assert found["differences"] == [1.0, -3.0, None]
    assert (found["mae"], found["rmse"], found["max_abs"]) == (2.0, pytest.approx(math.sqrt(5)), 3.0)
    assert (found["compared"], found["nulls"], found["duration_difference_ms"]) == (2, 1, 1)


def test_without_a_common_element_there_is_no_figure() -> None:
    found = compare(*models([1.0], None))

    assert (found["ok"], found["mae"], found["rmse"], found["differences"]) == (False, None, None, [])


ROWS = st.lists(
    st.none()
    | st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(), max_size=5),
    min_size=2,
    max_size=5,
)


@given(ROWS, st.sampled_from(Method))
def test_an_ensemble_is_always_json_and_lies_between_its_models(rows: Any, method: Method) -> None:
    found = combine(models(*rows), method)

    json.dumps(found, allow_nan=False)
    for at, value in enumerate(found["values"]):
        there = [
            float(row[at])
            for row in rows
            if row is not None
            and at < len(row)
            and row[at] is not None
            and abs(row[at]) < 1e300
            and math.isfinite(row[at])
        ]
        if method is not Method.STD and value is not None and len(there) == found["counts"][at]:
            slack = 1e-9 * max(abs(number) for number in there)
            assert min(there) - slack <= value <= max(there) + slack


@given(ROWS)
def test_a_comparison_is_always_json_and_the_rmse_is_never_below_the_mae(rows: Any) -> None:
    found = compare(*models(*rows)[:2])

    json.dumps(found, allow_nan=False)
    if found["mae"] is not None and found["rmse"] is not None:
        assert found["rmse"] >= found["mae"] * (1 - 1e-9)
