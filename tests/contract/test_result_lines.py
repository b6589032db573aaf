"""Every dialect reads its own result lines, good and bad ones, into the same rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.providers import PREDICTORS, REGISTRY, load_codec
from batch_cli.providers.base import Answer
from batch_cli.result_file import UNREAD, NotAResult

CHAT_BODY = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
MESSAGE = {"id": "msg_1", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
GEMINI_BODY = {
    "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
    "responseId": "r1",
}
OPENAI_GOOD = {
    "id": "batch_req_1",
    "custom_id": "a",
    "response": {"status_code": 200, "body": CHAT_BODY},
    "error": None,
}
GOOD: dict[str, Any] = {
    "openai": OPENAI_GOOD,
    "regolo": OPENAI_GOOD,
    "azure": OPENAI_GOOD,
    "groq": OPENAI_GOOD,
    "local": OPENAI_GOOD,
    "mistral": OPENAI_GOOD,
    "anthropic": {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}},
    "google": {"key": "a", "response": GEMINI_BODY},
}


def failure(provider: str, line: Any) -> tuple[str, str | None, bool]:
    """Give type, code and whether it may pass of a line that is a failed row."""
    error = load_codec(provider).read_result(line).error
    assert error is not None
    return error.type, error.code, error.retryable


@pytest.mark.parametrize("provider", [name for name in REGISTRY if name not in PREDICTORS])
class TestEveryDialect:
    def test_a_good_line_is_a_good_row_with_its_answer(self, provider: str) -> None:
        codec = load_codec(provider)

        row = codec.read_result(GOOD[provider])

        assert (row.custom_id, row.error) == ("a", None)
        assert row.response is not None
        assert row.response["status_code"] == 200
        answer = codec.answer(row.response["body"])
        assert answer is not None
        assert (answer.text, answer.refusal) == ("Hi", None)

    def test_another_providers_line_is_named(self, provider: str) -> None:
        other = "google" if provider == "anthropic" else "anthropic"

        with pytest.raises(NotAResult, match=r"expected an? .* result"):
            load_codec(provider).read_result(GOOD[other])

    def test_a_request_is_no_result(self, provider: str) -> None:
        with pytest.raises(NotAResult, match="this is a request"):
            load_codec(provider).read_result({"custom_id": "a", "body": {}})

    @pytest.mark.parametrize("value", [7, "", None, ["a"]])
    def test_an_id_must_be_a_text(self, provider: str, value: Any) -> None:
        name = load_codec(provider).id_field

        with pytest.raises(NotAResult, match=f"{name} must be a text"):
            load_codec(provider).read_result({**GOOD[provider], name: value})


_KEYS = (
    "custom_id key id response error result status_code body type message code candidates promptFeedback"
    " blockReason content parts text choices output stop_reason"
).split()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(REGISTRY)),
    st.dictionaries(st.sampled_from(_KEYS), json_values, max_size=6),
    st.text(min_size=1, max_size=3),
)
def test_whatever_a_line_holds_it_is_a_row_or_no_result(provider: str, line: Any, custom_id: str) -> None:
    codec = load_codec(provider)
    try:
        row = codec.read_result({**line, "custom_id": custom_id, "key": custom_id})
    except NotAResult:
        return
    assert row.custom_id == custom_id
    assert row.error is not None or row.response is not None
    codec.answer((row.response or {}).get("body"))
    codec.answer(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            {"response": {"status_code": 429, "body": {"error": {"type": "rate", "code": "rl"}}}},
            ("rate", "rl", True),
        ),
        (
            {"response": {"status_code": 400, "body": {"error": {"message": "no"}}}},
            ("http_400", "http_400", False),
        ),
        ({"response": {"status_code": 500, "body": None}}, ("http_500", "http_500", True)),
        (
            {"response": None, "error": {"code": "batch_expired", "message": "x"}},
            ("batch_expired", "batch_expired", True),
        ),
        (
            {"response": {"status_code": 404, "body": None}, "error": "no such model"},
            ("http_404", "http_404", False),
        ),
        (
            {"response": {"status_code": 400}, "error": {"error": {"type": "BadRequest", "code": 400}}},
            ("BadRequest", "400", False),
        ),
        (
            {"error": {"type": "invalid_request_error", "code": None}},
            ("invalid_request_error",) * 2 + (False,),
        ),
        ({"response": None, "error": None}, (UNREAD, "neither", False)),
        ({"response": {"status_code": 200, "body": None}, "error": None}, (UNREAD, "neither", False)),
    ],
)
def test_openai_failures_in_all_their_shapes(line: Any, expected: tuple[str, str, bool]) -> None:
    assert failure("openai", {"custom_id": "a", **line}) == expected


def test_the_words_of_an_error_are_kept() -> None:
    row = load_codec("openai").read_result({"custom_id": "a", "response": None, "error": "no such model"})

    assert row.error is not None
    assert row.error.message == "no such model"


def test_wrapped_errors_do_not_exhaust_the_stack() -> None:
    said: Any = "deep"
    for _ in range(5_000):
        said = {"error": said}

    assert failure("openai", {"custom_id": "a", "error": said})[0] == "error"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {
                "type": "errored",
                "error": {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
            },
            ("overloaded_error", "overloaded_error", True),
        ),
        (
            {"type": "errored", "error": {"error": {"type": "invalid_request_error", "message": "x"}}},
            ("invalid_request_error", "invalid_request_error", False),
        ),
        ({"type": "canceled"}, ("cancelled", "canceled", True)),
        ({"type": "expired"}, ("expired", "expired", True)),
        ({"type": "quantum"}, (UNREAD, "unknown_type", False)),
        ({"type": "succeeded"}, (UNREAD, "no_message", False)),
    ],
)
def test_anthropic_failures(result: Any, expected: tuple[str, str, bool]) -> None:
    assert failure("anthropic", {"custom_id": "a", "result": result}) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            {"error": {"code": 8, "message": "x", "status": "RESOURCE_EXHAUSTED"}},
            ("RESOURCE_EXHAUSTED", "8", True),
        ),
        ({"error": {"code": 3, "message": "x"}}, ("error", "3", False)),
        ({"error": {"code": 503, "message": "x"}}, ("error", "503", True)),
        ({"response": {"promptFeedback": {"blockReason": "SAFETY"}}}, ("blocked", "SAFETY", False)),
        ({"response": None}, (UNREAD, "neither", False)),
    ],
)
def test_google_failures(line: Any, expected: tuple[str, str, bool]) -> None:
    assert failure("google", {"key": "a", **line}) == expected


def test_a_forced_tools_input_is_anthropics_answer() -> None:
    body = {"content": [{"type": "tool_use", "name": "t", "input": {"age": 3}}], "stop_reason": "tool_use"}

    assert load_codec("anthropic").answer(body) == Answer('{"age":3}', "tool_use")


def test_thoughts_are_not_googles_answer() -> None:
    parts = [{"text": "hmm", "thought": True}, {"text": "42"}]

    assert load_codec("google").answer({"candidates": [{"content": {"parts": parts}}]}) == Answer("42")
