from __future__ import annotations

from typing import Any

import pytest

from batch_cli.answers import parse_answer
from batch_cli.model import BatchResult
from batch_cli.providers import load_codec
from batch_cli.providers.openai_answer import answer_of
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


def message_of(*blocks: Any, stop: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(blocks),
        "stop_reason": stop,
        "usage": {"input_tokens": 9, "output_tokens": 9},
    }


def candidate(*parts: Any, finish: str | None = "STOP") -> dict[str, Any]:
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return {"candidates": [{**content, "finishReason": finish, "index": 0}], "modelVersion": "gemini"}


def response_of(*items: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"object": "response", "status": status, "output": list(items), **more}


def said(*parts: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


ARGUMENTS = {"name": "Ada", "age": 36}
FENCED = f"Here you are:\n```json\n{GOOD}\n```\nAnything else?"
CALL = {"id": "c", "type": "function", "function": {"name": "extract", "arguments": GOOD}}
TOOL_USE = {"type": "tool_use", "id": "t", "name": "extract", "input": ARGUMENTS}
ADA = {"name": "Ada", "age": 36}

TYPED = [
    # provider, body, what is parsed, the error's type
    ("openai", chat_body(FENCED), ADA, None),
    ("openai", chat_body(None, "tool_calls", tool_calls=[CALL]), ADA, None),
    ("openai", chat_body("", function_call={"name": "x", "arguments": GOOD}), ADA, None),
    ("openai", chat_body(None, refusal="I would rather not"), None, "refusal"),
    ("openai", chat_body([{"type": "refusal", "refusal": "No."}]), None, "refusal"),
    ("openai", chat_body(GOOD, "length"), None, "truncated"),
    ("openai", chat_body(None, "length"), None, "truncated"),
    ("openai", chat_body("", "content_filter"), None, "content_filter"),
    ("openai", chat_body(GOOD, "content_filter"), None, "content_filter"),
    ("openai", chat_body("   \n"), None, "empty_answer"),
    ("openai", chat_body("```json\n{}\n```\n```json\n{}\n```"), None, "invalid_json"),
    ("openai", response_of(said({"type": "output_text", "text": GOOD})), ADA, None),
    (
        "openai",
        response_of(
            {"type": "reasoning", "content": [text("hm")]}, said({"type": "output_text", "text": GOOD})
        ),
        ADA,
        None,
    ),
    ("openai", response_of({"type": "function_call", "name": "x", "arguments": GOOD}), ADA, None),
    ("openai", response_of(said({"type": "refusal", "refusal": "No."})), None, "refusal"),
    (
        "openai",
        response_of(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        None,
        "truncated",
    ),
    (
        "openai",
        response_of(status="incomplete", incomplete_details={"reason": "content_filter"}),
        None,
        "content_filter",
    ),
    ("openai", response_of(), None, "empty_answer"),
    ("azure", chat_body(GOOD, content_filter_results={}), ADA, None),
    ("azure", chat_body(None, "content_filter"), None, "content_filter"),
    ("groq", chat_body(GOOD, "length"), None, "truncated"),
    ("regolo", chat_body(f"```\n{GOOD}\n```"), ADA, None),
    ("local", chat_body('{"name": 7, "age": 36}'), None, "schema_mismatch"),
    ("mistral", chat_body([{"type": "thinking", "thinking": [text("hm")]}, text(GOOD)]), ADA, None),
    ("mistral", chat_body(None, "tool_calls", tool_calls=[CALL]), ADA, None),
    ("mistral", chat_body('{"na', "model_length"), None, "truncated"),
    ("anthropic", message_of(text(GOOD)), ADA, None),
    ("anthropic", message_of(text(FENCED)), ADA, None),
    ("anthropic", message_of(text("Let me see."), TOOL_USE, stop="tool_use"), ADA, None),
    (
        "anthropic",
        message_of({"type": "thinking", "thinking": "hm", "signature": "s"}, text(GOOD)),
        ADA,
        None,
    ),
    (
        "anthropic",
        message_of({**TOOL_USE, "input": {"name": "Ada"}}, stop="tool_use"),
        None,
        "schema_mismatch",
    ),
    ("anthropic", message_of({**TOOL_USE, "input": {}}, stop="max_tokens"), None, "truncated"),
    ("anthropic", message_of(stop="max_tokens"), None, "truncated"),
    ("anthropic", message_of(text(GOOD), stop="model_context_window_exceeded"), None, "truncated"),
    ("anthropic", message_of(stop="refusal"), None, "refusal"),
    ("anthropic", message_of(), None, "empty_answer"),
    ("anthropic", message_of(text("Ada is 36.")), None, "invalid_json"),
    ("google", candidate({"text": '{"name": "Ada",'}, {"text": ' "age": 36}'}), ADA, None),
    ("google", candidate({"text": "hm", "thought": True}, {"text": GOOD}), ADA, None),
    ("google", candidate({"functionCall": {"name": "extract", "args": ARGUMENTS}}), ADA, None),
    ("google", candidate({"text": GOOD}, finish="MAX_TOKENS"), None, "truncated"),
    ("google", candidate(finish="MAX_TOKENS"), None, "truncated"),
    ("google", candidate(finish="SAFETY"), None, "content_filter"),
    ("google", candidate(finish="RECITATION"), None, "content_filter"),
    ("google", candidate(finish="PROHIBITED_CONTENT"), None, "content_filter"),
    ("google", candidate(), None, "empty_answer"),
    ("google", candidate(finish=None), None, "empty_answer"),
    ("google", {"usageMetadata": {}}, None, "empty_answer"),
    ("google", candidate({"text": "Ada"}), None, "invalid_json"),
]


@pytest.mark.parametrize(("provider", "body", "parsed", "kind"), TYPED)
def test_every_providers_answers_are_typed_or_say_why_not(
    provider: str, body: Any, parsed: Any, kind: str | None
) -> None:
    codec = load_codec(provider)

    def words(value: Any) -> tuple[str, str | None, str | None] | None:
        answer = codec.answer(value)
        return None if answer is None else (answer.text, answer.finish_reason, answer.refusal)

    result = BatchResult("a", response={"status_code": 200, "body": body})
    value, error = parse_answer(result, words, USER)

    assert (value, None if error is None else error.type) == (parsed, kind)


def test_a_mismatch_names_the_field() -> None:
    body = chat_body('{"name": "Ada", "age": "old"}')
    _, error = parse_answer(BatchResult("a", response={"body": body}), take, USER)

    assert error is not None
    assert error.message.startswith("the answer does not fit User: age: ")


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
