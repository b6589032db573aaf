"""What runs on a cluster's node: the handlers of a worker, for rows that come and replies that go in groups."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import Handlers
from batch_cli.engine.lines import parse_call
from batch_cli.engine.reply import Call, Halt, Handler, Reply
from batch_cli.errors import BatchCliError
from batch_cli.model import JsonObject

GATHER_SECONDS = 0.002
"""How long more rows are waited for once there is one: a call between processes costs more than many rows in it."""
_LONGEST_SILENCE = 1.0
"""Seconds after which `Answerer.give` comes back with nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """A request on its way to a node."""

    number: int
    """By which its reply is known again."""
    url: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The handler raised in place of a reply: our bug."""

    text: str


Outcome = Reply | Broken | BatchCliError | None
"""What became of a row; None: given back unanswered. An error halts the work at all rows."""


class Answerer:
    """Answers the rows of one batch, in one process of a node. Every method runs in its event loop."""

    def __init__(self) -> None:
        """Know nothing yet: keys come by `open`, which the cluster does not keep as it keeps what makes an actor."""
        self._unwanted = asyncio.Event()
        self._finished: deque[tuple[int, Outcome]] = deque()
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handler: Handler | None = None

    async def open(self, settings: JsonObject, live: bytes | None) -> int:
        """Make the handler for a batch with these settings; ``live`` is a `LiveSetup`, encoded. Give the process."""
        maker = Handlers(None if live is None else LiveSetup.decode(live), lambda _text: None)
        self._handler = maker.make(settings, self._unwanted)
        return os.getpid()

    async def take(self, rows: Sequence[Row]) -> None:
        """Begin with rows; their replies come by `give`."""
        assert self._handler is not None
        size = self._handler.max_batch
        for start in range(0, len(rows), size):
            task = asyncio.create_task(self._answer(self._handler, rows[start : start + size]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def give(self) -> list[tuple[int, Outcome]]:
        """Give what was answered since the last call; wait a second at most until there is something."""
        if not self._finished:
            self._news.clear()
            try:
                async with asyncio.timeout(_LONGEST_SILENCE):
                    await self._news.wait()
            except TimeoutError:
                return []
            await asyncio.sleep(GATHER_SECONDS)
        found = [*self._finished]
        self._finished.clear()
        return found

    async def stop(self) -> None:
        """Let rows that wait be given back."""
        self._unwanted.set()

    async def _answer(self, handler: Handler, rows: Sequence[Row]) -> None:
        calls: list[Call] = [parse_call(row.line, row.url) for row in rows]
        (found,) = await asyncio.gather(handler(calls), return_exceptions=True)
        outcomes: Sequence[Outcome]
        if isinstance(found, Halt):
            outcomes = [found.error] * len(rows)
        elif isinstance(found, BaseException):
            outcomes = [Broken(f"{type(found).__name__}: {found}")] * len(rows)
        else:
            outcomes = found
        self._finished.extend((row.number, one) for row, one in zip(rows, outcomes, strict=True))
        self._news.set()
