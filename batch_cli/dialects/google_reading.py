"""The Gemini dialect, read: contents become messages; both spellings of a field, ``topP`` and ``top_p``, are known.

Source: google-genai 3.4.0; proto-JSON takes camelCase and snake_case (read 2026-11-21).
"""

from __future__ import annotations

from batch_cli.dialects import output
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
from batch_cli.dialects.chat import data_url, image_part, plain_content, tool_call
from batch_cli.dialects.google import AUDIO, MODES, PDF_NAME, UPLOADED, WORDS
from batch_cli.dialects.google_api import camel
from batch_cli.jsonl import dumps_exactly
from batch_cli.model import BatchRequest, JsonObject, JsonValue
from batch_cli.schema import plain_schema

_CONFIG = "request.generationConfig"
_NO_FIELD = "chat requests have no such field"
_CHOICES = {mode: word for word, mode in MODES.items()}
_NEUTRAL = {own: name for name, own in WORDS.items()}
_FORMATS = {media_type: word for word, media_type in AUDIO.items()} | {"audio/mpeg": "mp3"}
_PLACES = {
    **{name: f"{_CONFIG}.{own}" for name, own in WORDS.items()},
    "max_completion_tokens": f"{_CONFIG}.maxOutputTokens",
    "stop": f"{_CONFIG}.stopSequences",
    "response_format": f"{_CONFIG}.responseSchema",
    "tool_choice": "request.toolConfig",
}


def read(line: JsonObject, number: int) -> Reading:
    """Read a request line.

    Raises:
        Unsupported: a content, a part or a tool is not what it should be.
    """
    if not isinstance(line.get("request"), dict):
        raise Unsupported("request must be an object", path="request")
    body = camel(line["request"])
    if "contents" not in body and "content" in body:
        raise Unsupported("only chats can be carried over, this is for an embedding", path="request.content")
    talk = _Talk()
    _read_system(body.pop("systemInstruction", None), talk)
    for path, content in each_object(body.pop("contents", None), "request.contents"):
        _read_content(content, path, talk)
    settings = _settings(camel(object_at(body, "generationConfig", "request")), talk.losses)
    settings |= _tools(body, talk.losses)
    model = body.pop("model", None)
    talk.losses.add_rest(body, ("generationConfig", "tools", "toolConfig"), "request", _NO_FIELD)
    request = BatchRequest(
        str(line.get("key", "")),
        talk.messages,
        settings,
        number,
        model.removeprefix("models/") if isinstance(model, str) and model else None,
    )
    return Reading(
        request,
        Places("request", _PLACES, talk.origins),
        (*beside(line, ("key", "request")), *talk.losses.found),
    )


class _Talk:
    """The messages made so far, the places of what they were made from, and the calls still to be answered."""

    def __init__(self) -> None:
        self.messages: list[JsonObject] = []
        self.origins: list[str] = []
        self.losses = Losses()
        self.calls = 0
        self._open: list[tuple[str, str]] = []

    def add(self, origin: str, message: JsonObject) -> None:
        self.messages.append(message)
        self.origins.append(origin)

    def call_id(self, given: JsonValue, name: str) -> str:
        """Give the id of a call, made up from its place in the line where it has none."""
        call_id = given if isinstance(given, str) and given else f"call_{self.calls}"
        self.calls += 1
        self._open.append((name, call_id))
        return call_id

    def answered(self, given: JsonValue, name: str) -> str:
        """Give the id of the call that is answered: the one named, else the first open one of this name."""
        if isinstance(given, str) and given:
            return given
        for at, (called, call_id) in enumerate(self._open):
            if called == name:
                del self._open[at]
                return call_id
        return f"call_{name}"


def _read_system(value: JsonValue, talk: _Talk) -> None:
    if isinstance(value, dict):
        path = "request.systemInstruction"
        texts = [
            text_of(part, "text", here) for here, part in each_object(value.get("parts"), f"{path}.parts")
        ]
        if texts:
            talk.add(path, {"role": "system", "content": "\n\n".join(texts)})


def _read_content(content: JsonObject, path: str, talk: _Talk) -> None:
    talk.losses.add_rest(content, ("role", "parts"), path, _NO_FIELD)
    role = "assistant" if content.get("role") == "model" else "user"
    parts: list[JsonObject] = []
    calls: list[JsonObject] = []
    for here, raw in each_object(content.get("parts"), f"{path}.parts"):
        part = camel(raw)
        if "functionCall" in part:
            talk.losses.add_rest(part, ("functionCall",), here, _NO_FIELD)
            calls.append(_read_call(object_at(part, "functionCall", here), f"{here}.functionCall", talk))
        elif "functionResponse" in part:
            if parts:
                talk.add(path, {"role": role, "content": plain_content(parts)})
                parts = []
            _read_answer(object_at(part, "functionResponse", here), f"{here}.functionResponse", talk)
        else:
            if calls:
                talk.losses.add(here, "a chat says its text before its calls", Change.MOVED)
            parts += _read_part(part, here, talk.losses)
    if calls:
        talk.add(path, {"role": "assistant", "content": plain_content(parts) or None, "tool_calls": calls})
    elif parts:
        talk.add(path, {"role": role, "content": plain_content(parts)})


def _read_call(call: JsonObject, path: str, talk: _Talk) -> JsonObject:
    talk.losses.add_rest(call, ("id", "name", "args"), path, _NO_FIELD)
    name = text_of(call, "name", path)
    return tool_call(talk.call_id(call.get("id"), name), name, object_at(call, "args", path))


