"""What a model said, taken out of the bodies of OpenAI's endpoints and of whoever shares their shape. Pure functions.

Sources: openai-openapi 2.3.0 (`CreateChatCompletionResponse`, `Response`), docs.mistral.ai (content as chunks)
(read 2026-11-21).
"""

from __future__ import annotations

from batch_cli.model import JsonObject, JsonValue, object_of
from batch_cli.providers.base import Answer


def answer_of(body: JsonValue) -> Answer | None:
    """Take the model's words out of a chat, completion or responses body.

    They are its text, whole or in parts; where there is none, what it called its first tool with.
    """
    body = object_of(body)
    choices, output = body.get("choices"), body.get("output")
    if isinstance(choices, list) and choices:
        return _chat_answer(object_of(choices[0]))
    return _response_answer(body, output) if isinstance(output, list) else None


def _chat_answer(choice: JsonObject) -> Answer | None:
    message = object_of(choice.get("message"))
    said = _joined(message.get("content", choice.get("text"))) or _called_with(message)
    reason, refusal = _text(choice.get("finish_reason")), _text(message.get("refusal"))
    refusal = refusal or _refusal_in(message.get("content"))
    return Answer(said, reason, refusal) if said or reason or refusal else None


def _called_with(message: JsonObject) -> str:
    calls = message.get("tool_calls")
    first = object_of(calls[0]) if isinstance(calls, list) and calls else {}
    called = object_of(first.get("function")) or object_of(message.get("function_call"))
    return _text(called.get("arguments")) or ""


def _response_answer(body: JsonObject, output: list[JsonValue]) -> Answer | None:
    items = [object_of(item) for item in output]
    # What a model thought stands there, too, in items of their own.
    messages = [item.get("content") for item in items if item.get("type", "message") == "message"]
    said = "".join(_joined(content) for content in messages)
    refusal = next(filter(None, map(_refusal_in, messages)), None)
    if not said:
        calls = (_text(item.get("arguments")) for item in items if item.get("type") == "function_call")
        said = next(filter(None, calls), "")
    why = _text(object_of(body.get("incomplete_details")).get("reason"))
    reason = why or _text(body.get("status"))
    return Answer(said, reason, refusal) if said or reason or refusal else None


def _joined(content: JsonValue) -> str:
    if isinstance(content, list):
        return "".join(_text(object_of(part).get("text")) or "" for part in content)
    return content if isinstance(content, str) else ""


def _refusal_in(content: JsonValue) -> str | None:
    parts = content if isinstance(content, list) else []
    return next(filter(None, (_text(object_of(part).get("refusal")) for part in parts)), None)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
