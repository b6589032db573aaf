"""From a model's words to typed data: decode the JSON, hold it against the response model, name what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

from batch_cli.jsonl import loads
from batch_cli.model import BatchResult, JsonValue, ResultError
from batch_cli.response_model import Mismatch, ResponseModel

TakeAnswer = Callable[[JsonValue], tuple[str, str | None, str | None] | None]
"""From a response body to ``(text, finish_reason, refusal)``; None when there is no answer in it."""

_FENCED = re.compile(r"\s*```[a-zA-Z0-9_-]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_CUT_REASONS = ("length", "max_tokens", "incomplete", "MAX_TOKENS")


def parse_answer(
    result: BatchResult, take: TakeAnswer, model: ResponseModel
) -> tuple[JsonValue, ResultError | None]:
    """Give what a good row says as data that fits ``model``, or why it does not; never raises for a row."""
    body = (result.response or {}).get("body")
    found = take(body)
    if found is None:
        return None, ResultError("empty_answer", "the answer holds no text", "empty_answer", retryable=True)
    text, finish_reason, refusal = found
    if refusal:
        return None, ResultError("refusal", f"the model refused: {refusal}", "refusal")
    if finish_reason in _CUT_REASONS:
        return None, ResultError(
            "truncated", "the answer was cut at the token limit; raise --max-tokens", finish_reason
        )
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    try:
        value = loads(text)
    except ValueError:
        return None, ResultError("invalid_json", "the answer is not JSON", "invalid_json", retryable=True)
    try:
        return model.parse(value), None
    except Mismatch as error:
        return None, ResultError(
            "schema_mismatch",
            f"the answer does not fit {model.name}: {error}",
            "schema_mismatch",
            retryable=True,
        )
