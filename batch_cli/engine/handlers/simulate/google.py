"""The simulated model's answers in the shapes of Gemini's methods.

Both spellings of a field, ``topK`` and ``top_k``, are understood; what goes out is camelCase.
Source: generativelanguage v1beta discovery, google-genai 3.4.0 (read 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from batch_cli.dialects.google_api import STATUSES, camel
from batch_cli.engine.handlers.simulate.answering import (
    Answer,
    BadRequest,
    Wire,
    cut,
    json_text,
    plain,
    prompt_of,
    tokens,
    vector,
)
from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.reply import Reply
from batch_cli.model import JsonObject, JsonValue, object_of
from batch_cli.schema import plain_schema

URL = re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<method>generateContent|embedContent)")
"""The urls that are answered here."""
_DIMENSIONS = 64
_MOST_DIMENSIONS = 4096
_MOST_CANDIDATES = 8
_NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
"""Fields of a schema that proto-JSON writes as text, because they are int64."""


def _answer_of(url: str) -> Answer | None:
    found = URL.fullmatch(url)
    if found is None:
        return None
    return partial(_content if found["method"] == "generateContent" else _embedding, found["model"])


def _content(model: str, given: JsonObject, mark: str) -> JsonObject:
    body = camel(given)
    prompt = read_prompt(body.get("contents"))
    config = camel(object_of(body.get("generationConfig")))
    finish = "stop"
    if (call := _forced_call(body)) is not None:
        arguments = fill(_parameters(call), prompt)
        part: JsonObject = {"functionCall": {"name": call["name"], "args": arguments}}
        said = json_text(arguments)
    elif (schema := _wanted_schema(config)) is not None:
        value = fill(schema, prompt)
        is_word = config.get("responseMimeType") == "text/x.enum" and isinstance(value, str)
        said = str(value) if is_word else json_text(value)
        part = {"text": said}
    elif config.get("responseMimeType") == "application/json":
        said = json_text({"simulated": True, "answer": plain(prompt)})
        part = {"text": said}
    else:
        said, finish = cut(plain(prompt), config.get("maxOutputTokens"))
        part = {"text": said}
    candidates = [
        {
            "content": {"parts": [part], "role": "model"},
            "finishReason": "STOP" if finish == "stop" else "MAX_TOKENS",
            "index": at,
        }
        for at in range(_count(config))
    ]
    return {
        "candidates": candidates,
        "usageMetadata": _usage(prompt, said, len(candidates)),
        "modelVersion": model,
        "responseId": f"sim-{mark}",
    }


def read_prompt(contents: JsonValue) -> str:
    """Join what the user says; a turn without a role is the user's.

    Raises:
        BadRequest: there is no turn.
    """
    turns = contents if isinstance(contents, list) else [contents]
    return prompt_of(
        [
            {"role": turn.get("role") or "user", "content": turn.get("parts")}
            for turn in turns
            if isinstance(turn, dict)
        ]
    )


def _forced_call(body: JsonObject) -> JsonObject | None:
    """Give the function that the request obliges the model to call, if it does."""
    options = camel(object_of(camel(object_of(body.get("toolConfig"))).get("functionCallingConfig")))
    if options.get("mode") != "ANY":
        return None
    allowed = options.get("allowedFunctionNames")
    for function in _functions(body):
        if not isinstance(allowed, list) or not allowed or function["name"] in allowed:
            return function
    raise BadRequest("functionCallingConfig allows no function of this request")


def _functions(body: JsonObject) -> Iterator[JsonObject]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        declared = camel(object_of(tool)).get("functionDeclarations")
        for function in declared if isinstance(declared, list) else ():
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                yield camel(function)


def _parameters(function: JsonObject) -> JsonObject:
    plain_json = function.get("parametersJsonSchema")
    if isinstance(plain_json, dict):
        return plain_json
    own = function.get("parameters")
    return _json_schema(own) if isinstance(own, dict) and own else {"type": "object"}


def _wanted_schema(config: JsonObject) -> JsonObject | None:
    for name in ("responseJsonSchema", "_responseJsonSchema"):
        if isinstance(config.get(name), dict):
            return config[name]  # type: ignore[no-any-return]  # JSON: it was just looked at
    own = config.get("responseSchema")
    return _json_schema(own) if isinstance(own, dict) else None


def _json_schema(own: JsonObject) -> JsonObject:
    """Give the JSON Schema that a schema of Gemini's says."""
    return plain_schema(_spelled(own), closed=False)


def _spelled(node: JsonObject) -> JsonObject:
    """Write the fields of a schema in camelCase, and numbers as numbers; the names of properties stay."""
    made = camel(node)
    for name in _NUMBERS:
        if isinstance(made.get(name), str) and made[name].isdecimal():
            made[name] = int(made[name])
    if isinstance(made.get("properties"), dict):
        made["properties"] = {
            name: _spelled(part) for name, part in made["properties"].items() if isinstance(part, dict)
        }
    if isinstance(made.get("items"), dict):
        made["items"] = _spelled(made["items"])
    if isinstance(made.get("anyOf"), list):
        made["anyOf"] = [_spelled(part) for part in made["anyOf"] if isinstance(part, dict)]
    return made


def _count(config: JsonObject) -> int:
    wanted = config.get("candidateCount")
    return min(wanted, _MOST_CANDIDATES) if isinstance(wanted, int) and wanted > 0 else 1


def _usage(prompt: str, said: str, candidates: int) -> JsonObject:
    asked, answered = tokens(prompt), tokens(said) * candidates
    return {
        "promptTokenCount": asked,
        "candidatesTokenCount": answered,
        "totalTokenCount": asked + answered,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked}],
    }


def _embedding(model: str, given: JsonObject, mark: str) -> JsonObject:
    del model, mark
    body = camel(given)
    if not isinstance(body.get("content"), dict):
        raise BadRequest("content must be an object with parts")
    text = read_prompt(body["content"])
    size = body.get("outputDimensionality") or _DIMENSIONS
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MOST_DIMENSIONS:
        raise BadRequest(f"outputDimensionality must be from 1 to {_MOST_DIMENSIONS}")
    return {"embedding": {"values": vector(text, size)}, "tokenCount": str(tokens(text))}


def _refuse(status: int, code: str, message: str) -> Reply:
    del code
    return Reply(
        status, {"error": {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}}
    )


GOOGLE = Wire(_answer_of, _refuse)
