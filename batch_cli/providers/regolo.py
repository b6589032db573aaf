"""The dialect of regolo: OpenAI's, and two short shapes of it that are read and checked but never sent.

Source: LiteLLM 1.109.1 for what regolo's proxy takes (2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batch_cli.dialects import regolo as dialect
from batch_cli.dialects.base import Losses, Reading
from batch_cli.errors import Finding
from batch_cli.line_pattern import Path
from batch_cli.model import ENDPOINTS, BatchRequest, BatchResult, JsonObject, JsonValue, Limits
from batch_cli.providers.base import Answer, EncodeOptions
from batch_cli.providers.openai import OpenAICodec

_FORM = OpenAICodec(
    "regolo",
    # Source: regolo "Batch processing" page, draft of 2026-03-04 (unverified against the service).
    Limits(requests=10_000, bytes=500_000_000),
    own_prefixes=("regolo",),
)


_FREE_TEXTS = frozenset(
    {("params", "messages", "*", "content"), ("params", "messages", "*", "content", "*", "text")}
)


@dataclass(frozen=True, slots=True)
class RegoloCodec:
    """OpenAI's codec for what is sent, and before it the two short shapes."""

    title: str = _FORM.title
    id_field: str = _FORM.id_field
    limits: Limits = field(default_factory=lambda: _FORM.limits)
    any_model: bool = False
    one_model: bool = False
    row_field: str | None = None
    endpoints: tuple[str, ...] = ENDPOINTS

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give prompts and contents of messages, wherever the shape has them."""
        return _FORM.free_texts | _FREE_TEXTS

    def is_own(self, line: JsonObject) -> bool:
        """Recognise OpenAI's envelope, which alone can be sent."""
        return _FORM.is_own(line)

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise all three shapes."""
        return _FORM.is_own(line) or dialect.root_of(line) is not None

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a request line in OpenAI's envelope."""
        return _FORM.encode_line(request, options)

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line in one of the three shapes."""
        return dialect.read(line, number)

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a request line in OpenAI's envelope."""
        return _FORM.write_line(request, losses, max_tokens=max_tokens)

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line with another ``body.model``."""
        return _FORM.with_model(line, model)

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return _FORM.check_id(custom_id)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check a line in one of the three shapes; a finding names the field where its shape has it."""
        root = dialect.root_of(request)
        if root is None:
            yield from _FORM.check(request)
            return
        for found in _FORM.check(dialect.as_openai(request)):
            yield replace(
                found,
                path=_moved(found.path, root),
                message=_moved(found.message, root),
                hint=None if found.hint is None else _moved(found.hint, root),
            )

    def model_of(self, request: JsonObject) -> str | None:
        """Give the model from where the line's shape has it."""
        return _FORM.model_of(_in_form(request))

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give the schema from where the line's shape has it."""
        return _FORM.schema_of(_in_form(request))

    def read_result(self, line: JsonObject) -> BatchResult:
        """Read a result line."""
        return _FORM.read_result(line)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return _FORM.answer(body)


def _in_form(request: JsonObject) -> JsonObject:
    return request if dialect.root_of(request) is None else dialect.as_openai(request)


def _moved(words: str, root: str) -> str:
    """Say of the body what was said of OpenAI's: ``body.model`` stands at ``params.model`` or ``model``."""
    if words == "body":
        return root
    return words.replace("body.", f"{root}." if root else "").replace(
        "body must", f"{root or 'the line'} must"
    )


REGOLO = RegoloCodec()
