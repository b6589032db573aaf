"""``--fail-if``: which results are bad enough for a script to stop, as short conditions like ``errors>1%``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from batch_cli.error_taxonomy import ErrorKind
from batch_cli.errors import UsageError, quoted
from batch_cli.results import Summary

_COUNTED = ("errors", "failed", "retryable", *ErrorKind)
_CONDITION = re.compile(r"\s*([a-z_]+)\s*(>=?)\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(%?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must not be."""

    text: str
    """As it was typed."""
    name: str
    limit: Fraction
    """A number of rows, or a share of all rows."""
    is_share: bool
    or_equal: bool

    def holds(self, summary: Summary) -> bool:
        """Tell whether the results are as bad as that; of no rows at all no share is."""
        found = Fraction(count_of(summary, self.name))
        if self.is_share:
            if not summary.rows:
                return False
            found = found * 100 / summary.rows
        return found >= self.limit if self.or_equal else found > self.limit


def count_of(summary: Summary, name: str) -> int:
    """Count the rows that a condition is about: ``errors`` are all without a good answer."""
    match name:
        case "errors":
            return summary.rows - summary.ok
        case "failed":
            return summary.failed
        case "missing":
            return summary.missing
        case "retryable":
            return summary.retryable
    return summary.errors_by_kind[name]


def conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Read the conditions of a command line.

    Raises:
        UsageError: one is not of the form, or counts what nobody counts.
    """
    return tuple(_condition(text) for text in texts)


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None or found[1] not in _COUNTED:
        raise UsageError(
            f"--fail-if: not a condition: {quoted(text)}",
            where=f"what is counted: {', '.join(_COUNTED)}",
            hint="write for example 'errors>1%', 'missing>0' or 'invalid>=10'",
        )
    return Condition(
        text.strip(), found[1], Fraction(found[3]), is_share=found[4] == "%", or_equal=found[2] == ">="
    )
