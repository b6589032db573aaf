"""Repairs of one request line that change only the bytes concerned: the text is cut, never written anew.

So numbers of any length, the order of keys, escapes and white space stay as they are.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


class _Member(NamedTuple):
    """A key of an object with its value, by their places in the text."""

    key: str
    start: int
    value: int
    end: int


def set_member(raw: bytes, name: str, new: str) -> bytes:
    """Give the line with member ``name`` of its object set to the string ``new``; a missing one comes first.

    The line comes back as it is where that cannot be done.
    """
    text = raw.decode("utf-8")
    value = dumps(new).decode("utf-8")
    members = _members(text, _skip_space(text, 0))
    found = next((member for member in members if member.key == name), None)
    if found is not None:
        changed = text[: found.value] + value + text[found.end :]
    else:
        at = text.index("{") + 1
        comma = "," if members else ""
        changed = f"{text[:at]}{json.dumps(name)}:{value}{comma}{text[at:]}"
    return _proven(raw, changed, {**_parsed(raw), name: new})


def member_text(raw: bytes, name: str) -> bytes | None:
    """Give the JSON text of member ``name`` of the line's object, byte for byte; None when there is none."""
    text = raw.decode("utf-8")
    for member in _members(text, _skip_space(text, 0)):
        if member.key == name:
            return text[member.value : member.end].encode("utf-8")
    return None


def drop_member(raw: bytes, path: str) -> bytes:
    """Give the line without the member at ``path`` (``body.stream``) and without one of the commas beside it.

    The line comes back as it is where that cannot be done.
    """
    text = raw.decode("utf-8")
    *parents, name = path.split(".")
    expected = _parsed(raw)
    holder, at = expected, _skip_space(text, 0)
    for parent in parents:
        found = next((member for member in _members(text, at) if member.key == parent), None)
        if found is None:
            return raw
        holder, at = holder[parent], found.value
    members = _members(text, at)
    place = next((place for place, member in enumerate(members) if member.key == name), None)
    if place is None:
        return raw
    del holder[name]
    if place + 1 < len(members):
        start, end = members[place].start, members[place + 1].start
    elif place:
        start, end = members[place - 1].end, members[place].end
    else:
        start, end = members[place].start, members[place].end
    return _proven(raw, text[:start] + text[end:], expected)


def _proven(raw: bytes, changed: str, expected: JsonObject) -> bytes:
    """Give the changed text only if it says exactly what it should: a repair must not change a meaning."""
    new = changed.encode("utf-8")
    return new if _parsed(new) == expected else raw


def _parsed(raw: bytes) -> JsonObject:
    value = loads(raw)
    return value if isinstance(value, dict) else {}


def _skip_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # the pattern also matches nothing


def _members(text: str, at: int) -> list[_Member]:
    """Give the members of the object at ``at`` in a text that is known to be JSON."""
    found: list[_Member] = []
    at = _skip_space(text, at + 1)
    while text[at] == '"':
        start = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip_space(text, _skip_space(text, at) + 1)
        end = _DECODER.raw_decode(text, value)[1]
        found.append(_Member(key, start, value, end))
        at = _skip_space(text, end)
        at = _skip_space(text, at + (text[at] == ","))
    return found
