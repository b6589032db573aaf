"""One prediction, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from batch_cli.model import JsonObject, JsonValue

SUCCESS = "Success"
FAILED = "Failed"
"""Our word where a wire has none."""
NO_ANSWER = "NoAnswer"
"""Our word for what was asked in a request that got no proper answer."""


class NotAnAnswer(Exception):
    """What came is JSON, but no answer of this wire, or to another request; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What became of one model, or of one input."""

    index: int
    """Its place in what was asked, from 0."""
    model: str
    status: str
    """The server's own word; any but Success is a failure."""
    values: JsonValue = None
    """A list of numbers, with None for what is not finite, on Spice's wire; any JSON elsewhere."""
    error: str | None = None
    version: str | None = None
    duration_ms: float | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether there is a prediction."""
        return self.error is None and self.status.casefold() == SUCCESS.casefold()

    def moved(self, by: int) -> Self:
        """Give the same at another place."""
        return replace(self, index=self.index + by)

    def as_json(self) -> JsonObject:
        """Give it as documents and result lines hold it."""
        return {
            "index": self.index,
            "model_name": self.model,
            "model_version": self.version,
            "status": self.status,
            "prediction": self.values,
            "error_message": self.error,
            "duration_ms": self.duration_ms,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The predictions of one request, in the order in which they were asked for."""

    predictions: list[Prediction]
    duration_ms: float | None = None
    """What the server says that it took."""
    notes: list[str] = field(default_factory=list)
    """What is odd about it."""
    surplus: int = 0
    """Results that the server sent beyond what was asked."""
