"""OpenAI's Responses bodies, said as a chat and back: items for messages, other names for a few settings.

Source: openai-openapi 2.3.0, ``CreateResponse`` and ``InputItem`` (2026-08-21).
"""

from __future__ import annotations

from batch_cli.dialects.base import Losses, Places, Reading, Unsupported, each_object, object_at, text_of
from batch_cli.dialects.chat import (
    calls_of,
    check_role,
    image_part,
    joined_text,
    lose_rest,
    parts_of,
    plain_content,
    settings_of,
    take_limit,
    tool_call,
    user_message,
)
from batch_cli.model import CHAT, RESPONSES, BatchRequest, JsonObject, JsonValue, object_of

_TITLE = "the Responses endpoint"
_SAME = (
    "temperature", "top_p", "user", "metadata", "parallel_tool_calls", "store", "service_tier",
    "top_logprobs", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
)  # fmt: skip
_NO_FIELD = "chat requests have no such field"
_TEXTS = ("input_text", "output_text", "text")


def as_chat(reading: Reading) -> Reading:
    """Give a Responses request as a chat.

    Raises:
        Unsupported: its input or its tools are not what they should be.
    """
    request, root = reading.request, reading.places.root
    body = dict(request.params)
    talk = _Talk(root)
    talk.losses.found.extend(reading.losses)
    instructions = body.pop("instructions", None)
    if isinstance(instructions, str):
        talk.add(f"{root}.instructions", {"role": "system", "content": instructions})
    _read_input(body.pop("input", None), talk)
    params = _read_settings(body, talk)
    words = {
        "max_completion_tokens": f"{root}.max_output_tokens",
        "response_format": f"{root}.text.format",
        "verbosity": f"{root}.text.verbosity",
        "reasoning_effort": f"{root}.reasoning.effort",
    }
    chat = BatchRequest(request.custom_id, talk.messages, params, request.line, request.model, CHAT)
    return Reading(chat, Places(root, words, talk.origins), tuple(talk.losses.found))


class _Talk:
    """The messages made so far, each with the place of what it was made from."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.messages: list[JsonObject] = []
        self.origins: list[str] = []
        self.losses = Losses()

    def add(self, origin: str, message: JsonObject) -> None:
        self.messages.append(message)
        self.origins.append(origin)

    def call(self, origin: str, call: JsonObject) -> None:
        """Add a call of a tool to the assistant's turn that it belongs to."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.add(origin, {"role": "assistant", "content": None})
        self.messages[-1].setdefault("tool_calls", []).append(call)


def _read_input(value: JsonValue, talk: _Talk) -> None:
    root = f"{talk.root}.input"
    if isinstance(value, str):
        talk.add(root, user_message(value))
        return
    for here, item in each_object(value, root):
        kind = item.get("type", "message")
        if kind == "message":
            role = text_of(item, "role", here)
            talk.losses.add_rest(item, ("type", "role", "content"), here, _NO_FIELD)
            parts = [_read_part(part, at, talk.losses) for at, part in parts_of(item.get("content"), here)]
            content = plain_content([part for part in parts if part])
            talk.add(here, {"role": role, "content": content})
        elif kind == "function_call":
            talk.losses.add_rest(item, ("type", "call_id", "name", "arguments"), here, _NO_FIELD)
            call = tool_call(*(text_of(item, name, here) for name in ("call_id", "name", "arguments")))
            talk.call(here, call)
        elif kind == "function_call_output":
            talk.losses.add_rest(item, ("type", "call_id", "output"), here, _NO_FIELD)
            output = _read_output(item, here, talk.losses)
            talk.add(
                here, {"role": "tool", "tool_call_id": text_of(item, "call_id", here), "content": output}
            )
        else:
            talk.losses.add(here, f"a chat has no items of the kind {kind!s:.40}")


def _read_output(item: JsonObject, path: str, losses: Losses) -> JsonValue:
    """Give what a tool answered: a text, or parts."""
    if not isinstance(item.get("output"), list):
        return text_of(item, "output", path)
    parts = [
        _read_part({"type": "input_text", **part}, at, losses)
        for at, part in each_object(item["output"], f"{path}.output")
    ]
    return plain_content([part for part in parts if part]) or ""


def _read_part(part: JsonObject, path: str, losses: Losses) -> JsonObject | None:
    kind = part["type"]
    if kind in _TEXTS:
        return {"type": "text", "text": text_of(part, "text", path)}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        image = image_part(part["image_url"])
        if part.get("detail") not in (None, "auto"):
            image["image_url"]["detail"] = part["detail"]
        return image
    if kind == "input_file":
        file = {name: part[name] for name in ("file_data", "file_id", "filename") if name in part}
        losses.add_rest(part, ("type", *file), path, _NO_FIELD)
        return {"type": "file", "file": file}
    losses.add(path, "a chat has no such part")
    return None


