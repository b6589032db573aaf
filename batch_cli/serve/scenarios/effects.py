"""What befalls a batch, as the conductor and the writer of result files ask for it; pure.

``effects`` is what `stage.Stage.effects` gave and the batch keeps: members of `fields.EFFECTS`, and a ``seed``.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from batch_cli.engine.handlers.simulate.luck import luck
from batch_cli.engine.store import StoredBatch
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject
from batch_cli.serve.scenarios.seed import chosen

_WINDOW = 1_000
"""Rows that are shuffled among each other: all of a small batch, the neighbours in a large one."""
REQUESTS = "requests"
"""The word of the engine's metadata for the number of all requests, where only some are to be done."""
_Row = TypeVar("_Row")


def rejection(effects: JsonObject) -> JsonObject | None:
    """Give the error that the batch fails with at validation."""
    reject = effects.get("reject")
    if reject is None:
        return None
    told = {"code": "invalid_request", "message": "The batch was rejected.", "param": None, "line": None}
    return {**told, **reject}


def executed_requests(effects: JsonObject, total: int) -> int:
    """Give how many of the requests, from the first on, are done before the batch stops."""
    return round(effects.get("after", 0.5) * total) if "stop" in effects else total


def requests_of(executed: StoredBatch) -> int:
    """Give how many requests a batch has: the engine is told of those alone that are to be done before it stops."""
    return int(executed.metadata.get(REQUESTS, executed.total))


class FailingShare:
    """Finds the error rate at which exactly a share of a batch fails, at least one request. Memory: 8 bytes each."""

    def __init__(self, effects: JsonObject) -> None:
        """Take what befalls the batch."""
        self._share, self._seed = float(effects.get("failing", 0)), int(effects.get("seed", 0))
        self._lucks = array("d")

    def watch(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the engine's lines on, and note the luck of each."""
        for line in lines:
            if self._share:
                self._lucks.append(luck(self._seed, loads(line)["custom_id"])[0])
            yield line

    def settings(self) -> JsonObject:
        """Give the settings of the simulated model, once all lines have passed; empty if no share is to fail."""
        if not self._lucks:
            return {}
        count = min(len(self._lucks), max(1, round(self._share * len(self._lucks))))
        return {"error_rate": math.nextafter(sorted(self._lucks)[count - 1], 2), "seed": self._seed}


def played(rows: Iterator[_Row], effects: JsonObject, total: int) -> Iterator[_Row]:
    """Give the rows of a batch of ``total`` as they are to be written: some are missing, some come twice, in any order."""
    seed = int(effects.get("seed", 0))
    dropped = chosen(seed, "drop", effects.get("drop", 0), total)
    doubled = chosen(seed, "duplicate", effects.get("duplicate", 0), total)
    left = _left(rows, dropped, doubled)
    return _shuffled(left, seed) if effects.get("shuffle") else left


def _left(rows: Iterator[_Row], dropped: frozenset[int], doubled: frozenset[int]) -> Iterator[_Row]:
    for position, row in enumerate(rows):
        if position not in dropped:
            yield row
            if position in doubled:
                yield row


def _shuffled(rows: Iterator[_Row], seed: int) -> Iterator[_Row]:
    """Give the rows in an order that is not theirs, if there are two at least; a window in memory at a time."""
    order = random.Random(seed)  # noqa: S311 - the same order every time is what is wanted
    window = list(islice(rows, _WINDOW))
    places = list(range(len(window)))
    order.shuffle(places)
    if places == sorted(places):
        places.reverse()
    window = [window[place] for place in places]
    for row in rows:
        at = order.randrange(len(window))
        yield window[at]
        window[at] = row
    yield from window
