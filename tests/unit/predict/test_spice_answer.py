"""Spice's answers, in every form that versions send."""

from __future__ import annotations

from typing import Any

import pytest

from batch_cli.predict.prediction import NotAnAnswer
from batch_cli.predict.spice_answer import read, request_body


def answer(*predictions: Any, **more: Any) -> Any:
    return {"predictions": list(predictions), "duration_ms": 81, **more}


def test_the_body_is_exactly_the_names() -> None:
    assert request_body(["m1", "m2", "m1"]) == {
        "predictions": [{"model_name": "m1"}, {"model_name": "m2"}, {"model_name": "m1"}]
    }


@pytest.mark.parametrize("missing", [{}, {"model_version": None, "error_message": None}])
def test_members_may_be_missing_or_null(missing: Any) -> None:
    good = {"status": "Success", "model_name": "m1", "prediction": [0.5, None], "duration_ms": 12}

    (found,) = read(answer({**good, **missing}), ["m1"]).predictions

    assert found.is_good
    assert (found.values, found.version, found.error, found.duration_ms) == ([0.5, None], None, None, 12)


def test_an_error_stays_with_its_place_where_a_model_stands_twice() -> None:
    found = read(
        answer(
            {"status": "BadRequest", "model_name": "m", "error_message": "first", "duration_ms": 0},
            {"status": "Success", "model_name": "m", "prediction": [1.0], "duration_ms": 1},
        ),
        ["m", "m"],
    ).predictions

    assert [(each.index, each.is_good, each.error) for each in found] == [
        (0, False, "first"),
        (1, True, None),
    ]


def test_a_status_word_that_nobody_knows_is_a_failure_that_keeps_it() -> None:
    (found,) = read(
        answer({"status": "Throttled", "model_name": "m", "prediction": [1.0]}), ["m"]
    ).predictions

    assert (found.status, found.is_good, found.values) == ("Throttled", False, None)
    assert found.error == "the server gave no reason"


def test_success_without_a_prediction_is_a_failure() -> None:
    (found,) = read(answer({"status": "Success", "model_name": "m", "prediction": None}), ["m"]).predictions

    assert not found.is_good
    assert found.error == "the answer has no prediction"


def test_a_duration_beyond_64_bits_is_a_number() -> None:
    (found,) = read(answer({"status": "Success", "prediction": [], "duration_ms": 2**100}), ["m"]).predictions

    assert found.duration_ms == float(2**100)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"predictions": None}, {"predictions": {}}, {"predictions": [3]}]
)
def test_what_is_no_answer_is_refused(body: Any) -> None:
    with pytest.raises(NotAnAnswer):
        read(body, ["m"])


def test_more_or_fewer_predictions_than_were_asked_for_are_refused() -> None:
    with pytest.raises(NotAnAnswer, match="2 predictions were asked for, the answer has 1"):
        read(answer({"status": "Success", "prediction": []}), ["a", "b"])


def test_another_name_at_a_place_is_told() -> None:
    found = read(answer({"status": "Success", "model_name": "b", "prediction": []}), ["a"])

    assert found.notes == ["prediction 0 is of 'b', asked for was 'a'"]
