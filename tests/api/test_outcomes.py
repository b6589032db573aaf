from __future__ import annotations

from batch_cli import (
    BatchError,
    BatchResult,
    BatchSuccess,
    extract_results,
    filter_errors,
    filter_successful,
    get_results_by_custom_id,
)

RESULTS: list[BatchResult[int]] = [
    BatchSuccess("a", 1),
    BatchError("b", "refusal", "no"),
    BatchSuccess("c", 0),
]


def test_a_result_says_whether_it_is_good() -> None:
    assert [result.success for result in RESULTS] == [True, False, True]


def test_the_good_and_the_failed_ones_keep_their_order() -> None:
    assert filter_successful(RESULTS) == [BatchSuccess("a", 1), BatchSuccess("c", 0)]
    assert filter_errors(RESULTS) == [BatchError("b", "refusal", "no")]


def test_an_answer_that_is_falsy_is_an_answer() -> None:
    assert extract_results(RESULTS) == [1, 0]


def test_of_several_results_with_one_id_the_last_counts() -> None:
    found = get_results_by_custom_id([*RESULTS, BatchSuccess("a", 9)])

    assert list(found) == ["a", "b", "c"]
    assert found["a"] == BatchSuccess("a", 9)
