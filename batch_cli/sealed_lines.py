"""Sealed lines: good rows in OpenAI's shape, whose bytes are ours already but for the order of the two ids.

Nearly all of such a line is its response, which is parsed once and never written anew. As the line begins and ends
in a known way, a response that is JSON by itself proves that all of it is: nothing else fits between the ends.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from batch_cli.errors import DamagedData
from batch_cli.jsonl import loads
from batch_cli.model import BatchResult, JsonObject, JsonValue
from batch_cli.row_place import KEY, place_of
from batch_cli.token_usage import sum_usage, usage_of

# Ids with escapes, and those beyond ASCII, are left to the parser.
_HEAD = re.compile(
    rb'\{"id": ?("[ !#-\[\]-~]*+"|null), ?"custom_id": ?"([ !#-\[\]-~]++)", ?"response": ?(?=\{)'
)
_SPACED, _COMPACT = b'}, "error": null}', b'},"error":null}'
_SPACED_END, _COMPACT_END = 1 - len(_SPACED), 1 - len(_COMPACT)
"""Where a response ends, from the end of its line."""
_BEFORE_NULL, _SPACE = -6, 32
_UNIFIED = b'{"custom_id":"%b","id":%b,"response":%b,"error":null}\n'

Head = re.Match[bytes]
"""What a sealed line begins with: its own id, then the one of its request; ``string`` is the line."""


@dataclass(slots=True)
class SealedRun:
    """Sealed lines that stand one after the other."""

    start: int
    """Which of the lines looked at is the first."""
    keys: array[int]
    """Of each: as much of ``hash(id)`` as finds a place; the same in a forked process."""
    places: array[int]
    """Of each: where it stands."""
    usage: Counter[str]
    """Sum of what their answers say they used."""


def is_good_response(response: JsonValue) -> bool:
    """Tell a response without any fault, as most are, from those that need a closer look."""
    return (
        isinstance(response, dict)
        and response.get("status_code") == 200  # noqa: PLR2004 - the only one that providers write
        and response.get("body") is not None
    )


def sealed_runs(raw: bytes, offset: int, file_number: int) -> list[SealedRun]:
    """Find the sealed lines that a reader of OpenAI's results finds good beyond doubt, in order.

    ``raw`` are the whole lines that stand from ``offset`` on in a file.
    """
    found = _Gathered()
    view, start, line = memoryview(raw), 0, 0
    while start < len(raw):
        end = raw.find(b"\n", start)
        if end < 0:
            end = len(raw)
        head = _HEAD.match(raw, start)
        response: JsonValue = None if head is None else _response(raw, view, head, end)
        if head is not None and is_good_response(response):
            found.heads.append(head)
            found.usages.append(usage_of(response["body"]))
            found.places.append(place_of(offset + start, end - start, file_number, is_sealed=True))
        else:
            found.end_run(line)
        start, line = end + 1, line + 1
    found.end_run(line)
    return found.runs


@dataclass(slots=True)
class _Gathered:
    runs: list[SealedRun] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    usages: list[JsonObject] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def end_run(self, line: int) -> None:
        """Close the run that ends before a line, if there is one."""
        if self.heads:
            keys = array("Q", [hashed & KEY for hashed in map(hash, ids_of(self.heads))])
            start = line - len(keys)
            self.runs.append(SealedRun(start, keys, array("Q", self.places), sum_usage(self.usages)))
            self.heads, self.usages, self.places = [], [], []


def is_sealed(raw: bytes) -> bool:
    """Tell a sealed line, good or not, from any other, JSON or not."""
    return _opened(raw)[1] is not None


def good_row(raw: bytes) -> BatchResult | None:
    """Give the row of a sealed line that is good beyond doubt, as a reader of OpenAI's results does; else None."""
    head, response = _opened(raw)
    if head is None or not is_good_response(response):
        return None
    return BatchResult(head[2].decode("ascii"), loads(head[1]), response)


def _opened(raw: bytes) -> tuple[Head | None, JsonObject | None]:
    head = _HEAD.match(raw)
    return head, None if head is None else _response(raw, memoryview(raw), head, len(raw))


def _response(raw: bytes, view: memoryview, head: Head, end: int) -> JsonObject | None:
    """Parse what stands between the head and the end of a line; None if that is no sealed one."""
    if raw.endswith(_SPACED, head.end(), end):
        end += _SPACED_END
    elif raw.endswith(_COMPACT, head.end(), end):
        end += _COMPACT_END
    else:
        return None
    try:
        value: JsonObject = loads(view[head.end() : end])
    except ValueError:
        return None
    return value


def heads_of(lines: Sequence[bytes]) -> list[Head]:
    """Give the heads of lines that were found sealed before.

    Raises:
        DamagedData: one of them is not what it was.
    """
    heads = [head for head in map(_HEAD.match, lines) if head is not None]
    if len(heads) < len(lines):
        raise changed()
    return heads


def ids_of(heads: Sequence[Head]) -> list[str]:
    """Give the ids of the requests."""
    return b"\n".join([head[2] for head in heads]).decode("ascii").split("\n")[: len(heads)]


def unified(heads: Sequence[Head]) -> list[bytes]:
    """Give our lines for sealed ones, with their line ends."""
    lines = []
    for head in heads:
        raw = head.string
        own, custom_id = head.groups()
        stop = _SPACED_END if raw[_BEFORE_NULL] == _SPACE else _COMPACT_END
        lines.append(_UNIFIED % (custom_id, own, raw[head.end() : stop]))
    return lines


def changed() -> DamagedData:
    """Say that a file is not any more what it was when it was read first."""
    return DamagedData("a result file was changed while it was read", hint="run the same command again")