def _read_settings(body: JsonObject, talk: _Talk) -> JsonObject:
    losses, root = talk.losses, talk.root
    params = {name: body.pop(name) for name in _SAME if name in body}
    if (limit := body.pop("max_output_tokens", None)) is not None:
        params["max_completion_tokens"] = limit
    text = object_at(body, "text", root)
    body.pop("text", None)
    losses.add_rest(text, ("format", "verbosity"), f"{root}.text", _NO_FIELD)
    if (wanted := object_of(text.get("format"))) != {}:
        label = {name: value for name, value in wanted.items() if name != "type"}
        is_schema = wanted.get("type") == "json_schema"
        params["response_format"] = {"type": "json_schema", "json_schema": label} if is_schema else wanted
    if text.get("verbosity") is not None:
        params["verbosity"] = text["verbosity"]
    reasoning = object_at(body, "reasoning", root)
    body.pop("reasoning", None)
    losses.add_rest(reasoning, ("effort",), f"{root}.reasoning", _NO_FIELD)
    if reasoning.get("effort") is not None:
        params["reasoning_effort"] = reasoning["effort"]
    if tools := list(_read_tools(body.pop("tools", None), talk)):
        params["tools"] = tools
    choice = body.pop("tool_choice", None)
    if isinstance(choice, dict) and choice.get("type") == "function":
        params["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif isinstance(choice, str):
        params["tool_choice"] = choice
    elif choice is not None:
        losses.add(f"{root}.tool_choice", "a chat chooses among functions only")
    nothing = {"stream": False, "background": False, "truncation": "disabled"}
    body = {name: value for name, value in body.items() if nothing.get(name, ...) != value}
    losses.add_rest(body, (), root, _NO_FIELD)
    return params


def _read_tools(value: JsonValue, talk: _Talk) -> list[JsonObject]:
    tools = []
    for here, tool in each_object(value, f"{talk.root}.tools"):
        if tool.get("type") == "function":
            function = {name: field for name, field in tool.items() if name != "type" and field is not None}
            tools.append({"type": "function", "function": function})
        else:
            talk.losses.add(here, "a chat has functions as its only tools")
    return tools


# --- and back ---


def from_chat(request: BatchRequest, losses: Losses) -> BatchRequest:
    """Give a chat as a Responses request.

    Raises:
        Unsupported: a message or a tool is not what it should be.
    """
    settings = settings_of(request)
    body: JsonObject = {"input": [item for at, m in _messages(request) for item in _items(m, at, losses)]}
    if (limit := take_limit(settings, losses)) is not None:
        body["max_output_tokens"] = limit
    body |= {name: settings.pop(name) for name in _SAME if name in settings}
    text: JsonObject = {}
    if (wanted := object_of(settings.pop("response_format", None))) != {}:
        label = object_of(wanted.get("json_schema"))
        text["format"] = {"type": wanted.get("type"), **label}
    if "verbosity" in settings:
        text["verbosity"] = settings.pop("verbosity")
    if text:
        body["text"] = text
    if "reasoning_effort" in settings:
        body["reasoning"] = {"effort": settings.pop("reasoning_effort")}
    if tools := _write_tools(settings.pop("tools", None), losses):
        body["tools"] = tools
    choice = settings.pop("tool_choice", None)
    if choice is not None:
        named = object_of(object_of(choice).get("function")).get("name")
        body["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", "name": named}
    lose_rest(settings, losses, _TITLE)
    return BatchRequest(request.custom_id, [], body, request.line, request.model, RESPONSES)


def _messages(request: BatchRequest) -> list[tuple[str, JsonObject]]:
    return list(each_object(request.messages, "messages"))


def _items(message: JsonObject, path: str, losses: Losses) -> list[JsonObject]:
    check_role(message, path, _TITLE)
    role = text_of(message, "role", path)
    losses.add_rest(
        message, ("role", "content", "tool_calls", "tool_call_id"), path, f"{_TITLE} has no such field"
    )
    if role == "tool":
        output = joined_text(message.get("content"), path, losses, _TITLE)
        call_id = text_of(message, "tool_call_id", path)
        return [{"type": "function_call_output", "call_id": call_id, "output": output}]
    items: list[JsonObject] = []
    content = message.get("content")
    if isinstance(content, list):
        content = [_write_part(part, at, role, losses) for at, part in parts_of(content, path)]
        content = [part for part in content if part]
    if content:
        items.append({"role": role, "content": content})
    for here, call in calls_of(message, path, _TITLE):
        function = object_at(call, "function", here)
        items.append(
            {
                "type": "function_call",
                "call_id": text_of(call, "id", here),
                "name": text_of(function, "name", f"{here}.function"),
                "arguments": text_of(function, "arguments", f"{here}.function"),
            }
        )
    if not items:
        raise Unsupported(f"{_TITLE} can say nothing of this message", path=path, hint="remove the message")
    return items


def _write_part(part: JsonObject, path: str, role: str, losses: Losses) -> JsonObject | None:
    kind = part["type"]
    if kind == "text":
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part["text"]}
    if kind == "image_url":
        image = object_at(part, "image_url", path)
        detail = {"detail": image["detail"]} if image.get("detail") else {}
        return {"type": "input_image", "image_url": text_of(image, "url", f"{path}.image_url"), **detail}
    if kind == "file":
        return {"type": "input_file", **object_at(part, "file", path)}
    losses.add(path, f"{_TITLE} has no such part")
    return None


def _write_tools(value: JsonValue, losses: Losses) -> list[JsonObject]:
    tools = []
    for here, tool in each_object(value, "tools"):
        if tool.get("type") == "function":
            tools.append({"type": "function", **object_at(tool, "function", here)})
        else:
            losses.add(here, f"{_TITLE} has other words for this tool")
    return tools
