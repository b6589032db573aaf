"""From a model's words to typed data: decode the JSON, hold it against the response model, name what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

from batch_cli.jsonl import loads
from batch_cli.model import BatchResult, JsonValue, ResultError
from batch_cli.response_model import Mismatch, ResponseModel

TakeAnswer = Callable[[JsonValue], tuple[str, str | None, str | None] | None]
"""From a response body to ``(text, finish_reason, refusal)``; None when there is no answer in it."""

_FENCED = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_CUT = frozenset(
    (
        "length",
        "model_length",
        "max_tokens",
        "max_output_tokens",
        "incomplete",
        "model_context_window_exceeded",
        "MAX_TOKENS",
    )
)
"""Why an answer ended early, in the words of OpenAI's chats, Mistral, Anthropic, OpenAI's responses and Google."""
_FILTERED = frozenset(
    (
        "content_filter",
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    )
)
"""Why an answer was taken away. Sources: openai-openapi 2.3.0 (`finish_reason`), google-genai 2
(`FinishReason`) (read 2026-11-21)."""


def parse_answer(
    result: BatchResult, take: TakeAnswer, model: ResponseModel
) -> tuple[JsonValue, ResultError | None]:
    """Give what a good row says as data that fits ``model``, or why it does not; never raises for a row.

    Why the model stopped goes before what it said: half an answer may be whole JSON by chance.
    """
    body = (result.response or {}).get("body")
    text, finish_reason, refusal = take(body) or ("", None, None)
    if refusal:
        return None, ResultError("refusal", f"the model refused: {refusal}", "refusal")
    if finish_reason in _FILTERED:
        return None, ResultError(
            "content_filter", f"a filter took the answer away ({finish_reason})", finish_reason
        )
    if finish_reason in _CUT:
        return None, ResultError(
            "truncated", "the answer was cut at the token limit; raise --max-tokens", finish_reason
        )
    if not text.strip():
        return None, ResultError("empty_answer", "the answer holds no text", "empty_answer", retryable=True)
    try:
        value = _decoded(text)
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


def _decoded(text: str) -> JsonValue:
    """Parse an answer; where it is no JSON as it stands, the one code block in it may be.

    Raises:
        ValueError: neither is.
    """
    try:
        return loads(text)
    except ValueError:
        blocks = _FENCED.findall(text)
        if len(blocks) != 1:
            raise
        return loads(blocks[0])
