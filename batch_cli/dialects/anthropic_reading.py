"""The Anthropic dialect, read: blocks become parts, calls and answers of tools; ``system`` becomes a message."""

from __future__ import annotations

import re

from batch_cli.dialects import output
from batch_cli.dialects.anthropic import EFFORTS, OUTPUT_TOOL
from batch_cli.dialects.base import (
    Change,
    Losses,
    Places,
    Reading,
    Unsupported,
    beside,
    each_object,
    object_at,
    text_of,
)
from batch_cli.dialects.chat import data_url, image_part, joined_text, plain_content, tool_call
from batch_cli.model import BatchRequest, JsonObject, JsonValue, object_of

_SAME = ("temperature", "top_p", "top_k")
_CHOICES = {"auto": "auto", "none": "none", "any": "required"}
_NO_FIELD = "chat requests have no such field"
_OUTPUT = re.compile(
    r"Give the answer as (?P<name>[A-Za-z0-9_-]{1,64})\.(?: (?P<description>.*))?", re.DOTALL
)
_WORDS = {
    "max_completion_tokens": "params.max_tokens",
    "stop": "params.stop_sequences",
    "user": "params.metadata.user_id",
    "reasoning_effort": "params.output_config.effort",
    "response_format": "params.output_config.format",
    "parallel_tool_calls": "params.tool_choice.disable_parallel_tool_use",
}


def read(line: JsonObject, number: int) -> Reading:
    """Read a request line. A single forced tool `extract_data` is the structured output that `create` writes.

    Raises:
        Unsupported: a message, a block or a tool is not what it should be.
    """
    params = line.get("params")
    if not isinstance(params, dict):
        raise Unsupported("params must be an object", path="params")
    talk = _Talk()
    _read_system(params.get("system"), talk)
    for path, message in each_object(params.get("messages"), "params.messages"):
        talk.losses.add_rest(message, ("role", "content"), path, _NO_FIELD)
        _read_message(message, path, talk)
    settings = _settings(params, talk.losses)
    model = params.get("model")
    request = BatchRequest(
        str(line.get("custom_id", "")),
        talk.messages,
        settings,
        number,
        model if isinstance(model, str) else None,
    )
    return Reading(
        request,
        Places("params", _WORDS, talk.origins),
        (*beside(line, ("custom_id", "params")), *talk.losses.found),
    )


class _Talk:
    """The messages made so far, each with the place of what it was made from."""

    def __init__(self) -> None:
        self.messages: list[JsonObject] = []
        self.origins: list[str] = []
        self.losses = Losses()

    def add(self, origin: str, message: JsonObject) -> None:
        self.messages.append(message)
        self.origins.append(origin)


def _read_system(system: JsonValue, talk: _Talk) -> None:
    if isinstance(system, str):
        if system:
            talk.add("params.system", {"role": "system", "content": system})
    elif system:
        parts = [_text_part(block, here, talk.losses) for here, block in each_object(system, "params.system")]
        talk.add("params.system", {"role": "system", "content": parts})


def _read_message(message: JsonObject, path: str, talk: _Talk) -> None:
    role, content = text_of(message, "role", path), message.get("content")
    if isinstance(content, str):
        talk.add(path, {"role": role, "content": content})
        return
    parts: list[JsonObject] = []
    calls: list[JsonObject] = []
    for here, block in each_object(content, f"{path}.content"):
        kind = block.get("type")
        if kind == "tool_result" and role == "user":
            _flush(parts, role, path, talk)
            _read_tool_result(block, here, talk)
        elif kind == "tool_use" and role == "assistant":
            talk.losses.add_rest(block, ("type", "id", "name", "input"), here, _NO_FIELD)
            arguments = object_at(block, "input", here)
            calls.append(tool_call(text_of(block, "id", here), text_of(block, "name", here), arguments))
        else:
            if calls:
                talk.losses.add(here, "a chat says its text before its calls", Change.MOVED)
            parts += _read_block(block, here, talk.losses)
    if calls:
        turn = {"role": role, "content": plain_content(parts) or None, "tool_calls": calls}
        talk.add(path, turn)
    else:
        _flush(parts, role, path, talk)


def _flush(parts: list[JsonObject], role: str, path: str, talk: _Talk) -> None:
    """Make a message of the parts gathered so far."""
    if parts:
        talk.add(path, {"role": role, "content": list(parts)})
        parts.clear()


def _read_block(block: JsonObject, path: str, losses: Losses) -> list[JsonObject]:
    """Give a block as a part; none where a chat has no such part."""
    kind = block.get("type")
    if kind == "text":
        return [_text_part(block, path, losses)]
    source = object_of(block.get("source"))
    if kind == "image":
        losses.add_rest(block, ("type", "source"), path, _NO_FIELD)
        if source.get("type") == "base64":
            here = f"{path}.source"
            return [image_part(data_url(text_of(source, "media_type", here), text_of(source, "data", here)))]
        if source.get("type") == "url":
            return [image_part(text_of(source, "url", f"{path}.source"))]
    if kind == "document" and source.get("type") == "base64":
        here = f"{path}.source"
        losses.add_rest(block, ("type", "source", "title"), path, _NO_FIELD)
        file = {"file_data": data_url(text_of(source, "media_type", here), text_of(source, "data", here))}
        if isinstance(block.get("title"), str):
            file = {"filename": block["title"], **file}
        return [{"type": "file", "file": file}]
    losses.add(path, "a chat has no such block")
    return []


