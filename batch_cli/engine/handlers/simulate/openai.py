"""The simulated model's answers in the shapes of OpenAI's endpoints."""

from __future__ import annotations

import base64
import struct
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
    tokens,
    vector,
)
from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.handlers.simulate.moderation import moderation
from batch_cli.engine.reply import Reply
from batch_cli.model import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, RESPONSES, JsonObject, JsonValue

FINGERPRINT = "batch-cli-simulated"
_DIMENSIONS = 64
_MOST_DIMENSIONS = 4096
_MOST_CHOICES = 16


def _chat(body: JsonObject, mark: str) -> JsonObject:
    prompt = prompt_of(body.get("messages"))
    wanted = body.get("response_format")
    message: JsonObject = {"role": "assistant", "content": None, "refusal": None}
    finish = "stop"
    if (call := _forced_tool(body)) is not None:
        arguments = json_text(fill(call.get("parameters") or {"type": "object"}, prompt))
        function = {"name": call["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": f"call_{mark}", "type": "function", "function": function}]
        said = arguments
    elif (schema := _schema_of(wanted, "json_schema")) is not None:
        said = message["content"] = json_text(fill(schema, prompt))
    elif isinstance(wanted, dict) and wanted.get("type") == "json_object":
        said = message["content"] = json_text({"simulated": True, "answer": plain(prompt)})
    else:
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        said, finish = cut(plain(prompt), limit)
        message["content"] = said
    choices = [
        {"index": at, "message": message, "logprobs": None, "finish_reason": finish}
        for at in range(_choices(body))
    ]
    return {
        "id": f"chatcmpl-sim-{mark}",
        "object": "chat.completion",
        "created": 0,
        "model": model_of(body),
        "choices": choices,
        "usage": _usage(prompt, said, len(choices)),
        "system_fingerprint": FINGERPRINT,
    }


def _completion(body: JsonObject, mark: str) -> JsonObject:
    prompts = body.get("prompt")
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list) or not all(isinstance(part, str) for part in prompts):
        raise BadRequest("prompt must be a string or an array of strings")
    answers = [cut(plain(part), body.get("max_tokens")) for part in prompts]
    choices = [
        {"index": at, "text": text, "logprobs": None, "finish_reason": finish}
        for at, (text, finish) in enumerate(answers)
    ]
    return {
        "id": f"cmpl-sim-{mark}",
        "object": "text_completion",
        "created": 0,
        "model": model_of(body),
        "choices": choices,
        "usage": _usage(" ".join(prompts), " ".join(text for text, _ in answers), 1),
        "system_fingerprint": FINGERPRINT,
    }


def _response(body: JsonObject, mark: str) -> JsonObject:
    given = body.get("input")
    prompt = given if isinstance(given, str) else prompt_of(given)
    text_options = body.get("text")
    wanted = text_options.get("format") if isinstance(text_options, dict) else None
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    finish = "stop"
    if isinstance(schema, dict):
        said = json_text(fill(schema, prompt))
    else:
        said, finish = cut(plain(prompt), body.get("max_output_tokens"))
    usage = _usage(prompt, said, 1)
    return {
        "id": f"resp_sim_{mark}",
        "object": "response",
        "created_at": 0,
        "status": "completed" if finish == "stop" else "incomplete",
        "error": None,
        "incomplete_details": None if finish == "stop" else {"reason": "max_output_tokens"},
        "model": model_of(body),
        "output": [
            {
                "id": f"msg_sim_{mark}",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": said, "annotations": []}],
            }
        ],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
        "metadata": {"simulated": "true"},
    }


def _schema_of(wanted: JsonValue, key: str) -> JsonObject | None:
    if not (isinstance(wanted, dict) and isinstance(wanted.get(key), dict)):
        return None
    schema = wanted[key].get("schema")
    return schema if isinstance(schema, dict) else None


def _forced_tool(body: JsonObject) -> JsonObject | None:
    """Give the function that the request obliges the model to call, if it does."""
    choice, tools = body.get("tool_choice"), body.get("tools")
    if not choice or choice in ("auto", "none") or not isinstance(tools, list):
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    named = [f for f in functions if isinstance(f, dict) and isinstance(f.get("name"), str)]
    if isinstance(choice, dict):
        wanted = choice.get("function")
        name = wanted.get("name") if isinstance(wanted, dict) else None
        named = [function for function in named if function["name"] == name]
    if not named:
        raise BadRequest("tool_choice names no tool of this request")
    return named[0]


def _choices(body: JsonObject) -> int:
    wanted = body.get("n")
    return min(wanted, _MOST_CHOICES) if isinstance(wanted, int) and wanted > 0 else 1


def _usage(prompt: str, said: str, answers: int) -> JsonObject:
    asked, answered = tokens(prompt), tokens(said) * answers
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }


def _embedding(body: JsonObject, mark: str) -> JsonObject:
    del mark
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise BadRequest("input must be a string or a non-empty array")
    if all(isinstance(part, int) for part in texts):
        texts = [texts]
    if not all(isinstance(part, str | list) for part in texts):
        raise BadRequest("input must hold strings, or tokens, or arrays of tokens")
    size = body.get("dimensions", _DIMENSIONS)
    if not isinstance(size, int) or not 1 <= size <= _MOST_DIMENSIONS:
        raise BadRequest(f"dimensions must be from 1 to {_MOST_DIMENSIONS}")
    words = [part if isinstance(part, str) else " ".join(map(str, part)) for part in texts]
    used = sum(tokens(part) for part in words)
    packed = body.get("encoding_format") == "base64"
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": _vector(part, size, packed=packed)}
            for at, part in enumerate(words)
        ],
        "model": model_of(body),
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _vector(text: str, size: int, *, packed: bool) -> list[float] | str:
    made = vector(text, size)
    return base64.b64encode(struct.pack(f"<{size}f", *made)).decode("ascii") if packed else made


_ANSWERS: Mapping[str, Answer] = {
    CHAT: _chat,
    COMPLETIONS: _completion,
    RESPONSES: _response,
    EMBEDDINGS: _embedding,
    MODERATIONS: moderation,
}


def _refuse(status: int, code: str, message: str) -> Reply:
    kind = "invalid_request_error" if status < 500 and status != 429 else code  # noqa: PLR2004 - HTTP
    return Reply(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


OPENAI = Wire(_ANSWERS.get, _refuse)
