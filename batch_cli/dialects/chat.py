"""The neutral form itself, OpenAI's chat words: looking into messages, tools and settings safely.

Source: openai-openapi 2.3.0, ``CreateChatCompletionRequest`` (2026-08-21).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from batch_cli.dialects.base import Change, Losses, Unsupported, each_object, text_of
from batch_cli.json_faults import MAX_DEPTH, explain
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import BatchRequest, JsonObject, JsonValue

SYSTEM_ROLES = ("system", "developer")
_ROLES = (*SYSTEM_ROLES, "user", "assistant", "tool", "function")
_NOTHING: JsonObject = {
    "stream": False,
    "n": 1,
    "logprobs": False,
    "store": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "service_tier": "auto",
    "modalities": ["text"],
}
"""Settings that say what happens anyway, everywhere: leaving them out loses nothing."""
_REASONS = {
    "logprobs": "has no log probabilities",
    "top_logprobs": "has no log probabilities",
    "logit_bias": "cannot favour single tokens",
    "n": "gives one answer",
    "seed": "takes no seed",
    "top_k": "has no top_k",
    "frequency_penalty": "has no penalties",
    "presence_penalty": "has no penalties",
    "user": "takes no user",
    "metadata": "keeps no metadata of a request",
    "store": "stores nothing",
    "parallel_tool_calls": "cannot forbid parallel calls",
    "prediction": "takes no prediction",
    "service_tier": "has other service tiers",
    "reasoning_effort": "has other words for effort",
    "web_search_options": "has other tools for the web",
    "audio": "answers in text",
    "modalities": "answers in text",
    "functions": "takes tools, not functions",
    "function_call": "takes tools, not functions",
}


def settings_of(request: BatchRequest) -> JsonObject:
    """Give the request's settings as a copy to take from, without those that say nothing."""
    return {
        name: value
        for name, value in request.params.items()
        if value is not None and not (name in _NOTHING and _NOTHING[name] == value)
    }


def lose_rest(settings: JsonObject, losses: Losses, title: str) -> None:
    """Note every setting that is left as lost, with the reason why ``title`` does not take it."""
    for name in settings:
        losses.add(name, f"{title} {_REASONS.get(name, 'has no such setting')}")


def take_limit(settings: JsonObject, losses: Losses) -> JsonValue:
    """Take the length limit out of the settings, by its new name or its old; None when there is none."""
    newer, older = settings.pop("max_completion_tokens", None), settings.pop("max_tokens", None)
    if newer is not None and older is not None and newer != older:
        losses.add("max_tokens", "max_completion_tokens says something else")
    return older if newer is None else newer


def as_list(value: JsonValue) -> JsonValue:
    """Give a single stop text as a list of one."""
    return [value] if isinstance(value, str) else value


def split_system(
    request: BatchRequest, losses: Losses, title: str
) -> tuple[list[tuple[str, JsonObject]], list[tuple[str, JsonObject]]]:
    """Part the system messages from the turns of the talk, each with its path.

    Raises:
        Unsupported: there are no turns, or one of nobody that ``title`` knows.
    """
    system: list[tuple[str, JsonObject]] = []
    turns: list[tuple[str, JsonObject]] = []
    for path, message in each_object(request.messages, "messages"):
        if message.get("role") not in SYSTEM_ROLES:
            check_role(message, path, title)
            turns.append((path, message))
            continue
        if turns:
            losses.add(path, f"{title} takes system text only before the talk", Change.MOVED)
        losses.add_rest(message, ("role", "content"), path, f"{title} has no such field of a system text")
        system.append((path, message))
    if not turns:
        raise Unsupported(f"{title} needs a message of the user", path="messages", hint="add a user message")
    return system, turns


def grouped(
    turns: list[tuple[str, JsonObject]], losses: Losses, title: str
) -> Iterator[tuple[str, Iterator[tuple[str, JsonObject]]]]:
    """Give the turns that follow each other in the same role together; each group is to be read before the next.

    Raises:
        Unsupported: a turn has no role.
    """
    for role, group in groupby(turns, lambda turn: text_of(turn[1], "role", turn[0])):
        yield role, _known_only(group, losses, title)


def _known_only(
    turns: Iterable[tuple[str, JsonObject]], losses: Losses, title: str
) -> Iterator[tuple[str, JsonObject]]:
    """Pass turns on, and note the fields that only OpenAI has."""
    for path, message in turns:
        fields = ("role", "content", "tool_calls", "tool_call_id")
        losses.add_rest(message, fields, path, f"{title} has no such field")
        yield path, message


def system_first(request: BatchRequest) -> list[JsonObject]:
    """Give the messages with the system messages before all others, as the providers' own SDKs send them."""
    return sorted(request.messages, key=lambda message: message.get("role") not in SYSTEM_ROLES)


