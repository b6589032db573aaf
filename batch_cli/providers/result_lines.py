"""One line of a provider's result file, as the row that is the same for all of them. Pure functions.

Sources: openai-openapi ("BatchRequestOutput"), anthropic-sdk-python 2.11.0 (`types/messages/batches`),
https://ai.google.dev/gemini-api/docs/batch-api, vLLM `run_batch` for errors that are a bare text
(read 2026-11-21).
"""

from __future__ import annotations

import enum

from batch_cli.jsonl import dumps_exactly
from batch_cli.model import BatchResult, JsonObject, JsonValue, ResultError, object_of
from batch_cli.providers.base import Answer
from batch_cli.result_file import UNREAD, NotAResult
from batch_cli.sealed_lines import is_good_response

_GOOD_STATUS = range(200, 300)
_FIRST_SERVER_FAULT = 500
_PASSING_STATUS = (408, 409, 429)
_PASSING_RPC_CODES = (1, 4, 8, 10, 13, 14)
"""Cancelled, deadline exceeded, exhausted, aborted, internal, unavailable, as `google.rpc.Code` numbers them."""
_LASTING_TYPES = (
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
)
_MOST_WRAPPERS = 3


class ResultShape(enum.StrEnum):
    """Whose result a line looks like."""

    OPENAI = "an OpenAI result"
    ANTHROPIC = "an Anthropic result"
    GOOGLE = "a Google result"
    REQUEST = "a request"


def shape_of_result(line: JsonObject) -> ResultShape | None:
    """Recognise whose result a parsed line is by its fields, right or wrong in itself."""
    if "result" in line:
        return ResultShape.ANTHROPIC
    if "response" in line or "error" in line:
        is_google = "key" in line and "custom_id" not in line
        return ResultShape.GOOGLE if is_google else ResultShape.OPENAI
    return ResultShape.REQUEST if {"body", "params", "request"} & line.keys() else None


def read_openai(line: JsonObject) -> BatchResult:
    """Read ``{"custom_id", "response", "error"}``; failed is what has an error or a status other than 2xx.

    Raises:
        NotAResult: it is no such line.
    """
    response, custom_id = line.get("response"), line.get("custom_id")
    is_good = is_good_response(response) and not line.get("error") and "result" not in line
    if is_good and isinstance(custom_id, str) and custom_id:
        return BatchResult(custom_id, _text(line.get("id")), response)
    custom_id = _checked_id(line, "custom_id", ResultShape.OPENAI)
    if response is not None and not isinstance(response, dict):
        raise NotAResult("response must be an object", "response")
    return BatchResult(custom_id, _text(line.get("id")), response, _openai_error(response, line.get("error")))


def _openai_error(response: JsonObject | None, said: JsonValue) -> ResultError | None:
    if response is None and not said:
        return _unread("neither", "the line holds neither a response nor an error")
    status = _status(response)
    body = (response or {}).get("body")
    if said:
        return _error(said, status)
    if status is not None and status not in _GOOD_STATUS:
        return _error(body, status)
    if body is None:
        return _unread("neither", "the response holds neither a body nor an error")
    return None


def read_anthropic(line: JsonObject) -> BatchResult:
    """Read ``{"custom_id", "result"}``; the message of a good one becomes the body of a response.

    Raises:
        NotAResult: it is no such line.
    """
    custom_id = _checked_id(line, "custom_id", ResultShape.ANTHROPIC)
    result = line["result"]
    kind = result.get("type") if isinstance(result, dict) else None
    if not isinstance(kind, str):
        raise NotAResult("result must be an object with a type", "result")
    match kind:
        case "succeeded":
            message = result.get("message")
            if not isinstance(message, dict):
                return BatchResult(
                    custom_id, error=_unread("no_message", "the result succeeded but holds no message")
                )
            return BatchResult(custom_id, _text(message.get("id")), _good_response(message))
        case "errored":
            said = object_of(result.get("error"))
            return BatchResult(custom_id, _text(said.get("request_id")), error=_error(said, None))
        case "canceled":
            message = "the batch was cancelled before this request was answered"
            return BatchResult(custom_id, error=ResultError("cancelled", message, kind, retryable=True))
        case "expired":
            message = "the batch expired before this request was answered"
            return BatchResult(custom_id, error=ResultError("expired", message, kind, retryable=True))
        case _:
            return BatchResult(custom_id, error=_unread("unknown_type", f'unknown result type "{kind[:64]}"'))


