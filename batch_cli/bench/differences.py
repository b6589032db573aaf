"""Where two answers that should be the same are not."""

from __future__ import annotations

from itertools import zip_longest

from batch_cli.model import JsonObject, JsonValue

_NOTHING = object()


def first_difference(one: JsonValue, other: JsonValue) -> JsonObject | None:
    """Give the path of the first value that differs, and both values (None where there is none); None: all is equal.

    No recursion: an answer may be nested as deeply as its sender likes.
    """
    waiting: list[tuple[str, JsonValue, JsonValue]] = [("", one, other)]
    while waiting:
        path, left, right = waiting.pop()
        if isinstance(left, list) and isinstance(right, list):
            pairs = enumerate(zip_longest(left, right, fillvalue=_NOTHING))
            waiting += [(f"{path}[{at}]", a, b) for at, (a, b) in pairs][::-1]
        elif isinstance(left, dict) and isinstance(right, dict):
            keys = [*left, *(key for key in right if key not in left)]
            pairs_of = [
                (f"{path}.{key}".lstrip("."), left.get(key, _NOTHING), right.get(key, _NOTHING))
                for key in keys
            ]
            waiting += pairs_of[::-1]
        elif type(left) is not type(right) or left != right:
            return {"path": path, "first": _shown(left), "other": _shown(right)}
    return None


def _shown(value: JsonValue) -> JsonValue:
    """Give a value as it can stand in a report: what is nested is only counted, however deep it is."""
    if value is _NOTHING:
        return None
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    return f"an object of {len(value):,}" if isinstance(value, dict) else value