def _read_answer(answer: JsonObject, path: str, talk: _Talk) -> None:
    talk.losses.add_rest(answer, ("id", "name", "response"), path, _NO_FIELD)
    said = object_at(answer, "response", path)
    text = said.get("output") if said.keys() == {"output"} else None
    call_id = talk.answered(answer.get("id"), text_of(answer, "name", path))
    content = text if isinstance(text, str) else dumps_exactly(said).decode("utf-8")
    talk.add(path, {"role": "tool", "tool_call_id": call_id, "content": content})


def _read_part(part: JsonObject, path: str, losses: Losses) -> list[JsonObject]:
    """Give a part in a chat's words; none where it has none."""
    if isinstance(part.get("text"), str) and not part.get("thought"):
        losses.add_rest(part, ("text",), path, _NO_FIELD)
        return [{"type": "text", "text": part["text"]}]
    if "inlineData" in part:
        losses.add_rest(part, ("inlineData",), path, _NO_FIELD)
        inline = camel(object_at(part, "inlineData", path))
        here = f"{path}.inlineData"
        losses.add_rest(inline, ("mimeType", "data"), here, _NO_FIELD)
        media_type, data = text_of(inline, "mimeType", here), text_of(inline, "data", here)
        if media_type.startswith("image/"):
            return [image_part(data_url(media_type, data))]
        if media_type in _FORMATS:
            return [{"type": "input_audio", "input_audio": {"data": data, "format": _FORMATS[media_type]}}]
        if media_type == "application/pdf":
            return [{"type": "file", "file": {"filename": PDF_NAME, "file_data": data_url(media_type, data)}}]
    if "fileData" in part:
        file = camel(object_at(part, "fileData", path))
        if str(file.get("mimeType") or "image/").startswith("image/"):
            losses.add_rest(part, ("fileData",), path, _NO_FIELD)
            url = text_of(file, "fileUri", f"{path}.fileData")
            if url.startswith(UPLOADED):
                losses.add(f"{path}.fileData", "a file that was uploaded to Google only Google can read")
                return []
            return [image_part(url)]
    losses.add(path, "a chat has no such part")
    return []


# --- settings ---


def _settings(config: JsonObject, losses: Losses) -> JsonObject:
    settings: JsonObject = {}
    for own, neutral in (
        *_NEUTRAL.items(),
        ("maxOutputTokens", "max_completion_tokens"),
        ("stopSequences", "stop"),
    ):
        if config.get(own) is not None:
            settings[neutral] = config.pop(own)
    kind = config.pop("responseMimeType", None)
    openapi, plain = config.pop("responseSchema", None), config.pop("responseJsonSchema", None)
    plain = config.pop("_responseJsonSchema", None) or plain
    if kind not in (None, "application/json", "text/plain"):
        losses.add(f"{_CONFIG}.responseMimeType", "a chat answers in text or JSON")
    if isinstance(plain, dict):
        settings["response_format"] = output.from_bare(plain).as_format()
    elif isinstance(openapi, dict):
        settings["response_format"] = output.from_bare(plain_schema(openapi)).as_format()
    elif kind == "application/json":
        settings["response_format"] = {"type": "json_object"}
    losses.add_rest(config, (), _CONFIG, _NO_FIELD)
    return settings


def _tools(body: JsonObject, losses: Losses) -> JsonObject:
    tools = []
    for here, raw in each_object(body.get("tools"), "request.tools"):
        tool = camel(raw)
        losses.add_rest(tool, ("functionDeclarations",), here, "a chat has functions as its only tools")
        at = f"{here}.functionDeclarations"
        for path, declaration in each_object(tool.get("functionDeclarations"), at):
            tools.append(_read_declaration(camel(declaration), path, losses))
    settings: JsonObject = {"tools": tools} if tools else {}
    config = camel(object_at(body, "toolConfig", "request"))
    losses.add_rest(config, ("functionCallingConfig",), "request.toolConfig", _NO_FIELD)
    choice = camel(object_at(config, "functionCallingConfig", "request.toolConfig"))
    here = "request.toolConfig.functionCallingConfig"
    losses.add_rest(choice, ("mode", "allowedFunctionNames"), here, _NO_FIELD)
    names, mode = choice.get("allowedFunctionNames"), choice.get("mode")
    if isinstance(names, list) and len(names) == 1 and mode == "ANY":
        settings["tool_choice"] = {"type": "function", "function": {"name": names[0]}}
    else:
        if names:
            losses.add(f"{here}.allowedFunctionNames", "a chat names one tool")
        if mode in ("AUTO", "ANY", "NONE"):
            settings["tool_choice"] = _CHOICES[mode]
        elif mode not in (None, "MODE_UNSPECIFIED"):
            losses.add(f"{here}.mode", "a chat has no such choice")
    return settings


def _read_declaration(declaration: JsonObject, path: str, losses: Losses) -> JsonObject:
    known = ("name", "description", "parameters", "parametersJsonSchema")
    losses.add_rest(declaration, known, path, _NO_FIELD)
    function: JsonObject = {"name": text_of(declaration, "name", path)}
    if declaration.get("description") is not None:
        function["description"] = declaration["description"]
    if isinstance(declaration.get("parametersJsonSchema"), dict):
        function["parameters"] = declaration["parametersJsonSchema"]
    elif isinstance(declaration.get("parameters"), dict):
        function["parameters"] = plain_schema(declaration["parameters"], closed=False)
    return {"type": "function", "function": function}
