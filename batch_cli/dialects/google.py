"""The Gemini dialect, written: ``{"key", "request"}`` lines, one GenerateContent request each; no line has a model.

System messages travel as ``systemInstruction``, so that nothing of their role is lost.
Source: google-genai 3.4.0 and https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21).
"""

from __future__ import annotations

from batch_cli.dialects import output
from batch_cli.dialects.base import Losses, Unsupported, each_object, object_at, text_of
from batch_cli.dialects.chat import (
    arguments_of,
    as_list,
    calls_of,
    data_of,
    grouped,
    image_of,
    joined_text,
    lose_rest,
    parts_of,
    settings_of,
    split_system,
    take_limit,
)
from batch_cli.model import BatchRequest, JsonObject, JsonValue, object_of
from batch_cli.schema import Inconvertible, gemini_losses, gemini_schema

TITLE = "Google"
WORDS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Settings that only have another name in ``generationConfig``."""
MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
AUDIO = {"wav": "audio/wav", "mp3": "audio/mp3"}
PDF_NAME = "document.pdf"
"""What a PDF file is called where its dialect keeps no names."""
UPLOADED = "https://generativelanguage.googleapis.com/"
"""How the addresses of files begin that were uploaded to Gemini, and that nobody else can read."""
_READABLE = (UPLOADED, "gs://")
"""How the addresses of files begin that Gemini can read; other addresses it does not fetch."""
_SMALLEST_SEED, _LARGEST_SEED = -(2**31), 2**31 - 1


def write(request: BatchRequest, losses: Losses) -> JsonObject:
    """Write a request line; a schema becomes ``responseSchema``.

    Raises:
        Unsupported: a message, a tool or a setting is not what it should be.
    """
    settings = settings_of(request)
    system, turns = split_system(request, losses, TITLE)
    body: JsonObject = {"contents": _contents(turns, losses)}
    config = _sampling(settings, losses) | _output(settings, losses)
    if config:
        body["generationConfig"] = config
    if system:
        parts = [part for path, message in system for part in _texts(message, path, losses)]
        body["systemInstruction"] = {"parts": parts}
    tools = _declarations(settings.pop("tools", None), losses)
    if tools:
        body["tools"] = [{"functionDeclarations": tools}]
    choice = _choice(settings, losses)
    if choice:
        body["toolConfig"] = {"functionCallingConfig": choice}
    lose_rest(settings, losses, TITLE)
    return {"key": request.custom_id, "request": body}


def output_config(schema: JsonObject) -> JsonObject:
    """Give the fields of ``generationConfig`` that make an answer follow ``schema``.

    Raises:
        Inconvertible: Gemini has no words for the schema.
    """
    return {"responseMimeType": "application/json", "responseSchema": gemini_schema(schema)}


def _sampling(settings: JsonObject, losses: Losses) -> JsonObject:
    config: JsonObject = {}
    if (limit := take_limit(settings, losses)) is not None:
        config["maxOutputTokens"] = limit
    seed = settings.get("seed")
    if isinstance(seed, int) and not _SMALLEST_SEED <= seed <= _LARGEST_SEED:
        losses.add("seed", "out of range: Google takes seeds of 32 bits")
        del settings["seed"]
    for name, own in WORDS.items():
        if name in settings:
            config[own] = settings.pop(name)
    if "stop" in settings:
        config["stopSequences"] = as_list(settings.pop("stop"))
    return config


def _output(settings: JsonObject, losses: Losses) -> JsonObject:
    kind, schema = output.take_output(settings)
    if schema is None:
        return {"responseMimeType": "application/json"} if kind == "json_object" else {}
    bare = output.as_bare(schema, losses, TITLE)
    here = "response_format.json_schema.schema"
    try:
        config = output_config(bare)
    except Inconvertible as error:
        losses.add(here, f"Google cannot hold answers to it: {error}")
        return {"responseMimeType": "application/json"}
    for word in gemini_losses(bare):
        losses.add(here, f"Google's schemas have no {word}")
    return config


# --- contents ---


def _contents(turns: list[tuple[str, JsonObject]], losses: Losses) -> list[JsonObject]:
    """Give the turns; answers of tools that follow each other stand in one turn of the user."""
    contents: list[JsonObject] = []
    names: dict[str, str] = {}
    for role, group in grouped(turns, losses, TITLE):
        if role == "tool":
            answers = [_answer(message, path, names, losses) for path, message in group]
            contents.append({"role": "user", "parts": answers})
        else:
            for path, message in group:
                parts = _said(message, path, names, losses)
                contents.append({"role": "model" if role == "assistant" else "user", "parts": parts})
    return contents


def _said(message: JsonObject, path: str, names: dict[str, str], losses: Losses) -> list[JsonObject]:
    """Give the parts of a turn that is no answer of a tool; the tools it calls are put into ``names`` by their ids."""
    parts = _parts(message.get("content"), path, losses)
    for here, call in calls_of(message, path, TITLE):
        part = _call(call, here)
        names[part["functionCall"]["id"]] = part["functionCall"]["name"]
        parts.append(part)
    if not parts:
        raise Unsupported(
            "nothing of this message can be carried over to Google", path=path, hint="give it a text"
        )
    return parts


def _texts(message: JsonObject, path: str, losses: Losses) -> list[JsonObject]:
    parts = []
    for here, part in parts_of(message.get("content"), path):
        if part["type"] == "text":
            parts.append(_part(part, here, losses))
        else:
            losses.add(here, "Google takes only text in system messages")
    return parts


def _parts(content: JsonValue, path: str, losses: Losses) -> list[JsonObject]:
    if content in (None, ""):
        return []
    return [found for here, part in parts_of(content, path) if (found := _part(part, here, losses))]


def _part(part: JsonObject, path: str, losses: Losses) -> JsonObject:
    """Give a part in Gemini's words; empty where there are none for it."""
    kind = part["type"]
    if kind == "text":
        losses.add_rest(part, ("type", "text"), path, "Google has no such field")
        return {"text": part["text"]}
    if kind == "image_url":
        return _image(image_of(part, path, losses, TITLE), path, losses)
    if kind == "input_audio":
        audio = object_at(part, "input_audio", path)
        if audio.get("format") in ("wav", "mp3"):
            return _inline(AUDIO[audio["format"]], text_of(audio, "data", f"{path}.input_audio"))
    if kind == "file":
        file = object_at(part, "file", path)
        data = data_of(file["file_data"]) if isinstance(file.get("file_data"), str) else None
        if data is not None:
            losses.add_rest(file, ("file_data", "filename"), f"{path}.file", "Google has no such field")
            if file.get("filename") not in (None, PDF_NAME):
                losses.add(f"{path}.file.filename", "Google keeps no names of inlined files")
            return _inline(*data)
    losses.add(path, "Google has no such part")
    return {}


