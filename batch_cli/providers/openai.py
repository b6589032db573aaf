"""The OpenAI dialect of request lines, which regolo and the local engine share.

Source: openai-openapi 2.3.0 (2026-08-21) for fields and limits; LiteLLM 1.109.1 for what regolo's proxy
takes (2026-11-21).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from batch_cli.dialects import openai as dialect
from batch_cli.dialects.base import Losses, Reading, Unsupported
from batch_cli.errors import Finding, Severity
from batch_cli.jsonl import dumps_exactly
from batch_cli.line_pattern import Path
from batch_cli.model import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    ENDPOINTS,
    MODERATIONS,
    RESPONSES,
    BatchRequest,
    BatchResult,
    JsonObject,
    JsonValue,
    Limits,
    object_of,
)
from batch_cli.providers import rulebooks
from batch_cli.providers.base import Answer, EncodeOptions, create_request, refuse_losses
from batch_cli.providers.openai_answer import answer_of
from batch_cli.providers.result_lines import read_openai
from batch_cli.providers.rules import Rulebook, check_body, check_id, missing, text
from batch_cli.providers.schema_rules import check_response_format, check_text_format, check_tools
from batch_cli.response_model import ResponseModel
from batch_cli.schema import Inconvertible, strict_schema

_MEDIA = ("/v1/images/generations", "/v1/images/edits", "/v1/videos")
"""Endpoints that only OpenAI itself has."""
_ROLES = ("user", "system", "assistant", "developer", "tool", "function")
_RULEBOOKS = {
    CHAT: rulebooks.OPENAI_CHAT,
    RESPONSES: rulebooks.OPENAI_RESPONSES,
    COMPLETIONS: rulebooks.OPENAI_COMPLETIONS,
    EMBEDDINGS: rulebooks.OPENAI_EMBEDDINGS,
    MODERATIONS: rulebooks.OPENAI_MODERATIONS,
    **dict.fromkeys(_MEDIA, rulebooks.OPENAI_MEDIA),
}
_ANY_BODY = Rulebook(rulebooks.OPENAI_CHAT.source, required={"model": text})
"""For a body whose url is wrong, and so does not say what it is."""
_FREE_TEXTS = frozenset(
    {
        ("body", "messages", "*", "content"),
        ("body", "messages", "*", "content", "*", "text"),
        ("body", "input"),
        ("body", "input", "*"),
        ("body", "input", "*", "content"),
        ("body", "input", "*", "content", "*", "text"),
        ("body", "instructions"),
        ("body", "prompt"),
        ("body", "prompt", "*"),
        ("body", "user"),
    }
)


class Shape(enum.StrEnum):
    """What a line without the OpenAI envelope looks like; used to say what was found instead."""

    ANTHROPIC = "Anthropic format"
    GOOGLE = "Google format"
    RESULTS = "a results file"
    MESSAGES = "a messages file"
    BODY = "bare request bodies"
    OPENAI = "OpenAI format"


class InBody:
    """What the codecs share whose lines hold a ``body`` in OpenAI's words."""

    __slots__ = ()

    def model_of(self, request: JsonObject) -> str | None:
        """Give ``body.model``."""
        model = object_of(request.get("body")).get("model")
        return model if isinstance(model, str) else None

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give the schema in ``response_format`` (chat) or ``text.format`` (responses)."""
        return requested_schema(object_of(request.get("body")))

    def read_result(self, line: JsonObject) -> BatchResult:
        """Read a result line."""
        return read_openai(line)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return answer_of(body)

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line with another ``body.model``."""
        return {**line, "body": {**object_of(line.get("body")), "model": model}}


