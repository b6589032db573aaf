"""Sealed lines: good rows in OpenAI's shape, whose bytes are ours already but for the order of the two ids.

Nearly all of such a line is its response, which is parsed once and never written anew. As the line begins and ends
in a known way, a response that is JSON by itself proves that all of it is: nothing else fits between the ends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.token_usage import add_usage, usage_of

# Ids with escapes, and row ids beyond ASCII, which no provider writes, are left to the parser.
_HEAD = re.compile(
    rb'\{"id": ?("[ !#-\[\]-~]*"|null), ?"custom_id": ?("[^"\\\x00-\x1f]+"), ?"response": ?(?=\{)'
)
_SPACED, _COMPACT = b'}, "error": null}', b'},"error":null}'


@dataclass(slots=True)
class SealedRun:
    """Sealed lines that stand one after the other."""

    start: int
    """Which of the lines looked at is the first."""
    ids: list[str] = field(default_factory=list)
    usage: Counter[str] = field(default_factory=Counter)
    """Sum of what their answers say they used."""


def is_good_response(response: JsonValue) -> bool:
    """Tell a response without any fault, as most are, from those that need a closer look."""
    return (
        isinstance(response, dict)
        and response.get("status_code") == 200  # noqa: PLR2004 - the only one that providers write
        and response.get("body") is not None
    )


def sealed_runs(lines: Sequence[bytes]) -> list[SealedRun]:
    """Find the sealed lines that a reader of OpenAI's results finds good beyond doubt, in order."""
    runs: list[SealedRun] = []
    run = None
    for at, raw in enumerate(lines):
        found = read_sealed(raw)
        if found is None or not is_good_response(found[1]):
            run = None
            continue
        if run is None:
            run = SealedRun(at)
            runs.append(run)
        run.ids.append(found[0])
        add_usage(run.usage, usage_of(found[1]["body"]))
    return runs


def read_sealed(raw: bytes) -> tuple[str, JsonObject] | None:
    """Give the id and the response of a sealed line; None for any other, JSON or not."""
    head = _HEAD.match(raw)
    if head is None:
        return None
    if raw.endswith(_SPACED):
        response = raw[head.end() : 1 - len(_SPACED)]
    elif raw.endswith(_COMPACT):
        response = raw[head.end() : 1 - len(_COMPACT)]
    else:
        return None
    try:
        return head[2][1:-1].decode("utf-8"), loads(response)
    except ValueError:
        return None


def unified(raw: bytes) -> bytes:
    """Give our line for a sealed one.

    Raises:
        ValueError: it is none.
    """
    head = _head(raw)
    stop = 1 - (len(_SPACED) if raw.endswith(_SPACED) else len(_COMPACT))
    return b"".join(
        (b'{"custom_id":', head[2], b',"id":', head[1], b',"response":', raw[head.end() : stop], _COMPACT[1:])
    )


def ids_of(lines: Iterable[bytes]) -> list[str]:
    """Give the ids of sealed lines.

    Raises:
        ValueError: one of them is none.
    """
    return [_head(raw)[2][1:-1].decode("utf-8") for raw in lines]


def _head(raw: bytes) -> re.Match[bytes]:
    head = _HEAD.match(raw)
    if head is None:
        message = "not a sealed line"
        raise ValueError(message)
    return head
