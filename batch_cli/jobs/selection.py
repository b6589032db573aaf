"""Selection: which rows without a good answer are to be sent again. Pure functions."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Self

from batch_cli.error_taxonomy import ErrorKind, judge
from batch_cli.errors import UsageError, quoted
from batch_cli.jobs.attempts import is_answered, status_of
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonValue
from batch_cli.results import OutputRow


class Only(enum.StrEnum):
    """A kind of rows without a good answer."""

    FAILED = "failed"
    """The provider refused or gave up."""
    EXPIRED = "expired"
    MISSING = "missing"
    INVALID = "invalid"
    """The model answered, but not what was asked for."""
    ALL = "all"


_KINDS = {ErrorKind.MISSING: Only.MISSING, ErrorKind.EXPIRED: Only.EXPIRED}


def kind_of(row: OutputRow) -> Only:
    """Tell of which kind a row without a good answer is."""
    return _KINDS.get(_error_kind(row)) or (Only.INVALID if is_answered(row) else Only.FAILED)


def is_billing(row: OutputRow) -> bool:
    """Tell whether a row failed because the account may not spend more."""
    return _error_kind(row) is ErrorKind.BILLING


def _error_kind(row: OutputRow) -> ErrorKind:
    return ErrorKind.OTHER if row.error is None else judge(row.error, status_of(row)).kind


# --- conditions on fields ---

_CONDITION = re.compile(r"\s*(\w[\w.-]*)\s*(==|!=|~)\s*(.*?)\s*", re.DOTALL)
_ERROR_CODE = ("error", "code")


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on one field of a row: ``error.code==429``, ``error.message~timeout``."""

    path: tuple[str, ...]
    operator: str
    """``==``, ``!=`` or ``~``, which means that the text is somewhere in the field."""
    value: str
    """A text as it is, anything else as JSON, so that 429 and "429" are the same."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PATH OPERATOR VALUE``; the value is JSON, or text as it stands.

        Raises:
            UsageError: it is no such thing.
        """
        found = _CONDITION.fullmatch(text)
        if found is None or not found[3]:
            raise UsageError(
                f"--where: not a condition: {quoted(text)}",
                where="PATH==VALUE, PATH!=VALUE or PATH~TEXT",
                hint="write for example --where error.code==429 or --where 'error.message~timed out'",
            )
        return cls(tuple(found[1].split(".")), found[2], _text(_parsed(found[3])))

    def holds(self, line: JsonValue) -> bool:
        """Tell whether a row, as parsed from its line, meets the condition.

        ``error.code`` means the HTTP status of the response as well: providers say either.
        """
        values = [_at(line, self.path)]
        if self.path == _ERROR_CODE:
            values.append(_at(line, ("response", "status_code")))
        texts = [_text(value) for value in values]
        if self.operator == "~":
            return any(self.value in text for text in texts)
        return (self.value in texts) is (self.operator == "==")


def _parsed(text: str) -> JsonValue:
    try:
        return loads(text)
    except ValueError:
        return text


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else dumps(value).decode("utf-8")


def _at(value: JsonValue, path: tuple[str, ...]) -> JsonValue:
    """Give what stands at a path of names and, in lists, numbers; None where nothing does."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


# --- both together ---


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows are wanted; of those that have a good answer none ever is."""

    only: frozenset[Only] = frozenset()
    """Empty: what may succeed when it is sent again unchanged, and what is missing or expired; with conditions, all."""
    where: tuple[Where, ...] = ()
    """All of them have to hold."""
    with_billing: bool = False
    """Those that failed for want of money as well."""

    def takes(self, row: OutputRow) -> bool:
        """Tell whether a row is wanted."""
        if row.error is None:
            return False
        may_pass = row.error.retryable or (self.with_billing and is_billing(row))
        if not self._is_of_a_kind(row, retryable=may_pass):
            return False
        line = loads(row.line) if self.where else None
        return all(one.holds(line) for one in self.where)

    def _is_of_a_kind(self, row: OutputRow, *, retryable: bool) -> bool:
        kind = kind_of(row)
        if self.only:
            return Only.ALL in self.only or kind in self.only
        return bool(self.where) or retryable or kind in (Only.MISSING, Only.EXPIRED)
