from __future__ import annotations

from typing import Any

import pytest

from batch_cli.answers import parse_answer
from batch_cli.model import BatchResult
from batch_cli.providers.openai import answer_of
from batch_cli.response_model import from_schema
from tests.support import SCHEMA

USER = from_schema(SCHEMA, "User")


def take(body: Any) -> tuple[str, str | None, str | None] | None:
    answer = answer_of(body)
    return None if answer is None else (answer.text, answer.finish_reason, answer.refusal)


def parse(body: Any) -> tuple[Any, str | None]:
    value, error = parse_answer(BatchResult("a", response={"status_code": 200, "body": body}), take, USER)
    return value, None if error is None else error.type


def chat_body(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}


GOOD = '{"name": "Ada", "age": 36}'


@pytest.mark.parametrize(
    "body",
    [
        chat_body(GOOD),
        chat_body([{"type": "text", "text": GOOD}]),
        chat_body(f"```json\n{GOOD}\n```"),
        chat_body(f"```\n{GOOD}\n```\n"),
        {"choices": [{"text": GOOD, "finish_reason": "stop"}]},
        {"output": [{"content": [{"type": "output_text", "text": GOOD}]}], "status": "completed"},
    ],
)
def test_a_good_answer_is_found_in_every_shape(body: Any) -> None:
    assert parse(body) == ({"name": "Ada", "age": 36}, None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (None, "empty_answer"),
        ("text", "empty_answer"),
        ({"choices": []}, "empty_answer"),
        ({"choices": None}, "empty_answer"),
        (chat_body(None), "empty_answer"),
        (chat_body(None, refusal="I would rather not"), "refusal"),
        (chat_body('{"name": "Ad', finish="length"), "truncated"),
        ({"output": [{"content": [{"text": "{"}]}], "status": "incomplete"}, "truncated"),
        (chat_body("Ada is 36"), "invalid_json"),
        (chat_body('{"name": "Ada"}'), "schema_mismatch"),
        (chat_body('{"name": "Ada", "age": "old"}'), "schema_mismatch"),
    ],
)
def test_each_way_to_have_no_good_answer_has_a_name(body: Any, kind: str) -> None:
    assert parse(body) == (None, kind)