def read_google(line: JsonObject) -> BatchResult:
    """Read ``{"key", "response" | "error"}``; a prompt that was blocked is a failed row.

    Raises:
        NotAResult: it is no such line.
    """
    custom_id = _checked_id(line, "key", ResultShape.GOOGLE)
    response, said = line.get("response"), line.get("error")
    if said:
        return BatchResult(custom_id, error=_google_error(said))
    if not isinstance(response, dict):
        if response is not None:
            raise NotAResult("response must be an object", "response")
        return BatchResult(
            custom_id, error=_unread("neither", "the line holds neither a response nor an error")
        )
    feedback = object_of(response.get("promptFeedback", response.get("prompt_feedback")))
    blocked = feedback.get("blockReason", feedback.get("block_reason"))
    error = None
    if blocked and not response.get("candidates"):
        error = ResultError("blocked", f"the prompt was blocked: {blocked}", str(blocked))
    row_id = _text(response.get("responseId"))
    return BatchResult(custom_id, row_id, _good_response(response), error)


# --- what a model said ---


def anthropic_answer(body: JsonValue) -> Answer | None:
    """Take the model's words out of a Messages response: the input of its first tool call, else its text."""
    body = object_of(body)
    reason = _text(body.get("stop_reason"))
    blocks = [object_of(block) for block in _items(body.get("content"))]
    for block in blocks:
        if block.get("type") == "tool_use":
            return Answer(_written(block.get("input")), reason)
    said = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    if reason == "refusal":
        return Answer(said, reason, said or "no reason given")
    return Answer(said, reason) if said or reason else None


def google_answer(body: JsonValue) -> Answer | None:
    """Take the model's words out of a GenerateContent response: the first candidate's text, no thoughts.

    Where it has none, the arguments of its first function call.
    """
    first = object_of(next(iter(_items(object_of(body).get("candidates"))), None))
    reason = _text(first.get("finishReason"))
    parts = [object_of(part) for part in _items(object_of(first.get("content")).get("parts"))]
    said = "".join(
        part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought")
    )
    calls = (part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict))
    if not said and (call := next(calls, None)) is not None:
        said = _written(call.get("args"))
    return Answer(said, reason) if said or reason else None


# --- parts ---


def _checked_id(line: JsonObject, field: str, own: ResultShape) -> str:
    shape = shape_of_result(line)
    if shape is None:
        raise NotAResult(f"this is not {own}: response, error or result is missing")
    if shape is not own:
        raise NotAResult(f"this is {shape}, expected {own}")
    value = line.get(field)
    if field not in line:
        raise NotAResult(f"{field} is missing")
    if not isinstance(value, str) or not value:
        raise NotAResult(f"{field} must be a text", field)
    return value


def _good_response(body: JsonObject) -> JsonObject:
    return {"status_code": 200, "request_id": None, "body": body}


def _unread(code: str, message: str) -> ResultError:
    return ResultError(UNREAD, message, code)


def _written(arguments: JsonValue) -> str:
    """Write what a tool was called with as the JSON text that other providers give."""
    return dumps_exactly({} if arguments is None else arguments).decode("utf-8")


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _status(response: JsonObject | None) -> int | None:
    status = (response or {}).get("status_code")
    return status if isinstance(status, int) else None


def _error(said: JsonValue, status: int | None) -> ResultError:
    """Read an error in any of its shapes: a text, an object, an object around an object."""
    said = _innermost(said)
    facts = object_of(said)
    message = said if isinstance(said, str) else facts.get("message") or facts.get("detail")
    kind = _text(facts.get("type")) or _text(facts.get("code"))
    code = facts.get("code")
    kind = kind or (f"http_{status}" if status is not None else "error")
    return ResultError(
        kind,
        message if isinstance(message, str) else f"the provider gave no reason ({kind})",
        kind if code is None else str(code),
        retryable=_may_pass(status) if status is not None else kind not in _LASTING_TYPES,
    )


def _innermost(said: JsonValue) -> JsonValue:
    for _ in range(_MOST_WRAPPERS):
        inner = said.get("error") if isinstance(said, dict) else None
        if not isinstance(inner, dict | str):
            return said
        said = inner
    return said


def _google_error(said: JsonValue) -> ResultError:
    facts = object_of(said)
    code, message = facts.get("code"), facts.get("message")
    passing = isinstance(code, int) and (code in _PASSING_RPC_CODES or _may_pass(code))
    return ResultError(
        _text(facts.get("status")) or "error",
        message if isinstance(message, str) else str(said)[:200],
        None if code is None else str(code),
        retryable=passing,
    )


def _may_pass(status: int) -> bool:
    return status in _PASSING_STATUS or status >= _FIRST_SERVER_FAULT
