"""The Mistral dialect: ``{"custom_id", "body"}`` lines, OpenAI's words but for a few; the endpoint is the job's.

Source: mistralai 3.7.0, ``ChatCompletionRequest``, and docs.mistral.ai, "Batch" (read 2026-11-21).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from batch_cli.dialects.base import (
    Losses,
    Places,
    Reading,
    Unsupported,
    beside,
    each_object,
    object_at,
    text_of,
)
from batch_cli.dialects.chat import (
    calls_of,
    check_role,
    lose_rest,
    parts_of,
    settings_of,
    take_limit,
    tool_call,
)
from batch_cli.model import CHAT, EMBEDDINGS, MODERATIONS, BatchRequest, JsonObject, JsonValue, object_of

TITLE = "Mistral"
HIGHEST_TEMPERATURE = 1.5
_LARGEST_SEED = 2**63 - 1
_SAME = (
    "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "n", "response_format",
    "parallel_tool_calls", "prediction", "metadata",
)  # fmt: skip
_NO_FIELD = "chat requests have no such field"
_EMBEDDING_WORDS = {"dimensions": "output_dimension"}
_PLACES = {
    "seed": "body.random_seed",
    "max_completion_tokens": "body.max_tokens",
    "dimensions": "body.output_dimension",
}


def read(line: JsonObject, number: int) -> Reading:
    """Read a request line; what its body holds tells its endpoint.

    Raises:
        Unsupported: the body is not an object, or none of chat, embeddings and moderations.
    """
    body = line.get("body")
    if not isinstance(body, dict):
        raise Unsupported("body must be an object", path="body")
    params = {name: value for name, value in body.items() if name != "model" and value is not None}
    losses = Losses()
    messages: list[JsonObject] = []
    if "messages" in body:
        endpoint = CHAT
        messages = [
            _read_message(message, at, losses)
            for at, message in each_object(params.pop("messages"), "body.messages")
        ]
        params = _read_settings(params, losses)
    elif "input" in body:
        endpoint = MODERATIONS if "moderation" in str(body.get("model")) else EMBEDDINGS
        for name, own in _EMBEDDING_WORDS.items():
            if own in params:
                params[name] = params.pop(own)
    else:
        raise Unsupported("only chats, embeddings and moderations can be carried over", path="body")
    model = body.get("model")
    request = BatchRequest(
        str(line.get("custom_id", "")),
        messages,
        params,
        number,
        model if isinstance(model, str) else None,
        endpoint,
    )
    return Reading(request, Places("body", _PLACES), (*beside(line, ("custom_id", "body")), *losses.found))


def _read_message(message: JsonObject, path: str, losses: Losses) -> JsonObject:
    losses.add_rest(
        {name: value for name, value in message.items() if value is not False},
        ("role", "content", "tool_calls", "tool_call_id", "name"),
        path,
        _NO_FIELD,
    )
    kept = {
        name: message[name] for name in ("role", "content", "tool_call_id") if message.get(name) is not None
    }
    if message.get("tool_calls"):
        kept["tool_calls"] = list(_read_calls(message["tool_calls"], path))
        kept.setdefault("content", None)
    if isinstance(message.get("content"), list):
        kept["content"] = list(_read_parts(message["content"], path, losses))
    return kept


def _read_calls(value: JsonValue, path: str) -> Iterator[JsonObject]:
    for here, call in each_object(value, f"{path}.tool_calls"):
        function = object_at(call, "function", here)
        yield tool_call(
            text_of(call, "id", here),
            text_of(function, "name", f"{here}.function"),
            function.get("arguments") or {},
        )


def _read_parts(value: JsonValue, path: str, losses: Losses) -> Iterator[JsonObject]:
    for here, part in parts_of(value, path):
        if part["type"] == "text":
            yield part
        elif part["type"] == "image_url":
            image = part.get("image_url")
            yield {"type": "image_url", "image_url": {"url": image} if isinstance(image, str) else image}
        else:
            losses.add(here, "a chat has no such part")


def _read_settings(params: JsonObject, losses: Losses) -> JsonObject:
    settings = {name: params.pop(name) for name in (*_SAME, "tools") if name in params}
    for own, neutral in (("max_tokens", "max_completion_tokens"), ("random_seed", "seed")):
        if own in params:
            settings[neutral] = params.pop(own)
    if "tool_choice" in params:
        choice = params.pop("tool_choice")
        settings["tool_choice"] = "required" if choice == "any" else choice
    rest = {name: value for name, value in params.items() if value is not False}
    losses.add_rest(rest, (), "body", _NO_FIELD)
    return settings


# --- written ---


def write(request: BatchRequest, losses: Losses) -> JsonObject:
    """Write a request line.

    Raises:
        Unsupported: a message or a part is not what it should be.
    """
    if request.endpoint == CHAT:
        body = {"messages": [_message(m, at, losses) for at, m in each_object(request.messages, "messages")]}
        body |= _settings(settings_of(request), losses)
    else:
        settings = settings_of(request)
        body = {
            _EMBEDDING_WORDS.get(name, name): settings.pop(name)
            for name in ("input", "dimensions", "encoding_format")
            if name in settings
        }
        lose_rest(settings, losses, TITLE)
    model = {} if request.model is None else {"model": request.model}
    return {"custom_id": request.custom_id, "body": {**model, **body}}


def _settings(settings: JsonObject, losses: Losses) -> JsonObject:
    temperature = settings.get("temperature")
    if isinstance(temperature, int | float) and temperature > HIGHEST_TEMPERATURE:
        losses.add("temperature", "out of range: Mistral takes 0 to 1.5")
        del settings["temperature"]
    limit, seed = take_limit(settings, losses), settings.pop("seed", None)
    body = {name: settings.pop(name) for name in _SAME if name in settings}
    if limit is not None:
        body["max_tokens"] = limit
    if isinstance(seed, int) and not 0 <= seed <= _LARGEST_SEED:
        losses.add("seed", "out of range: Mistral takes seeds from 0, of 63 bits at most")
    elif seed is not None:
        body["random_seed"] = seed
    if tools := list(_tools(settings.pop("tools", None), losses)):
        body["tools"] = tools
    if (choice := _choice(settings.pop("tool_choice", None), losses)) is not None:
        body["tool_choice"] = choice
    lose_rest(settings, losses, TITLE)
    return body


def _tools(value: JsonValue, losses: Losses) -> Iterator[JsonObject]:
    """Give the functions among the tools; Mistral demands parameters, be there none."""
    for here, tool in each_object(value, "tools"):
        if tool.get("type") == "function":
            function = {**_NO_PARAMETERS, **_given(object_at(tool, "function", here))}
            yield {"type": "function", "function": function}
        else:
            losses.add(here, "Mistral takes functions as tools only")


_NO_PARAMETERS: JsonObject = {"parameters": {"type": "object", "properties": {}}}


def _given(holder: JsonObject) -> JsonObject:
    return {name: value for name, value in holder.items() if value is not None}


def _choice(choice: JsonValue, losses: Losses) -> JsonValue:
    if choice == "required":
        return "any"
    if isinstance(choice, dict) and not object_of(choice.get("function")):
        losses.add("tool_choice", "Mistral chooses no, any, or one function")
        return None
    return choice


def _message(message: JsonObject, path: str, losses: Losses) -> JsonObject:
    check_role(message, path, TITLE)
    role = text_of(message, "role", path)
    known = ("role", "content", "tool_calls", "tool_call_id")
    losses.add_rest(message, known, path, "Mistral has no such field")
    kept = {name: message[name] for name in known if message.get(name) is not None}
    if calls := [{**call, "id": _call_id(call, "id", at)} for at, call in calls_of(message, path, TITLE)]:
        kept["tool_calls"] = calls
    if role == "tool":
        kept["tool_call_id"] = _call_id(message, "tool_call_id", path)
    if isinstance(message.get("content"), list):
        kept["content"] = [
            part for at, part in parts_of(message["content"], path) if _is_known(part, at, losses)
        ]
        if not kept["content"]:
            raise Unsupported(
                "nothing of this message can be carried over to Mistral", path=path, hint="give it a text"
            )
    return {**kept, "role": "system" if role == "developer" else role}


_CALL_ID = re.compile("[A-Za-z0-9]{9}")


def _call_id(holder: JsonObject, name: str, path: str) -> str:
    """Give the id of a call in the one form that Mistral takes: nine letters or digits.

    Another one becomes nine digits of its hash, so that a call and its answer still name the same.
    Source: mistral-common, ``MistralRequestValidator`` (read 2026-11-21).
    """
    given = text_of(holder, name, path)
    if _CALL_ID.fullmatch(given):
        return given
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:9]


def _is_known(part: JsonObject, path: str, losses: Losses) -> bool:
    if part["type"] in ("text", "image_url"):
        return True
    losses.add(path, "Mistral takes text and images only")
    return False
