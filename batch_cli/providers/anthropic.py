"""The Anthropic dialect: ``{"custom_id", "params"}`` lines, one Messages request each.

Source: anthropic-sdk-python 2.11.0 (2026-11-19) and platform.claude.com, "Message Batches" (2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batch_cli.dialects import anthropic as dialect
from batch_cli.dialects.anthropic_reading import read
from batch_cli.dialects.base import Losses, Reading, Unsupported
from batch_cli.dialects.chat import system_first
from batch_cli.errors import Finding
from batch_cli.jsonl import dumps_exactly
from batch_cli.line_pattern import Path
from batch_cli.model import CHAT, BatchRequest, BatchResult, JsonObject, JsonValue, Limits, object_of
from batch_cli.providers import rulebooks
from batch_cli.providers.base import Answer, EncodeOptions, create_request, refuse_losses
from batch_cli.providers.openai import Shape, check_messages, other_format, shape_of
from batch_cli.providers.result_lines import anthropic_answer, read_anthropic
from batch_cli.providers.rules import check_body, check_id, missing
from batch_cli.schema import closed_root_schema

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


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
    row_field: str | None = None
    endpoints: tuple[str, ...] = (CHAT,)

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
        losses = Losses()
        created = create_request(replace(request, messages=system_first(request)), options)
        params = self.write_line(created, losses)["params"]
        refuse_losses(losses, self.title)
        model = options.response_model
        if model is not None:
            params |= dialect.forced_tool(model.name, closed_root_schema(model.schema))
        return dumps_exactly({"custom_id": request.custom_id, "params": {**params, **options.extra}})

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise ``params``."""
        return self.is_own(line)

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line."""
        return read(line, number)

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a request line."""
        return dialect.write(request, losses, max_tokens=max_tokens)

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line with another ``params.model``."""
        return {**line, "params": {**object_of(line.get("params")), "model": model}}

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length, _ID)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and params; a line of another kind gives one finding."""
        if "params" not in request and ("body" in request or shape_of(request)):
            shape = Shape.OPENAI if "body" in request else shape_of(request)
            yield other_format(shape, self.title, "anthropic")
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
        tools = params.get("tools")
        for tool in tools if isinstance(tools, list) else ():
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


ANTHROPIC = AnthropicCodec()
