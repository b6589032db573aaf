"""The Mistral dialect: ``{"custom_id", "body"}`` lines; endpoint and model are the job's.

Source: mistralai 3.7.0 and docs.mistral.ai, "Batch" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batch_cli.dialects import mistral as dialect
from batch_cli.dialects.base import Losses, Reading, Unsupported
from batch_cli.errors import Finding
from batch_cli.jsonl import dumps_exactly
from batch_cli.line_pattern import Path
from batch_cli.model import (
    CHAT,
    EMBEDDINGS,
    MODERATIONS,
    BatchRequest,
    JsonObject,
    Limits,
)
from batch_cli.providers import rulebooks
from batch_cli.providers.base import EncodeOptions, create_request, refuse_losses
from batch_cli.providers.openai import (
    InBody,
    Shape,
    check_messages,
    json_schema,
    other_format,
    shape_of,
)
from batch_cli.providers.rules import check_body, check_id, missing

_ROLES = ("user", "system", "assistant", "tool")
_OTHER_ENDPOINTS = frozenset(("input", "inputs", "prompt", "document", "file", "file_id", "file_url"))
"""What bodies of embeddings, moderations, conversations, fill-in-the-middle, OCR and transcriptions hold."""
_FREE_TEXTS = frozenset(
    {
        ("body", "messages", "*", "content"),
        ("body", "messages", "*", "content", "*", "text"),
        ("body", "input"),
        ("body", "input", "*"),
    }
)


@dataclass(frozen=True, slots=True)
class MistralCodec(InBody):
    """OpenAI's bodies without OpenAI's envelope."""

    title: str = "Mistral"
    id_field: str = "custom_id"
    # A million pending requests in a workspace, over all its jobs.
    limits: Limits = field(default_factory=lambda: Limits(requests=1_000_000))
    any_model: bool = False
    one_model: bool = True  # the model is the job's
    row_field: str | None = None
    endpoints: tuple[str, ...] = (CHAT, EMBEDDINGS, MODERATIONS)

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give inputs and contents of messages."""
        return _FREE_TEXTS

    def is_own(self, line: JsonObject) -> bool:
        """Recognise ``body`` without OpenAI's envelope."""
        return "body" in line and not ("url" in line or "method" in line)

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise the same."""
        return self.is_own(line)

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a request line; a response model becomes ``response_format``."""
        if options.endpoint != CHAT:
            raise Unsupported(
                f"requests for {options.endpoint} cannot be made from messages for Mistral",
                hint=f"leave out --endpoint or use {CHAT}",
            )
        losses = Losses()
        created = create_request(request, options)
        if options.response_model is not None:
            wanted = {"type": "json_schema", "json_schema": json_schema(options.response_model, options)}
            created = replace(created, params={**created.params, "response_format": wanted})
        line = self.write_line(created, losses)
        refuse_losses(losses, self.title)
        return dumps_exactly({**line, "body": {**line["body"], **options.extra}})

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line."""
        return dialect.read(line, number)

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a request line."""
        del max_tokens
        return dialect.write(request, losses)

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and body; a line of another kind gives one finding."""
        is_foreign = "body" in request and not self.is_own(request)
        if is_foreign or ("body" not in request and shape_of(request)):
            shape = Shape.OPENAI if is_foreign else shape_of(request)
            yield other_format(shape, self.title, "mistral")
            return
        yield from check_id(request, self.id_field, self.limits.id_length)
        body = request.get("body")
        if "body" not in request:
            yield missing("body", "the request itself")
        elif not isinstance(body, dict):
            yield Finding("E302", "body must be an object", "body", "make it a JSON object")
        else:
            yield from _check_body(body)


def _check_body(body: JsonObject) -> Iterator[Finding]:
    yield from check_body(body, "body", rulebooks.MISTRAL)
    if body.get("stream") is True:
        yield Finding("E310", "stream is not allowed in a batch", "body.stream", "remove stream")
    if "messages" in body or not body.keys() & _OTHER_ENDPOINTS:
        yield from check_messages(body, "body", _ROLES)


MISTRAL = MistralCodec()
