"""Answers that come in a batch itself: whose each is, by its key, and by its place only where nothing speaks against."""

from __future__ import annotations

from typing import Any

import pytest

from batch_cli.errors import DamagedData
from batch_cli.providers.google import GOOGLE
from batch_cli.providers.hosted.google.inline import answer_rows
from batch_cli.providers.hosted.google.objects import read_google_batch


def given(key: str | None, text: str) -> dict[str, Any]:
    response = {"candidates": [{"content": {"parts": [{"text": text}]}}]}
    return {"response": response} if key is None else {"response": response, "metadata": {"key": key}}


def texts(answers: list[dict[str, Any]], ids: list[str] | None) -> list[tuple[str, str]]:
    found = []
    for row in answer_rows(answers, lambda: ids, GOOGLE.read_result, "batches/b1"):
        assert row.response is not None
        answer = GOOGLE.answer(row.response["body"])
        assert answer is not None
        found.append((row.custom_id, answer.text))
    return found


def test_keys_count_whatever_the_order() -> None:
    assert texts([given("b", "B"), given("a", "A")], None) == [("b", "B"), ("a", "A")]


def test_without_any_key_the_order_counts_if_the_number_agrees() -> None:
    assert texts([given(None, "A"), given(None, "B")], ["a", "b"]) == [("a", "A"), ("b", "B")]


def test_a_missing_key_is_found_by_order_if_the_others_agree_with_it() -> None:
    assert texts([given("a", "A"), given(None, "B")], ["a", "b"]) == [("a", "A"), ("b", "B")]


@pytest.mark.parametrize(
    ("answers", "ids"),
    [
        ([given(None, "A")], ["a", "b"]),
        ([given(None, "A"), given("a", "B")], ["a", "b"]),
        ([given(None, "A")], None),
    ],
    ids=["another number", "another order", "requests unknown"],
)
def test_what_cannot_be_told_is_not_guessed(answers: list[dict[str, Any]], ids: list[str] | None) -> None:
    with pytest.raises(DamagedData, match="do not say whose they are"):
        texts(answers, ids)


def test_an_error_is_a_failed_row() -> None:
    answer = {"error": {"code": 8, "message": "no room"}, "metadata": {"key": "a"}}

    (row,) = answer_rows([answer], lambda: None, GOOGLE.read_result, "batches/b1")

    assert row.error is not None
    assert (row.custom_id, row.error.message, row.error.retryable) == ("a", "no room", True)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("BATCH_STATE_UNSPECIFIED", "queued"),
        ("BATCH_STATE_PENDING", "queued"),
        ("BATCH_STATE_RUNNING", "in_progress"),
        ("BATCH_STATE_SUCCEEDED", "completed"),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", "completed"),
        ("BATCH_STATE_FAILED", "failed"),
        ("BATCH_STATE_CANCELLED", "cancelled"),
        ("BATCH_STATE_EXPIRED", "expired"),
        ("BATCH_STATE_RESTING", "unknown"),
    ],
)
def test_every_state_has_our_word(state: str, status: str) -> None:
    batch = read_google_batch({"name": "batches/b", "metadata": {"state": state}})

    assert (batch.status, batch.raw_status) == (status, state)


def test_counts_are_texts_and_zeros_are_left_out() -> None:
    stats = {"requestCount": "12", "successfulRequestCount": "12"}
    batch = read_google_batch({"metadata": {"state": "BATCH_STATE_SUCCEEDED", "batchStats": stats}})

    assert (batch.counts.total, batch.counts.completed, batch.counts.failed) == (12, 12, 0)


def test_a_batch_without_counts_says_none() -> None:
    counts = read_google_batch({"metadata": {"state": "BATCH_STATE_PENDING"}}).counts

    assert (counts.total, counts.completed, counts.failed) == (None, None, None)


def test_answers_do_not_stay_in_what_is_shown_of_a_batch() -> None:
    output = {"inlinedResponses": {"inlinedResponses": [given("a", "secret")]}}
    batch = read_google_batch({"metadata": {"output": output}, "response": output, "done": True})

    assert "secret" not in str(batch.raw)
    assert batch.status == "completed"
