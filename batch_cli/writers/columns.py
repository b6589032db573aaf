"""Rows as cells: the columns that flat forms share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonObject, JsonValue, object_of
from batch_cli.results import OutputRow
from batch_cli.token_usage import tokens_of
from batch_cli.writers.base import Shape

_BEFORE = ("custom_id",)
_AFTER = ("finish_reason", "input_tokens", "output_tokens", "error_type", "error_message")
_OWN = frozenset((*_BEFORE, *_AFTER))


@dataclass(frozen=True, slots=True)
class Field:
    """A property of typed answers, and its column."""

    name: str
    column: str
    schema: JsonObject


class Columns:
    """The columns of one output: the id, what was answered, how it ended, what it took, what went wrong."""

    def __init__(self, shape: Shape) -> None:
        """Find the fields of typed answers in their schema; without any the whole answer is one column."""
        self._answer = shape.answer
        self.fields = [
            Field(name, f"parsed.{name}" if name in _OWN else name, object_of(schema))
            for name, schema in object_of(object_of(shape.schema).get("properties")).items()
        ]
        self._is_typed = shape.schema is not None

    @property
    def names(self) -> list[str]:
        """Give the names of the columns in order."""
        answered = [field.column for field in self.fields] or ["answer"]
        return [*_BEFORE, *answered, *_AFTER]

    def cells(self, row: OutputRow) -> Iterator[JsonValue]:
        """Give the values of a row in the order of the columns; None for what it has not."""
        body = (row.response or {}).get("body")
        answer, tokens = self._answer(body), tokens_of(body)
        yield row.custom_id
        if self.fields:
            parsed = object_of(row.parsed)
            yield from (parsed.get(field.name) for field in self.fields)
        elif self._is_typed and row.error is None:
            yield row.parsed
        else:
            yield None if answer is None else answer.text
        yield None if answer is None else answer.finish_reason
        yield from (tokens.input, tokens.output)
        yield from (None, None) if row.error is None else (row.error.type, row.error.message)


def as_text(value: JsonValue) -> str:
    """Write a value as the text of a cell: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else dumps_exactly(value).decode("utf-8")
