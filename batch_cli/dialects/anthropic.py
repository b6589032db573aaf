"""The Anthropic dialect, written: ``{"custom_id", "params"}`` lines, one Messages request each.

Source: anthropic-sdk-python 2.11.0 (2026-11-19) and platform.claude.com, "Message Batches" (2026-11-21).
"""

from __future__ import annotations

from batch_cli.dialects import output
from batch_cli.dialects.base import Change, Losses, Unsupported, each_object, object_at, text_of
from batch_cli.dialects.chat import (
    arguments_of,
    as_list,
    calls_of,
    data_of,
    grouped,
    image_of,
    lose_rest,
    parts_of,
    settings_of,
    split_system,
    take_limit,
)
from batch_cli.model import BatchRequest, JsonObject, JsonValue, object_of

TITLE = "Anthropic"
OUTPUT_TOOL = "extract_data"
"""The tool that an answer in a given shape is asked for with; instructor's name for it."""
EFFORTS = ("low", "medium", "high", "xhigh")
"""The words for effort that OpenAI and Anthropic share."""
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_HIGHEST_TEMPERATURE = 1


def write(request: BatchRequest, losses: Losses, *, max_tokens: int) -> JsonObject:
    """Write a request line; ``max_tokens`` is the length limit where the request has none, which there must be.

    System messages are joined into ``system``, a schema becomes a forced tool.

    Raises:
        Unsupported: a message, a tool or a setting is not what it should be.
    """
    settings = settings_of(request)
    system, turns = split_system(request, losses, TITLE)
    params: JsonObject = {"model": request.model, **_sampling(settings, losses, max_tokens)}
    params["messages"] = _messages(turns, losses)
    if system:
        params["system"] = _joined_system(system, losses)
    tools = _tools(settings.pop("tools", None), losses)
    if tools:
        params["tools"] = tools
    choice = _choice(settings, losses, has_tools=bool(tools))
    if choice:
        params["tool_choice"] = choice
    kind, schema = output.take_output(settings)
    if schema is not None:
        params |= _output(schema, params, losses)
    elif kind == "json_object":
        losses.add("response_format", "Anthropic has no JSON without a schema")
    if settings.get("reasoning_effort") in EFFORTS:
        params.setdefault("output_config", {})["effort"] = settings.pop("reasoning_effort")
    lose_rest(settings, losses, TITLE)
    return {"custom_id": request.custom_id, "params": params}


def forced_tool(name: str, schema: JsonObject, description: str | None = None) -> JsonObject:
    """Give the fields of a request that make its answer follow ``schema``: one tool, and the duty to call it."""
    said = f"Give the answer as {name}."
    tool = {
        "name": OUTPUT_TOOL,
        "description": said if description is None else f"{said} {description}",
        "input_schema": schema,
    }
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": OUTPUT_TOOL}}


def _output(schema: output.OutputSchema, params: JsonObject, losses: Losses) -> JsonObject:
    if "tools" in params or schema.schema.get("type") != "object":
        bare = output.as_bare(schema, losses, TITLE)
        return {"output_config": {"format": {"type": "json_schema", "schema": bare}}}
    fields = forced_tool(schema.name, schema.schema, schema.description)
    if schema.strict is not None:
        fields["tools"][0]["strict"] = schema.strict
    return fields


def _sampling(settings: JsonObject, losses: Losses, max_tokens: int) -> JsonObject:
    """Take length limit, temperature and the like out of the settings, in Anthropic's words."""
    limit = take_limit(settings, losses)
    if limit is None:
        losses.add(
            "max_completion_tokens", f"Anthropic needs a limit; it is {max_tokens:,} now", Change.ADDED
        )
    params: JsonObject = {"max_tokens": max_tokens if limit is None else limit}
    temperature = settings.pop("temperature", None)
    if isinstance(temperature, int | float) and temperature > _HIGHEST_TEMPERATURE:
        losses.add("temperature", "out of range: Anthropic takes 0 to 1")
    elif temperature is not None:
        params["temperature"] = temperature
    for name in ("top_p", "top_k"):
        if name in settings:
            params[name] = settings.pop(name)
    if "stop" in settings:
        params["stop_sequences"] = as_list(settings.pop("stop"))
    if "user" in settings:
        params["metadata"] = {"user_id": settings.pop("user")}
    return params


def _joined_system(system: list[tuple[str, JsonObject]], losses: Losses) -> JsonValue:
    """Join system texts by a blank line; where one is a list of blocks, all become blocks."""
    contents = [message.get("content") or "" for _, message in system]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(contents)
    blocks = []
    for path, message in system:
        for here, part in parts_of(message.get("content") or "", path):
            if part["type"] == "text":
                blocks.append(_block(part, here, losses))
            else:
                losses.add(here, "Anthropic takes only text in system messages")
    return blocks


# --- messages ---