def parts_of(content: JsonValue, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Give a message's content as parts, each with its path.

    Raises:
        Unsupported: it is neither a text nor a list of parts.
    """
    here = f"{path}.content"
    if isinstance(content, str):
        yield here, {"type": "text", "text": content}
    else:
        for at, part in each_object(content, here):
            kind = part.get("type")
            known = isinstance(kind, str) or (kind is None and "text" in part)
            if not known or (kind in (None, "text") and not isinstance(part.get("text"), str)):
                raise Unsupported(
                    f"{at} must say its type and hold what it names", path=at, hint='write "type": "text"'
                )
            yield at, part if kind else {"type": "text", **part}


def joined_text(content: JsonValue, path: str, losses: Losses, title: str) -> str:
    """Give a content as one text, its parts one after the other; parts that are no text are lost.

    Raises:
        Unsupported: it is neither a text nor a list of parts.
    """
    texts = []
    for here, part in parts_of(content, path):
        if part["type"] == "text":
            texts.append(part["text"])
        else:
            losses.add(here, f"{title} takes only text here")
    return "\n\n".join(texts)


def plain_content(parts: list[JsonObject]) -> JsonValue:
    """Give parts as short as they can be said: a single text is just that text."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


_DATA_URL = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)(?:;[A-Za-z0-9=.+-]+)*;base64,")


def data_of(url: str) -> tuple[str, str] | None:
    """Give the media type and the base64 text of a ``data:`` URL; None for any other URL."""
    found = _DATA_URL.match(url[:256])
    if found is None:
        return None
    data = url[found.end() :]
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found[1], data


def data_url(media_type: str, data: str) -> str:
    """Write a ``data:`` URL."""
    return f"data:{media_type};base64,{data}"


def image_part(url: str) -> JsonObject:
    """Write an image part."""
    return {"type": "image_url", "image_url": {"url": url}}


def image_of(part: JsonObject, path: str, losses: Losses, title: str) -> str:
    """Give the URL of an image part; how closely to look is lost.

    Raises:
        Unsupported: there is none.
    """
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise Unsupported(
            f"{path}.image_url.url must be a string", path=path, hint="give the URL of an image"
        )
    if isinstance(image, dict) and image.get("detail") not in (None, "auto"):
        losses.add(f"{path}.image_url.detail", f"{title} decides itself how closely to look")
    return url


def tool_call(call_id: str, name: str, arguments: JsonValue) -> JsonObject:
    """Write a call of a tool; ``arguments`` as an object, or as the text that it already is."""
    text = arguments if isinstance(arguments, str) else dumps_exactly(arguments).decode("utf-8")
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def calls_of(message: JsonObject, path: str, title: str) -> Iterator[tuple[str, JsonObject]]:
    """Give the calls of tools that a message makes, each with its path.

    Raises:
        Unsupported: one is no call of a function, which ``title`` would not know.
    """
    for here, call in each_object(message.get("tool_calls"), f"{path}.tool_calls"):
        if call.get("type") not in (None, "function"):
            raise Unsupported(
                f"{title} knows calls of functions only, not of {call['type']!s:.40} tools",
                path=here,
                hint="write it as a call of a function, or remove the call and its answer",
            )
        yield here, call


def arguments_of(function: JsonObject, path: str) -> JsonObject:
    """Give the arguments of a call as the object that their text says.

    Raises:
        Unsupported: the text is not a JSON object.
    """
    text = function.get("arguments")
    try:
        value = text if isinstance(text, dict) else loads_exactly((text or "{}").encode("utf-8"))
    except (ValueError, AttributeError):
        value = None
    if (
        isinstance(text, str)
        and text.count("[") + text.count("{") > MAX_DEPTH
        and explain(text.encode("utf-8"))
    ):
        value = None  # nested deeper than a line may be
    if not isinstance(value, dict):
        here = f"{path}.function.arguments"
        raise Unsupported(
            f"{here} must be a JSON object in a string", path=here, hint='write for example "{}"'
        )
    return value


def check_role(message: JsonObject, path: str, title: str) -> None:
    """Refuse a role that nobody knows, and the forerunner of tools, which other dialects never had.

    Raises:
        Unsupported: the message has such a role, or is such a call.
    """
    role = message.get("role")
    if role not in _ROLES:
        raise Unsupported(
            f'{title} has no role "{role!s:.40}"',
            path=f"{path}.role",
            hint='use "user", "assistant" or "system"',
        )
    if message.get("role") == "function" or message.get("function_call") is not None:
        raise Unsupported(
            "calls of functions cannot be carried over", path=path, hint="write them as tool_calls"
        )


def user_message(text: str) -> JsonObject:
    """Write a message of the user."""
    return {"role": "user", "content": text}
