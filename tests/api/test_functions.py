"""The plain functions, as regolo's pages describe them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batch_cli import (
    BatchProcessor,
    InvalidInput,
    NotFinished,
    Surroundings,
    UsageError,
    cancel_batch,
    get_batch,
    get_batch_results,
    submit_batch,
)
from tests.support import chat

MESSAGES = [{"role": "user", "content": "Hi"}]
BARE = {"model": "simulate", "messages": MESSAGES}
PARAMS = {"custom_id": "a1", "params": {"model": "simulate", "messages": MESSAGES, "max_tokens": 20}}


def text(*lines: Any) -> str:
    return "\n".join(json.dumps(line) for line in lines)


def finish(batch_id: str, surroundings: Surroundings) -> None:
    BatchProcessor("local/simulate", str, surroundings=surroundings).wait(batch_id)


@pytest.mark.parametrize(
    ("lines", "ids"),
    [([BARE, BARE], ["request-0", "request-1"]), ([PARAMS], ["a1"]), ([chat("u1")], ["u1"])],
)
def test_text_in_any_of_the_three_shapes_becomes_result_lines(
    surroundings: Surroundings, lines: list[Any], ids: list[str]
) -> None:
    batch = submit_batch(text(*lines), "local/simulate", surroundings=surroundings)
    finish(batch.id, surroundings)

    assert get_batch(batch.id, surroundings=surroundings).request_counts.completed == len(lines)
    rows = get_batch_results(batch.id, surroundings=surroundings)
    assert [row["custom_id"] for row in rows] == ids
    for row in rows:
        assert row["error"] is None
        assert row["response"]["body"]["choices"][0]["message"]["content"]


def test_a_failed_request_is_a_line_with_its_error(surroundings: Surroundings) -> None:
    batch = submit_batch(
        text(chat("u1")), "local/simulate", simulate={"error_rate": 1.0}, surroundings=surroundings
    )
    finish(batch.id, surroundings)

    (row,) = get_batch_results(batch.id, surroundings=surroundings)

    assert row["error"]["message"]


def test_results_of_a_batch_that_runs_are_refused_and_a_cancel_ends_it(surroundings: Surroundings) -> None:
    batch = submit_batch(text(chat("u1")), "local/simulate", surroundings=surroundings)
    with pytest.raises(NotFinished):
        get_batch_results(batch.id, surroundings=surroundings)

    assert cancel_batch(batch.id, surroundings=surroundings).status == "cancelled"


def test_a_path_in_place_of_text_is_refused(surroundings: Surroundings) -> None:
    with pytest.raises(InvalidInput):
        submit_batch("batch.jsonl", "local/simulate", surroundings=surroundings)


def test_messages_without_a_model_are_refused(surroundings: Surroundings) -> None:
    place = Surroundings(
        surroundings.state_dir, {**(surroundings.environment or {}), "REGOLO_API_KEY": "sk-test"}
    )

    with pytest.raises(UsageError, match="name no model"):
        submit_batch(text({"messages": MESSAGES}), surroundings=place)


def test_an_id_that_cannot_be_one_is_refused(surroundings: Surroundings) -> None:
    with pytest.raises(UsageError, match="not a batch id"):
        get_batch("../x", surroundings=surroundings)
