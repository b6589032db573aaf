"""A short text that a regular expression matches, for ``pattern`` in a JSON Schema."""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]  # the parse tree has no public home
from re import _parser  # type: ignore[attr-defined]  # as above
from typing import Any

_CLASS_SAMPLES: dict[Any, str] = {
    op.CATEGORY_DIGIT: "0",
    op.CATEGORY_WORD: "a",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_DIGIT: "a",
    op.CATEGORY_NOT_WORD: "-",
    op.CATEGORY_NOT_SPACE: "a",
}
_LONGEST = 10_000
"""Characters of the longest sample."""
_TRIED = "a0A -_./:@,;#+*!?\"'()[]{}|~%&=<>$^\\`\n\tzZ9éλ"


class NoSample(Exception):
    """The pattern uses what this module cannot follow (look-around, back-references), or matches nothing."""


def sample(pattern: str) -> str:
    """Give the shortest text of the first alternatives that ``pattern`` matches somewhere.

    Raises:
        NoSample: it is not a regular expression, or not one that can be followed.
    """
    try:
        text = "".join(_emit(token) for token in _parser.parse(pattern))
        if re.search(pattern, text):
            return text
    except (re.error, RecursionError, OverflowError) as error:
        raise NoSample(str(error)) from error
    raise NoSample(pattern)


def _emit(token: tuple[Any, Any]) -> str:
    """Give the shortest text of one part of a pattern."""
    kind, value = token
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if kind is op.ANY:
        return "a"
    if kind is op.AT:
        return ""
    if kind is op.IN:
        return _one_of(value)
    if kind is op.BRANCH:
        return "".join(_emit(part) for part in value[1][0])
    if kind is op.SUBPATTERN:
        return "".join(_emit(part) for part in value[3])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        least, _most, part = value
        unit = "".join(_emit(inner) for inner in part) if least else ""
        if least * len(unit) > _LONGEST:
            raise NoSample("too long")
        return unit * int(least)
    raise NoSample(str(kind))


def _one_of(items: list[tuple[Any, Any]]) -> str:
    """Give one character of a class such as ``[a-z_]`` or ``[^0-9]``."""
    if items[0][0] is op.NEGATE:
        for character in _TRIED:
            if not any(_is_in(ord(character), item) for item in items[1:]):
                return character
        raise NoSample("nothing outside the class")
    kind, value = items[0]
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return chr(value[0])
    return str(_CLASS_SAMPLES[value])


def _is_in(code: int, item: tuple[Any, Any]) -> bool:
    kind, value = item
    if kind is op.LITERAL:
        return bool(code == value)
    if kind is op.RANGE:
        return bool(value[0] <= code <= value[1])
    character = chr(code)
    matches = {
        op.CATEGORY_DIGIT: character.isdigit(),
        op.CATEGORY_WORD: character.isalnum() or character == "_",
        op.CATEGORY_SPACE: character.isspace(),
    }
    if value in matches:
        return matches[value]
    opposite = {
        op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
        op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
        op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    }
    return not matches[opposite[value]]