def _messages(turns: list[tuple[str, JsonObject]], losses: Losses) -> list[JsonObject]:
    """Give the turns; answers of tools that follow each other stand in one turn of the user."""
    messages: list[JsonObject] = []
    for role, group in grouped(turns, losses, TITLE):
        if role == "tool":
            answers = [_tool_result(message, path, losses) for path, message in group]
            messages.append({"role": "user", "content": answers})
        else:
            for path, message in group:
                messages.append({"role": role, "content": _content(message, path, losses)})
    return messages


def _content(message: JsonObject, path: str, losses: Losses) -> JsonValue:
    content = message.get("content")
    calls = [_tool_use(call, here) for here, call in calls_of(message, path, TITLE)]
    if isinstance(content, str) and content and not calls:
        return content
    blocks = _blocks(content, path, losses) if content else []
    if not blocks and not calls:
        raise Unsupported(
            "nothing of this message can be carried over to Anthropic", path=path, hint="give it a text"
        )
    return [*blocks, *calls]


def _blocks(content: JsonValue, path: str, losses: Losses) -> list[JsonObject]:
    blocks = [_block(part, here, losses) for here, part in parts_of(content, path)]
    return [block for block in blocks if block]


def _block(part: JsonObject, path: str, losses: Losses) -> JsonObject:
    """Give a part as a block; empty where there is none for it."""
    kind = part["type"]
    if kind == "text":
        losses.add_rest(part, ("type", "text"), path, "Anthropic has no such field")
        return {"type": "text", "text": part["text"]}
    if kind == "image_url":
        url = image_of(part, path, losses, TITLE)
        if (data := data_of(url)) is not None:
            return {"type": "image", "source": {"type": "base64", "media_type": data[0], "data": data[1]}}
        if url.startswith(("https://", "http://")):
            return {"type": "image", "source": {"type": "url", "url": url}}
        losses.add(path, "Anthropic takes images as base64 data or by their URL")
        return {}
    if kind == "file":
        return _document(object_at(part, "file", path), path, losses)
    losses.add(path, "Anthropic takes text, images and PDF files only")
    return {}


def _document(file: JsonObject, path: str, losses: Losses) -> JsonObject:
    url = file.get("file_data")
    data = data_of(url) if isinstance(url, str) else None
    if data is None or data[0] != "application/pdf":
        losses.add(path, "Anthropic takes PDF files as base64 data only")
        return {}
    title = {"title": file["filename"]} if isinstance(file.get("filename"), str) else {}
    losses.add_rest(file, ("file_data", "filename"), f"{path}.file", "Anthropic has no such field")
    return {
        "type": "document",
        "source": {"type": "base64", "media_type": data[0], "data": data[1]},
        **title,
    }


def _tool_use(call: JsonObject, path: str) -> JsonObject:
    function = object_at(call, "function", path)
    return {
        "type": "tool_use",
        "id": text_of(call, "id", path),
        "name": text_of(function, "name", f"{path}.function"),
        "input": arguments_of(function, path),
    }


def _tool_result(message: JsonObject, path: str, losses: Losses) -> JsonObject:
    content = message.get("content")
    blocks = content if isinstance(content, str) else _blocks(content, path, losses)
    return {"type": "tool_result", "tool_use_id": text_of(message, "tool_call_id", path), "content": blocks}


# --- tools ---


def _tools(value: JsonValue, losses: Losses) -> list[JsonObject]:
    tools = []
    for here, tool in each_object(value, "tools"):
        if tool.get("type") == "function":
            tools.append(_tool(tool, here, losses))
        else:
            losses.add(here, "Anthropic takes functions as tools only")
    return tools


def _tool(tool: JsonObject, path: str, losses: Losses) -> JsonObject:
    function = object_at(tool, "function", path)
    here = f"{path}.function"
    schema = object_at(function, "parameters", here) or {"type": "object", "properties": {}}
    if schema.get("type") != "object":
        raise Unsupported(f"{here}.parameters must describe an object", path=f"{here}.parameters")
    losses.add_rest(
        function, ("name", "description", "parameters", "strict"), here, "Anthropic has no such field"
    )
    kept = {name: function[name] for name in ("description", "strict") if function.get(name) is not None}
    return {"name": text_of(function, "name", here), **kept, "input_schema": schema}


def _choice(settings: JsonObject, losses: Losses, *, has_tools: bool) -> JsonObject:
    """Take the choice of tools out of the settings; empty where nothing was chosen."""
    choice, parallel = settings.pop("tool_choice", None), settings.pop("parallel_tool_calls", None)
    named = object_of(object_of(choice).get("function")).get("name")
    result: JsonObject = {}
    if isinstance(named, str):
        result = {"type": "tool", "name": named}
    elif isinstance(choice, str) and choice in _CHOICES:
        result = {"type": _CHOICES[choice]}
    elif choice is not None:
        losses.add("tool_choice", "Anthropic chooses no, any, or one named tool")
    if not has_tools:
        if choice not in (None, "auto", "none"):
            losses.add("tool_choice", "there is no tool to choose")
        return {}
    if parallel is not None and choice != "none":
        return {**(result or {"type": "auto"}), "disable_parallel_tool_use": not parallel}
    return result
