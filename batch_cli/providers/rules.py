"""Small checks that the dialects share: each takes a parsed value and gives findings, placed by path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from batch_cli.errors import Finding
from batch_cli.model import JsonObject, JsonValue

FieldRule = Callable[[JsonValue, str], Finding | None]
"""Says what is wrong with a value at a path, if anything."""

_LARGEST_PARSED = 2.0**63
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What a provider demands of the fields of one kind of body."""

    source: str
    """Where the rules come from, and of which date."""
    required: Mapping[str, FieldRule] = field(default_factory=dict)
    optional: Mapping[str, FieldRule] = field(default_factory=dict)
    """Null counts as absent."""


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
        elif required and holder[name] is None:
            yield Finding("E302", f"{here} must be given, it is null", here, "give it a value")


def check_body(body: JsonObject, path: str, rulebook: Rulebook) -> Iterator[Finding]:
    """Hold a body, or a part of one, to a rulebook."""
    yield from check_fields(body, path, rulebook.required)
    yield from check_fields(body, path, rulebook.optional, required=False)


def text(value: JsonValue, path: str) -> Finding | None:
    """Require a string that is not empty."""
    if not isinstance(value, str):
        return Finding("E302", f"{path} must be a string", path, "put it in quotes")
    if not value:
        return Finding("E303", f"{path} is empty", path, "give it a value")
    return None


def string(value: JsonValue, path: str) -> Finding | None:
    """Require a string, which may be empty; null counts as not given."""
    if value is None or isinstance(value, str):
        return None
    return Finding("E302", f"{path} must be a string", path, "put it in quotes")


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


def whole_number(low: int | None, high: int | None = None) -> FieldRule:
    """Require an integer from ``low`` to ``high``, either end open if None; null counts as not given."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            if isinstance(value, float) and abs(value) >= _LARGEST_PARSED and value.is_integer():
                return None  # an integer beyond 64 bits, which the parser gives as a float
            return Finding("E302", f"{path} must be a whole number", path, "write it without quotes")
        if (low is not None and value < low) or (high is not None and value > high):
            hint = f"use at least {low}" if high is None else f"use a value from {low} to {high}"
            return Finding("E311", f"{path} is out of range: {value}", path, hint)
        return None

    return rule


def array(fewest: int = 0, most: int | None = None) -> FieldRule:
    """Require an array of so many elements; null counts as not given."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        if value is None:
            return None
        if not isinstance(value, list):
            return Finding("E302", f"{path} must be an array", path, "put it in [ ]")
        if len(value) < fewest:
            return Finding("E303", f"{path} is empty", path, "give it an element")
        if most is not None and len(value) > most:
            what = f"{path} is out of range: {len(value)} elements, {most} allowed"
            return Finding("E311", what, path, "leave some out")
        return None

    return rule


def mapping(value: JsonValue, path: str) -> Finding | None:
    """Require an object; null counts as not given."""
    if value is None or isinstance(value, dict):
        return None
    return Finding("E302", f"{path} must be an object", path, "write {…}")


def flag(value: JsonValue, path: str) -> Finding | None:
    """Require true or false; null counts as not given."""
    if value is None or isinstance(value, bool):
        return None
    return Finding("E302", f"{path} must be true or false", path, "write it without quotes")


def one_of(*words: str) -> FieldRule:
    """Require one of some strings; null counts as not given."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        if value is None or value in words:
            return None
        known = ", ".join(words)
        if not isinstance(value, str):
            return Finding("E302", f"{path} must be a string", path, f"use one of {known}")
        return Finding("E304", f'{path} "{value[:64]}" is not allowed', path, f"use one of {known}")

    return rule


def either(*rules: FieldRule) -> FieldRule:
    """Require one of several rules to hold; says what the one nearest to the value has against it."""

    def rule(value: JsonValue, path: str) -> Finding | None:
        found: list[Finding] = []
        for each in rules:
            finding = each(value, path)
            if finding is None:
                return None
            found.append(finding)
        # A rule that takes the type knows better what is wrong than one that does not.
        return next((finding for finding in found if finding.code != "E302"), found[0])

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