@dataclass(frozen=True, slots=True)
class OpenAICodec(InBody):
    """``{"custom_id", "method": "POST", "url", "body"}`` lines."""

    title: str
    limits: Limits
    id_field: str = "custom_id"
    any_model: bool = False
    one_model: bool = False
    row_field: str | None = None
    own_prefixes: tuple[str, ...] = ()
    """Model prefixes that are our notation and must not reach the provider."""
    takes_any_word: bool = True
    """False where settings of other servers with this dialect would be refused."""
    endpoints: tuple[str, ...] = ENDPOINTS

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give prompts and contents of messages."""
        return _FREE_TEXTS

    def is_own(self, line: JsonObject) -> bool:
        """Recognise the envelope; ``{"custom_id", "body"}`` alone is a messages line."""
        return "body" in line and ("url" in line or "method" in line)

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise the envelope."""
        return self.is_own(line)

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a request line; ``options.endpoint`` decides the shape of its body."""
        losses = Losses()
        created = create_request(request, options)
        if options.endpoint == EMBEDDINGS:
            created = replace(created, params=request.params)  # no answer to limit or to vary
        if options.response_model is not None:
            if options.endpoint in (COMPLETIONS, EMBEDDINGS):
                raise Unsupported(
                    f"{options.endpoint} has no structured output", hint=f"use --endpoint {CHAT}"
                )
            wanted = {"type": "json_schema", "json_schema": json_schema(options.response_model, options)}
            created = replace(created, params={**created.params, "response_format": wanted})
        line = self.write_line(dialect.from_chat(created, options.endpoint, losses), losses)
        refuse_losses(losses, self.title)
        return dumps_exactly({**line, "body": {**line["body"], **options.extra}})

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line; the body's words are the neutral form's own."""
        return dialect.read(line, number)

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a request line."""
        del max_tokens
        return dialect.write(request, losses, is_openai=not self.takes_any_word)

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and body; a line of another kind gives one finding that names the kind."""
        shape = None if "body" in request else shape_of(request)
        if shape is not None:
            yield other_format(shape, self.title, next(iter(self.own_prefixes), "openai"))
            return
        yield from check_id(request, self.id_field, self.limits.id_length)
        yield from self._check_envelope(request)
        body = request.get("body")
        if "body" not in request:
            yield missing("body", "the request itself")
        elif not isinstance(body, dict):
            yield Finding("E302", "body must be an object", "body", "make it a JSON object")
        else:
            yield from self._check_body(body, request.get("url"))
        for name in request.keys() - {"custom_id", "method", "url", "body"}:
            yield Finding("W301", f'unknown field "{name}"', name, severity=Severity.WARNING)

    def _check_envelope(self, request: JsonObject) -> Iterator[Finding]:
        if "method" not in request:
            yield missing("method", '"POST"')
        elif request["method"] != "POST":
            yield Finding("E304", 'method must be "POST"', "method", 'write "POST"')
        url = request.get("url")
        if "url" not in request:
            yield missing("url", f'"{CHAT}"')
        elif not isinstance(url, str):
            yield Finding("E302", "url must be a string", "url", f'use "{CHAT}"')
        elif url not in self.endpoints:
            known = ", ".join(self.endpoints)
            yield Finding("E313", f'url "{url[:64]}" is not one of {known}', "url", f'use "{CHAT}"')

    def _check_body(self, body: JsonObject, url: JsonValue) -> Iterator[Finding]:
        rulebook = _RULEBOOKS.get(url, _ANY_BODY) if isinstance(url, str) else _ANY_BODY
        if url == RESPONSES and body.get("prompt") is not None:
            rulebook = rulebooks.OPENAI_STORED_PROMPT
        yield from check_body(body, "body", rulebook)
        model = body.get("model")
        prefix, slash, rest = model.partition("/") if isinstance(model, str) else ("", "", "")
        if slash and prefix in self.own_prefixes:
            yield Finding(
                "E304",
                f'body.model "{model}" starts with a provider, which only batch-cli writes',
                "body.model",
                f'write "{rest}"',
            )
        if body.get("stream") is True:
            yield Finding("E310", "stream is not allowed in a batch", "body.stream", "remove stream")
        if url == CHAT:
            yield from check_messages(body, "body", _ROLES)
            yield from check_response_format(body, "body")
            yield from check_tools(body, "body")
        elif url == RESPONSES:
            yield from check_text_format(body, "body")


def check_messages(body: JsonObject, path: str, roles: tuple[str, ...]) -> Iterator[Finding]:
    """Check a list of chat messages: there is one, each has a known role and a content."""
    here = f"{path}.messages"
    messages = body.get("messages")
    if "messages" not in body:
        yield missing(here, "an array of messages")
    elif not isinstance(messages, list):
        yield Finding("E302", f"{here} must be an array", here, "make it an array of messages")
    elif not messages:
        yield Finding("E303", f"{here} is empty", here, "add a message")
    else:
        for at, message in enumerate(messages):
            yield from _check_message(message, f"{here}[{at}]", roles)