def _image(url: str, path: str, losses: Losses) -> JsonObject:
    if (data := data_of(url)) is not None:
        return _inline(*data)
    if url.startswith(_READABLE):
        return {"fileData": {"fileUri": url}}
    losses.add(path, "Google takes images as base64 data or as uploaded files, not from any address")
    return {}


def _inline(media_type: str, data: str) -> JsonObject:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _call(call: JsonObject, path: str) -> JsonObject:
    function = object_at(call, "function", path)
    name = text_of(function, "name", f"{path}.function")
    return {
        "functionCall": {"id": text_of(call, "id", path), "name": name, "args": arguments_of(function, path)}
    }


def _answer(message: JsonObject, path: str, names: dict[str, str], losses: Losses) -> JsonObject:
    call_id = text_of(message, "tool_call_id", path)
    if call_id not in names:
        raise Unsupported(
            f"{path} answers no call of a tool before it",
            path=f"{path}.tool_call_id",
            hint="Google wants the name of the tool, which stands in the call",
        )
    said = joined_text(message.get("content"), path, losses, TITLE)
    return {"functionResponse": {"id": call_id, "name": names[call_id], "response": {"output": said}}}


# --- tools ---


def _declarations(value: JsonValue, losses: Losses) -> list[JsonObject]:
    declarations = []
    for here, tool in each_object(value, "tools"):
        if tool.get("type") != "function":
            losses.add(here, "Google takes functions as tools only")
            continue
        function = object_at(tool, "function", here)
        at = f"{here}.function"
        losses.add_rest(
            function, ("name", "description", "parameters", "strict"), at, "Google has no such field"
        )
        if function.get("strict"):
            losses.add(f"{at}.strict", "Google has no strict tools")
        kept = {"description": function["description"]} if function.get("description") is not None else {}
        schema = object_at(function, "parameters", at)
        declaration = {"name": text_of(function, "name", at), **kept}
        declarations.append({**declaration, **({"parametersJsonSchema": schema} if schema else {})})
    return declarations


def _choice(settings: JsonObject, losses: Losses) -> JsonObject:
    choice = settings.pop("tool_choice", None)
    if settings.get("parallel_tool_calls") is True:
        del settings["parallel_tool_calls"]
    named = object_of(object_of(choice).get("function")).get("name")
    if isinstance(named, str):
        return {"mode": "ANY", "allowedFunctionNames": [named]}
    if isinstance(choice, str) and choice in MODES:
        return {"mode": MODES[choice]}
    if choice is not None:
        losses.add("tool_choice", "Google chooses no, any, or named functions")
    return {}
