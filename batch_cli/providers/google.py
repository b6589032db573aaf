"""The Gemini dialect: ``{"key", "request"}`` lines, one GenerateContent request each; the model is the job's.

System messages travel as ``systemInstruction``, so that nothing of their role is lost.
Source: google-genai 3.4.0 and https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batch_cli.dialects import google as dialect
from batch_cli.dialects.base import Losses, Reading, Unsupported
from batch_cli.dialects.chat import system_first
from batch_cli.dialects.google_api import camel
from batch_cli.dialects.google_reading import read
from batch_cli.errors import Finding
from batch_cli.jsonl import dumps_exactly
from batch_cli.line_pattern import Path
from batch_cli.model import CHAT, BatchRequest, BatchResult, JsonObject, JsonValue, Limits, object_of
from batch_cli.providers import rulebooks
from batch_cli.providers.base import Answer, EncodeOptions, create_request, refuse_losses
from batch_cli.providers.openai import Shape, other_format, shape_of
from batch_cli.providers.result_lines import google_answer, read_google
from batch_cli.providers.rules import check_body, check_id, missing
from batch_cli.schema import Inconvertible

_FREE_TEXTS = frozenset(
    {
        ("request", "contents", "*", "parts", "*", "text"),
        ("request", "content", "parts", "*", "text"),
        ("request", "systemInstruction", "parts", "*", "text"),
        ("request", "system_instruction", "parts", "*", "text"),
    }
)


@dataclass(frozen=True, slots=True)
class GoogleCodec:
    """GenerateContent or EmbedContent requests keyed by ``key``."""

    title: str = "Google"
    id_field: str = "key"
    limits: Limits = field(default_factory=lambda: Limits(bytes=2_000_000_000))

    any_model: bool = False
    one_model: bool = False
    row_field: str | None = None
    endpoints: tuple[str, ...] = (CHAT,)

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give the texts of all parts."""
        return _FREE_TEXTS

    def is_own(self, line: JsonObject) -> bool:
        """Recognise ``request``."""
        return "request" in line

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a request line; a response model becomes ``responseSchema``."""
        if options.endpoint != CHAT:
            raise Unsupported(f"Google has no {options.endpoint}", hint=f"leave out --endpoint or use {CHAT}")
        losses = Losses()
        created = create_request(replace(request, messages=system_first(request)), options)
        body = self.write_line(created, losses)["request"]
        refuse_losses(losses, self.title)
        model = options.response_model
        if model is not None:
            try:
                body["generationConfig"] |= dialect.output_config(model.schema)
            except Inconvertible as error:
                raise Unsupported(
                    f"response model {model.name} cannot be sent to Google: {error}",
                    hint="simplify the model",
                ) from error
        return dumps_exactly({"key": request.custom_id, "request": {**body, **options.extra}})

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise ``request``."""
        return self.is_own(line)

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line."""
        return read(line, number)

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a request line; the model is the job's."""
        del max_tokens
        return dialect.write(request, losses)

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line as it is: the model is the job's."""
        del model
        return line

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and contents; a line of another kind gives one finding."""
        if "request" not in request and ("body" in request or shape_of(request)):
            shape = Shape.OPENAI if "body" in request else shape_of(request)
            yield other_format(shape, self.title, "google")
            return
        yield from check_id(request, self.id_field, self.limits.id_length)
        body = request.get("request")
        if "request" not in request:
            yield missing("request", "the request itself")
        elif not isinstance(body, dict):
            yield Finding("E302", "request must be an object", "request", "make it a JSON object")
        else:
            yield from _check_contents(body)
            yield from check_body(camel(body), "request", rulebooks.GOOGLE_REQUEST)
            config = camel(object_of(camel(body).get("generationConfig")))
            yield from check_body(config, "request.generationConfig", rulebooks.GOOGLE_GENERATION)
            if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
                yield Finding(
                    "E304",
                    "responseSchema and responseJsonSchema together are not allowed",
                    "request.generationConfig",
                    "keep one of the two",
                )

    def model_of(self, request: JsonObject) -> str | None:
        """Give None: the model stands in the job's address, not in its lines."""
        del request
        return None

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give the plain JSON Schema where one is used; the OpenAPI form is not one."""
        config = object_of(object_of(request.get("request")).get("generationConfig"))
        schema = config.get("responseJsonSchema")
        return schema if isinstance(schema, dict) else None

    def read_result(self, line: JsonObject) -> BatchResult:
        """Read a result line."""
        return read_google(line)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return google_answer(body)


def _check_contents(body: JsonObject) -> Iterator[Finding]:
    contents = body.get("contents")
    if "contents" not in body and "content" in body:
        yield from _check_turn(body["content"], "request.content")  # for an embedding
    elif "contents" not in body:
        yield missing("request.contents", "an array of turns")
    elif not isinstance(contents, list):
        yield Finding("E302", "request.contents must be an array", "request.contents")
    elif not contents:
        yield Finding("E303", "request.contents is empty", "request.contents", "add a turn")
    else:
        for at, turn in enumerate(contents):
            yield from _check_turn(turn, f"request.contents[{at}]")


def _check_turn(turn: JsonValue, here: str) -> Iterator[Finding]:
    parts = object_of(turn).get("parts")
    if not isinstance(turn, dict):
        yield Finding("E302", f"{here} must be an object", here)
    elif "parts" not in turn:
        yield missing(f"{here}.parts", "an array of parts")
    elif not isinstance(parts, list):
        yield Finding("E302", f"{here}.parts must be an array", f"{here}.parts")
    elif not parts:
        yield Finding("E303", f"{here}.parts is empty", f"{here}.parts", "add a part")


GOOGLE = GoogleCodec()