def _check_message(message: JsonValue, here: str, roles: tuple[str, ...]) -> Iterator[Finding]:
    if not isinstance(message, dict):
        yield Finding("E302", f"{here} must be an object", here, 'write {"role": …, "content": …}')
        return
    role = message.get("role")
    if "role" not in message:
        yield missing(f"{here}.role", '"user"')
    elif role not in roles:
        known = ", ".join(roles)
        yield Finding("E304", f"{here}.role is not one of {known}", f"{here}.role", 'use "user"')
    content = message.get("content")
    if content is None and role in ("assistant", "function"):
        return  # an assistant turn may consist of tool calls only, a function may have nothing to say
    if "content" not in message:
        yield missing(f"{here}.content", "a text")
    elif not isinstance(content, str | list):
        yield Finding(
            "E302", f"{here}.content must be a string or an array", f"{here}.content", "write a text"
        )
    elif content == []:
        yield Finding("E303", f"{here}.content is empty", f"{here}.content", "add a part")


def shape_of(line: JsonObject) -> Shape | None:
    """Recognise a line that is not in the OpenAI envelope, or give None."""
    if "response" in line or ("error" in line and "custom_id" in line) or "result" in line:
        return Shape.RESULTS
    if "params" in line:
        return Shape.ANTHROPIC
    if "request" in line and "key" in line:
        return Shape.GOOGLE
    if "messages" in line and "url" not in line:
        return Shape.BODY if "model" in line else Shape.MESSAGES
    return None


def other_format(shape: Shape | None, title: str, provider: str) -> Finding:
    """Say that a line is of another kind than ``provider``, whose title is ``title``, takes, and how to go on."""
    convert = f"batch-cli convert FILE --to {provider}"
    hints = {
        Shape.OPENAI: f"use --model openai/NAME, or {convert}",
        Shape.ANTHROPIC: f"use --model anthropic/NAME, or {convert}",
        Shape.GOOGLE: f"use --model google/NAME, or {convert}",
        Shape.BODY: f"give each line a custom_id and an envelope with {convert}; --provider regolo takes it as it is",
        Shape.MESSAGES: "batch-cli create --messages-file FILE makes request files from messages",
        Shape.RESULTS: "name the file of requests; batch-cli results --from-file FILE reads results",
    }
    found = shape or "another format"
    return Finding(
        "E312", f"this is {found}, expected {title} format", hint=hints.get(shape) if shape else None
    )


def requested_schema(body: JsonObject) -> JsonObject | None:
    """Find the JSON Schema that a chat or responses body asks its answer to follow."""
    wanted = object_of(object_of(body.get("response_format")).get("json_schema")).get("schema")
    if wanted is None:
        wanted = object_of(object_of(body.get("text")).get("format")).get("schema")
    return wanted if isinstance(wanted, dict) else None


def json_schema(model: ResponseModel, options: EncodeOptions) -> JsonObject:
    """Give ``{"name", "strict", "schema"}`` of the response model."""
    if not options.strict:
        return {"name": model.name, "strict": False, "schema": model.schema}
    try:
        return {"name": model.name, "strict": True, "schema": strict_schema(model.schema)}
    except Inconvertible as error:
        raise Unsupported(
            f"response model {model.name} has no strict form: {error}",
            hint="give the field a model of its own, or use --no-strict",
        ) from error


OPENAI = OpenAICodec(
    "OpenAI",
    # 50,000 requests and 200 MB a file; custom_id: 512 is a safe upper bound, no limit is published.
    # Source: openai-openapi 2.3.0, "Create batch" (2026-08-21).
    Limits(requests=50_000, bytes=200_000_000),
    one_model=True,  # a second one fails the batch with model_mismatch: openai-python#2084, seen 2026-11-21
    own_prefixes=("openai",),
    takes_any_word=False,
    endpoints=(*ENDPOINTS, *_MEDIA),
)
LOCAL = OpenAICodec("the local engine", Limits(), any_model=True, own_prefixes=("local",))
