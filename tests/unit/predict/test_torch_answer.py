"""The PyTorch server's answers: the documented shape, the one it really sent, and what is odd about them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.predict.prediction import NotAnAnswer
from batch_cli.predict.torch_answer import NO_REASON, NO_RESULT, read

DOCUMENTED: Any = {
    "example": "batch_prediction",
    "input_count": 2,
    "response": {
        "success": True,
        "predictions": [[0.1], None],
        "inference_time_ms": 9.5,
        "model_name": "m",
        "batch_info": {
            "batch_size": 2,
            "successful_predictions": 1,
            "failed_predictions": 1,
            "failed_indices": [1],
            "failure_reasons": ["bad input"],
        },
        "warnings": ["Some failed"],
    },
}
REAL: Any = {
    "example": "batch_prediction",
    "input_count": 5,
    "response": {
        "success": True,
        "results": [[0.1], [0.2], [0.3], [0.4], [0.5]],
        "error": None,
        "processing_time": 0.012,
        "batch_size": 5,
    },
}


def test_the_documented_shape() -> None:
    found = read(DOCUMENTED)

    assert (found.success, found.inference_ms, found.batch_size, found.successful) == (True, 9.5, 2, 1)
    assert (found.failed_indices, found.items[1].error) == ([1], "bad input")
    assert (found.model, found.notes) == ("m", ["Some failed"])


def test_the_shape_that_it_really_sent_has_seconds() -> None:
    found = read(REAL)

    assert (found.success, found.batch_size, found.successful, found.input_count) == (True, 5, 5, 5)
    assert found.inference_ms == pytest.approx(12.0)
    assert found.failed_indices == []


def test_failed_items_are_found_where_nobody_counted_them() -> None:
    found = read({"success": True, "results": [1.5, None, {"error": "nan"}, {"error": ""}]}, sent=4)

    assert [item.error for item in found.items] == [None, "the server sent null", "nan", NO_REASON]
    assert found.failed_indices == [1, 2, 3]


@pytest.mark.parametrize("error", ["", None, "  "])
def test_a_failure_without_words_gets_some(error: Any) -> None:
    found = read({"success": False, "results": [], "error": error})

    assert (found.success, found.error) == (False, NO_REASON)


def test_an_error_beside_success_is_a_failure() -> None:
    assert (
        read({"error": "no connection", "response": {"success": True, "predictions": [1]}}).success is False
    )


@pytest.mark.parametrize(
    ("detail", "words"),
    [("Inference engine not available", "Inference engine"), ([{"msg": "Field required"}], "Field required")],
)
def test_what_fastapi_says_is_the_reason(detail: Any, words: str) -> None:
    assert words in (read({"detail": detail}).error or "")


def test_a_longer_list_is_reported_and_kept() -> None:
    found = read({"success": True, "result": [1, 2, 3, 4], "batch_info": {}}, sent=3)

    assert len(found.items) == 4
    assert found.notes == ["the server sent 4 results for 3 inputs"]


def test_a_shorter_list_is_reported_and_what_is_missing_has_failed() -> None:
    found = read({"success": True, "results": [1]}, sent=3)

    assert [item.error for item in found.items] == [None, NO_RESULT, NO_RESULT]
    assert found.notes == ["the server sent 1 results for 3 inputs"]


def test_a_single_prediction_under_either_name() -> None:
    assert read({"success": True, "result": [0.4], "model_info": {"model": "m"}}).values == [[0.4]]
    assert read({"response": {"success": True, "prediction": [0.4]}}).values == [[0.4]]


def test_success_with_null_is_a_failed_item() -> None:
    assert read({"success": True, "result": None}, sent=1).failed_indices == [0]


@pytest.mark.parametrize("body", [None, 3, "x", [], {}, {"hello": 1}])
def test_what_is_no_answer_is_refused(body: Any) -> None:
    with pytest.raises(NotAnAnswer):
        read(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "success",
                    "error",
                    "results",
                    "predictions",
                    "result",
                    "prediction",
                    "batch_info",
                    "failed_indices",
                    "failure_reasons",
                    "processing_time",
                    "inference_time_ms",
                    "batch_size",
                    "response",
                    "detail",
                    "warnings",
                    "model_info",
                    "metadata",
                    "input_count",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.none() | st.integers(0, 5))
def test_whatever_a_server_sends_is_read_or_refused(body: Any, sent: int | None) -> None:
    try:
        found = read(body, sent=sent)
    except NotAnAnswer:
        return
    assert (found.error is None) is found.success
    assert found.error != ""
    if found.success and sent is not None:
        assert len(found.items) >= sent
    json.dumps([found.inference_ms, found.input_count, found.batch_size, found.successful], allow_nan=False)
