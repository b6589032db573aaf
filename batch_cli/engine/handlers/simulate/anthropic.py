"""The simulated model's answers in the shape of Anthropic's messages.

Source: anthropic-sdk-python 2.12.0; result rows of a live batch that a public research note quotes (2026-09-02).
"""

from __future__ import annotations

from collections.abc import Mapping

from batch_cli.engine.handlers.simulate.answering import (
    Answer,
    BadRequest,
    Wire,
    cut,
    json_text,
    model_of,
    plain,
    prompt_of,
    text_of,
    tokens,
)
from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.reply import Reply
from batch_cli.model import MESSAGES, JsonObject, JsonValue, object_of

REFUSED = f"{MESSAGES}/refused"
"""What a request asks for whose parameters were found wrong before: its body is ``{"message"}``."""
_KINDS = {404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}
_STATUSES = {503: 529}
"""Anthropic is overloaded with a status of its own."""


def input_tokens(body: JsonObject) -> int:
    """Count the tokens of messages, system text and tools roughly."""
    messages, tools = body.get("messages"), body.get("tools")
    said = (
        [text_of(object_of(turn).get("content")) for turn in messages] if isinstance(messages, list) else []
    )
    return tokens("\n".join([*said, text_of(body.get("system")), json_text(tools) if tools else ""]))


def _message(body: JsonObject, mark: str) -> JsonObject:
    prompt = prompt_of(body.get("messages"))
    limit = body.get("max_tokens")
    stopped_by: str | None = None
    if (tool := _forced_tool(body)) is not None:
        value, said = _arguments(tool, prompt)
        said, finish = cut(said, limit)
        reason = "tool_use" if finish == "stop" else "max_tokens"
        # What was cut off in the middle is not JSON, and so no input.
        used = value if finish == "stop" else {}
        block = {"type": "tool_use", "id": f"toolu_sim_{mark}", "name": tool["name"], "input": used}
    else:
        schema = _schema_of(body)
        whole = plain(prompt) if schema is None else json_text(fill(schema, prompt))
        whole, stopped_by = _up_to(whole, body.get("stop_sequences"))
        said, finish = cut(whole, limit)
        reason = "max_tokens" if finish == "length" else "end_turn" if stopped_by is None else "stop_sequence"
        stopped_by = stopped_by if reason == "stop_sequence" else None
        block = {"type": "text", "text": said}
    if limit == 0:  # it was only asked to read the prompt into its cache
        said, reason, stopped_by = "", "max_tokens", None
    return {
        "id": f"msg_sim_{mark}",
        "type": "message",
        "role": "assistant",
        "model": model_of(body),
        "content": [] if limit == 0 else [block],
        "stop_reason": reason,
        "stop_sequence": stopped_by,
        "usage": _usage(input_tokens(body), tokens(said)),
    }


def _refused(body: JsonObject, mark: str) -> JsonObject:
    del mark
    raise BadRequest(str(body.get("message")))


def _forced_tool(body: JsonObject) -> JsonObject | None:
    """Give the tool that the request obliges the model to use, if it does."""
    choice = object_of(body.get("tool_choice"))
    if choice.get("type") not in ("any", "tool"):
        return None
    given = body.get("tools")
    tools = [object_of(tool) for tool in given] if isinstance(given, list) else []
    named = [tool for tool in tools if isinstance(tool.get("name"), str)]
    if choice["type"] == "tool":
        named = [tool for tool in named if tool["name"] == choice.get("name")]
    if not named:
        raise BadRequest("tool_choice: it names no tool of this request")
    return named[0]


def _arguments(tool: JsonObject, prompt: str) -> tuple[JsonObject, str]:
    """Give the input of a tool, and as a text."""
    value = fill(object_of(tool.get("input_schema")) or {"type": "object"}, prompt)
    if not isinstance(value, dict):
        raise BadRequest(f"tools: the input_schema of {tool['name'][:64]} must have the type object")
    return value, json_text(value)


def _schema_of(body: JsonObject) -> JsonObject | None:
    """Give the schema that the answer is to follow; before it was settled, it stood in ``output_format``."""
    wanted = object_of(object_of(body.get("output_config")).get("format") or body.get("output_format"))
    schema = wanted.get("schema")
    return schema if wanted.get("type") == "json_schema" and isinstance(schema, dict) else None


def _up_to(text: str, sequences: JsonValue) -> tuple[str, str | None]:
    """Cut a text before the first of the stop sequences in it, and tell which one that is."""
    known = [one for one in sequences if isinstance(one, str) and one] if isinstance(sequences, list) else []
    places = [(text.find(one), one) for one in known if one in text]
    if not places:
        return text, None
    at, sequence = min(places)
    return text[:at], sequence


def _usage(asked: int, answered: int) -> JsonObject:
    return {
        "input_tokens": asked,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": answered,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


_ANSWERS: Mapping[str, Answer] = {MESSAGES: _message, REFUSED: _refused}


def _refuse(status: int, code: str, message: str) -> Reply:
    del code  # one of OpenAI's words
    status = _STATUSES.get(status, status)
    error = {"type": _KINDS.get(status, "invalid_request_error"), "message": message}
    return Reply(status, {"type": "error", "error": error, "request_id": None})


ANTHROPIC = Wire(_ANSWERS.get, _refuse)