def _text_part(block: JsonObject, path: str, losses: Losses) -> JsonObject:
    losses.add_rest(block, ("type", "text"), path, _NO_FIELD)
    return {"type": "text", "text": text_of(block, "text", path)}


def _read_tool_result(block: JsonObject, path: str, talk: _Talk) -> None:
    known = ("type", "tool_use_id", "content", *(() if block.get("is_error") else ("is_error",)))
    talk.losses.add_rest(block, known, path, _NO_FIELD)
    content = block.get("content")
    if isinstance(content, list):
        parts = [
            part
            for here, item in each_object(content, f"{path}.content")
            for part in _texts(item, here, talk)
        ]
        content = parts or ""
    elif not isinstance(content, str):
        content = joined_text(content, path, talk.losses, "a chat")
    talk.add(path, {"role": "tool", "tool_call_id": text_of(block, "tool_use_id", path), "content": content})


def _texts(block: JsonObject, path: str, talk: _Talk) -> list[JsonObject]:
    if block.get("type") == "text":
        return [_text_part(block, path, talk.losses)]
    talk.losses.add(path, "in a chat a tool answers in text")
    return []


# --- settings ---


def _settings(params: JsonObject, losses: Losses) -> JsonObject:
    """Give the settings in neutral words."""
    settings: JsonObject = {name: params[name] for name in _SAME if params.get(name) is not None}
    for own, neutral in (("max_tokens", "max_completion_tokens"), ("stop_sequences", "stop")):
        if params.get(own) is not None:
            settings[neutral] = params[own]
    metadata = object_at(params, "metadata", "params")
    if metadata.get("user_id") is not None:
        settings["user"] = metadata["user_id"]
    losses.add_rest(metadata, ("user_id",), "params.metadata", _NO_FIELD)
    wanted = object_at(params, "output_config", "params")
    losses.add_rest(wanted, ("effort", "format"), "params.output_config", _NO_FIELD)
    if wanted.get("effort") in EFFORTS:
        settings["reasoning_effort"] = wanted["effort"]
    elif wanted.get("effort") is not None:
        losses.add("params.output_config.effort", "a chat knows low, medium, high and xhigh")
    schema = object_of(wanted.get("format")).get("schema")
    if isinstance(schema, dict):
        settings["response_format"] = output.from_bare(schema).as_format()
    settings |= _forced_output(params) or _tools(params, losses)
    losses.add_rest(
        {name: value for name, value in params.items() if value is not False}, _READ, "params", _NO_FIELD
    )
    return settings


_READ = frozenset(
    (
        "model", "messages", "system", "metadata", "output_config", "tools", "tool_choice",
        "max_tokens", "stop_sequences", *_SAME,
    )
)  # fmt: skip


def _forced_output(params: JsonObject) -> JsonObject:
    """Recognise the single forced tool that stands for structured output; empty when it is not that."""
    tools, choice = params.get("tools"), params.get("tool_choice")
    if choice != {"type": "tool", "name": OUTPUT_TOOL} or not isinstance(tools, list) or len(tools) != 1:
        return {}
    tool = object_of(tools[0])
    schema, said, strict = tool.get("input_schema"), tool.get("description", ""), tool.get("strict")
    known = tool.keys() <= {"name", "description", "input_schema", "strict", "type"}
    if (
        tool.get("name") != OUTPUT_TOOL
        or not isinstance(schema, dict)
        or not isinstance(said, str)
        or not known
    ):
        return {}
    label = _OUTPUT.fullmatch(said)
    found = output.OutputSchema(
        schema,
        label["name"] if label else OUTPUT_TOOL,
        label["description"] if label else said or None,
        strict if isinstance(strict, bool) else None,
    )
    return {"response_format": found.as_format()}


def _tools(params: JsonObject, losses: Losses) -> JsonObject:
    tools = []
    for here, tool in each_object(params.get("tools"), "params.tools"):
        if tool.get("type") not in (None, "custom"):
            losses.add(here, "chat requests have no tools of the provider's own")
            continue
        losses.add_rest(tool, ("type", "name", "description", "input_schema", "strict"), here, _NO_FIELD)
        function: JsonObject = {"name": text_of(tool, "name", here)}
        function |= {name: tool[name] for name in ("description", "strict") if tool.get(name) is not None}
        tools.append(
            {
                "type": "function",
                "function": {**function, "parameters": object_at(tool, "input_schema", here)},
            }
        )
    settings: JsonObject = {"tools": tools} if tools else {}
    choice = object_at(params, "tool_choice", "params")
    kind = choice.get("type")
    if kind == "tool":
        name = text_of(choice, "name", "params.tool_choice")
        settings["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif isinstance(kind, str) and kind in _CHOICES:
        settings["tool_choice"] = _CHOICES[kind]
    elif choice:
        losses.add("params.tool_choice", "a chat has no such choice")
    if isinstance(choice.get("disable_parallel_tool_use"), bool):
        settings["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return settings
