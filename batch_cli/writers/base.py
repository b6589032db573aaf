"""What a form of results is called, what it has to know, and what writes it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from batch_cli.model import JsonObject, JsonValue
from batch_cli.providers.base import Answer
from batch_cli.results import OutputRow


class FormatName(enum.StrEnum):
    """The forms that results can be written in."""

    LINES = "lines"
    """Our own lines, the same for all providers."""
    RAW = "raw"
    """The provider's own lines as they came."""
    OBJECTS = "objects"
    """Only the typed answers, one JSON text on each line."""
    TEXT = "text"
    """Only the model's words, one answer on each line."""
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which form is wanted, and what it is told about the rows."""

    name: FormatName = FormatName.LINES
    answer: Callable[[JsonValue], Answer | None] = lambda _body: None
    """Takes the model's words out of the body of a good row; as it is, finds none."""
    schema: JsonObject | None = None
    """The JSON Schema of the typed answers; None where there are none."""


class Writer(Protocol):
    """Writes rows one after another."""

    def add(self, row: OutputRow) -> bool:
        """Write a row; False: the form has no place for it."""
        ...

    def finish(self) -> None:
        """Write what is still to be written, after the last row."""
        ...
