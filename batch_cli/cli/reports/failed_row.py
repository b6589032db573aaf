"""A failed row as far as reports about results keep it in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from batch_cli.model import ResultError

MOST_ROWS = 500
"""Failed rows that a report shows one by one; the others are only counted."""
_LONGEST_ID = 200
_LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True)
class FailedRow:
    """One request without a good answer; foreign text, cut to a length that is for looking at."""

    custom_id: str
    type: str
    kind: str
    message: str
    suggestion: str

    @classmethod
    def of(cls, custom_id: str, error: ResultError) -> Self:
        """Keep what a report shows."""
        return cls(
            custom_id[:_LONGEST_ID],
            error.type[:_LONGEST_ID],
            error.kind,
            error.message[:_LONGEST_MESSAGE],
            error.suggestion or "",
        )
