"""The Anthropic dialect: ``{"custom_id", "params"}`` lines, one Messages request each.

Source: anthropic-sdk-python 2.11.0 (2026-11-19) and platform.claude.com, "Message Batches" (2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from batch_cli.errors import Finding
from batch_cli.jsonl import dumps
from batch_cli.line_pattern import Path
from batch_cli.model import BatchRequest, BatchResult, JsonObject, JsonValue, Limits
from batch_cli.providers import rulebooks
from batch_cli.providers.base import CHAT, Answer, EncodeOptions, Unsupported
from batch_cli.providers.openai import check_messages, shape_of
from batch_cli.providers.result_lines import anthropic_answer, read_anthropic
from batch_cli.providers.rules import check_body, check_id, missing, object_of
from batch_cli.schema import closed_root_schema

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOOL = "extract_data"
_HIGHEST_TEMPERATURE = 1
_WORDS = {"top_p": "top_p", "top_k": "top_k", "stop_sequences": "stop_sequences"}
"""Parameters of a line that go over as they are; `_params` handles the ones that change their name."""


_FREE_TEXTS = frozenset(
    {
        ("params", "messages", "*", "content"),
        ("params", "messages", "*", "content", "*", "text"),
        ("params", "system"),
        ("params", "system", "*", "text"),
    }
)


@dataclass(frozen=True, slots=True)
class AnthropicCodec:
    """Messages requests in a batch envelope. The model stands in each request."""

    title: str = "Anthropic"
    id_field: str = "custom_id"
    # 100,000 requests or 256 MB, whichever comes first; ids of 1 to 64 letters, digits, _ and -.
    limits: Limits = field(default_factory=lambda: Limits(requests=100_000, bytes=256_000_000, id_length=64))

    any_model: bool = False
    one_model: bool = False

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give the system text and the contents of messages."""
        return _FREE_TEXTS

    def is_own(self, line: JsonObject) -> bool:
        """Recognise ``params``."""
        return "params" in line

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a request line: system messages are joined into ``system``, a schema becomes a forced tool."""
        if options.endpoint != CHAT:
            raise Unsupported(
                f"Anthropic has no {options.endpoint}", hint=f"leave out --endpoint or use {CHAT}"
            )
        system = [m for m in request.messages if m["role"] in ("system", "developer")]
        params: JsonObject = {
            "model": options.model,
            **_limits(request, options),
            "messages": [_turn(m, at) for at, m in enumerate(request.messages) if m not in system],
        }
        if system:
            params["system"] = _joined_system(system)
        if options.response_model is not None:
            params["tools"] = [
                {
                    "name": _TOOL,
                    "description": f"Give the answer as {options.response_model.name}.",
                    "input_schema": closed_root_schema(options.response_model.schema),
                }
            ]
            params["tool_choice"] = {"type": "tool", "name": _TOOL}
        return dumps({"custom_id": request.custom_id, "params": {**params, **options.extra}})

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length, _ID)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and params; a line of another kind gives one finding."""
        if "params" not in request and ("body" in request or shape_of(request)):
            found = "OpenAI format" if "body" in request else shape_of(request)
            yield Finding("E312", f"this is {found}, expected {self.title} format")
            return
        yield from check_id(request, self.id_field, self.limits.id_length, _ID)
        params = request.get("params")
        if "params" not in request:
            yield missing("params", "the request itself")
        elif not isinstance(params, dict):
            yield Finding("E302", "params must be an object", "params", "make it a JSON object")
        else:
            yield from self._check_params(params)

    def _check_params(self, params: JsonObject) -> Iterator[Finding]:
        yield from check_body(params, "params", rulebooks.ANTHROPIC)
        if params.get("stream") is True:
            yield Finding("E310", "stream is not allowed in a batch", "params.stream", "remove stream")
        for found in check_messages(params, "params", ("user", "assistant")):
            at = found.path.removeprefix("params.messages[").partition("]")[0]
            role = _role_at(params, at) if found.code == "E304" else None
            if role == "system":
                yield Finding(
                    "E304",
                    f"{found.path} system is not a role here",
                    found.path,
                    "move the text to params.system",
                )
            else:
                yield found

    def model_of(self, request: JsonObject) -> str | None:
        """Give ``params.model``."""
        model = object_of(request.get("params")).get("model")
        return model if isinstance(model, str) else None

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give the input schema of the tool that the request forces."""
        params = object_of(request.get("params"))
        name = object_of(params.get("tool_choice")).get("name")
        for tool in params.get("tools") or ():
            if name is not None and object_of(tool).get("name") == name:
                schema = object_of(tool).get("input_schema")
                return schema if isinstance(schema, dict) else None
        return None

    def read_result(self, line: JsonObject) -> BatchResult:
        """Read a result line."""
        return read_anthropic(line)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return anthropic_answer(body)


def _role_at(params: JsonObject, at: str) -> JsonValue:
    return object_of(params["messages"][int(at)]).get("role") if at.isdigit() else None


def _turn(message: JsonObject, at: int) -> JsonObject:
    if message["role"] not in ("user", "assistant"):
        raise Unsupported(
            f'Anthropic has no role "{message["role"]}"',
            path=f"messages[{at}].role",
            hint='use "user", "assistant" or "system"',
        )
    content = message.get("content")
    if isinstance(content, list) and any(object_of(part).get("type") != "text" for part in content):
        raise Unsupported(
            "only text can be carried over to Anthropic here",
            path=f"messages[{at}].content",
            hint="write the line in Anthropic's own format and use create-from-file",
        )
    return {"role": message["role"], "content": content}


def _joined_system(messages: list[JsonObject]) -> JsonValue:
    """Join system texts by a blank line; where one is a list of blocks, all become blocks."""
    contents = [message.get("content") or "" for message in messages]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(contents)
    return [
        block
        for content in contents
        for block in (content if isinstance(content, list) else [{"type": "text", "text": content}])
    ]


def _limits(request: BatchRequest, options: EncodeOptions) -> JsonObject:
    """Give length limit, temperature and the line's own parameters in Anthropic's words."""
    own = dict(request.params)
    longest = own.pop("max_completion_tokens", own.pop("max_tokens", options.max_tokens))
    temperature = own.pop("temperature", options.temperature)
    if isinstance(temperature, int | float) and temperature > _HIGHEST_TEMPERATURE:
        raise Unsupported(
            f"temperature {temperature:g} is out of range: Anthropic takes 0 to 1",
            path="temperature",
            hint="use a temperature of at most 1",
        )
    params: JsonObject = {"max_tokens": longest, "temperature": temperature}
    if "stop" in own:
        stop = own.pop("stop")
        params["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    for name, value in own.items():
        if name not in _WORDS:
            raise Unsupported(
                f'"{name}" cannot be carried over to Anthropic',
                path=name,
                hint="remove it, or set it for all lines in Anthropic's words with --param",
            )
        params[_WORDS[name]] = value
    return params


ANTHROPIC = AnthropicCodec()
