"""Small checks that the dialects share: each takes a parsed value and gives findings, placed by path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from batch_cli.errors import Finding
from batch_cli.model import JsonObject, JsonValue

FieldRule = Callable[[JsonValue, str], Finding | None]

_CONTROL = re.compile("[\x00-\x1f\x7f]")


def object_of(value: JsonValue) -> JsonObject:
    """Give ``value`` if it is an object, else an empty one, for looking into foreign JSON safely."""
    return value if isinstance(value, dict) else {}


def missing(path: str, what: str) -> Finding:
    """Say that a required field is not there."""
    parent = path.rpartition(".")[0]
    return Finding("E301", f"missing {path}", parent, f"add {path}: {what}")


def check_fields(
    holder: JsonObject, path: str, rules: Mapping[str, FieldRule], *, required: bool = True
) -> Iterator[Finding]:
    """Apply a rule to each named field of ``holder``; an absent field is a finding only if required."""
    for name, rule in rules.items():
        here = f"{path}.{name}" if path else name
        if name not in holder:
            if required:
                yield missing(here, "it is required")
        elif found := rule(holder[name], here):
            yield found


def text(value: JsonValue, path: str) -> Finding | None:
    """Require a string that is not empty."""
    if not isinstance(value, str):
        return Finding("E302", f"{path} must be a string", path, "put it in quotes")
    if not value:
        return Finding("E303", f"{path} is empty", path, "give it a value")
    return None


def number(low: float, high: float) -> FieldRule:
    """Require a number from ``low`` to ``high``; null counts as not given."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Finding("E302", f"{path} must be a number", path, "write it without quotes")
        if not low <= value <= high:
            hint = f"use a value from {low:g} to {high:g}"
            return Finding("E311", f"{path} is out of range: {value:g}", path, hint)
        return None

    return rule


def whole_number(low: int) -> FieldRule:
    """Require an integer of at least ``low``; null counts as not given."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            return Finding("E302", f"{path} must be a whole number", path, "write it without quotes")
        if value < low:
            return Finding("E311", f"{path} is out of range: {value}", path, f"use at least {low}")
        return None

    return rule


def check_id(
    request: JsonObject, field: str, longest: int, pattern: re.Pattern[str] | None = None
) -> Iterator[Finding]:
    """Check the id of a request: there, a text, not too long, and of the characters allowed."""
    value = request.get(field)
    if field not in request:
        yield Finding("E301", f"missing {field}", "", f"add a {field} that no other line has")
    elif not isinstance(value, str):
        yield Finding("E302", f"{field} must be a string", field, "put it in quotes")
    elif not value:
        yield Finding("E303", f"{field} is empty", field, "give it a text that no other line has")
    elif len(value) > longest:
        what = f"{field} is too long: {len(value)} characters, {longest} allowed"
        yield Finding("E404", what, field, "shorten it")
    elif pattern is not None and not pattern.fullmatch(value):
        what = f"{field} may hold only {pattern.pattern}"
        yield Finding("E306", what, field, "replace the other characters, for example by '_'")
    elif _CONTROL.search(value):
        yield Finding("E306", f"{field} holds a control character", field, "remove it")
