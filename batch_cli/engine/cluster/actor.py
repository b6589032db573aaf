"""What runs on a cluster's node: the handlers of a worker, for rows that come and answers that go in groups.

Rows wait here beyond those that are worked at, so that no slot is idle while a call is under way between the
processes; answers are the lines of the result file already, so that nobody on the way reads them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from batch_cli.engine.cluster.flow import Flow
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import Handlers
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.reply import Halt, Handler, Reply, broken_reply
from batch_cli.errors import BatchCliError
from batch_cli.model import JsonObject

Answer = tuple[int, bool, bytes]
"""A position, whether its request was answered well, and the result line."""

_LONGEST_SILENCE = 1.0
"""Seconds after which `Answerer.give` comes back with nothing."""
_LONGEST_GATHERING = 0.05
"""Seconds that answers wait for others at most: a call between processes costs more than many rows in it."""
_GROUP = 128
"""Answers that are enough for a call."""
_WORTH_IT = 4
"""Where fewer would come in the time, nobody waits for them."""
_MOST_BYTES = 1 << 18
"""Of answers that go in one call, unless one alone is larger."""
SWITCH_SECONDS = 0.0005
"""How long a thread may keep Python to itself, here and where the calls come from: they come and go in others."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a node is to do."""

    batch_id: str
    endpoint: str
    settings: JsonObject
    live: bytes | None
    """A `LiveSetup`, encoded, keys included."""
    slots: int
    """Handler calls that may be under way at once."""


class Given(NamedTuple):
    """What became of rows."""

    answers: list[Answer]
    unanswered: list[int]
    """Positions of rows that are given back, because nobody wants them any more."""
    halt: BatchCliError | None
    """Why no row can be answered now, whichever."""


class Answerer:
    """Answers the rows of one batch, in one process of a node. Every method runs in its event loop."""

    def __init__(self) -> None:
        """Know nothing yet: keys come by `open`, which the cluster does not keep as it keeps what makes an actor."""
        self._unwanted = asyncio.Event()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._answers: deque[Answer] = deque()
        self._unanswered: list[int] = []
        self._halt: BatchCliError | None = None
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._flow = Flow(asyncio.get_running_loop().time())

    async def open(self, job: Job) -> int:
        """Make the handler for a batch. Give the process."""
        sys.setswitchinterval(SWITCH_SECONDS)
        maker = Handlers(None if job.live is None else LiveSetup.decode(job.live), lambda _text: None)
        self._handler: Handler = maker.make(job.settings, self._unwanted)
        self._batch_id, self._endpoint = job.batch_id, job.endpoint
        self._free = 1 if self._handler.is_cpu_bound else job.slots
        return os.getpid()

    async def take(self, rows: Mapping[int, bytes]) -> None:
        """Begin with rows, lines by their positions, or let them wait for a slot; their answers come by `give`."""
        self._waiting.extend(rows.items())
        if self._unwanted.is_set():
            self._give_back()
        wanted = -(-len(self._waiting) // self._handler.max_batch)
        for _ in range(min(wanted, self._free)):
            self._free -= 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def give(self) -> Given:
        """Give what became of rows since the last call; wait a second at most until there is something.

        Answers that come fast are gathered.
        """
        if not self._news.is_set():
            try:
                async with asyncio.timeout(_LONGEST_SILENCE):
                    await self._news.wait()
            except TimeoutError:
                return Given([], [], None)
        if len(self._answers) < _GROUP and self._flow.rows_in(_LONGEST_GATHERING) >= _WORTH_IT:
            await asyncio.sleep(min(_LONGEST_GATHERING, self._flow.seconds_for(_GROUP)))
        if self._failure is not None:
            raise self._failure
        size, answers = 0, list[Answer]()
        while self._answers and size < _MOST_BYTES:
            answers.append(self._answers.popleft())
            size += len(answers[-1][2])
        unanswered, self._unanswered = self._unanswered, []
        if not self._answers:
            self._news.clear()
        self._flow.passed(len(answers), asyncio.get_running_loop().time())
        return Given(answers, unanswered, self._halt)

    async def stop(self) -> None:
        """Let rows that wait be given back."""
        self._unwanted.set()
        self._give_back()

    def _give_back(self) -> None:
        self._unanswered += [position for position, _ in self._waiting]
        self._waiting.clear()
        self._news.set()

    async def _work(self) -> None:
        """Be a slot: answer rows as long as any wait."""
        handler, waiting = self._handler, self._waiting
        try:
            while waiting:
                rows = [waiting.popleft() for _ in range(min(handler.max_batch, len(waiting)))]
                await self._answer(rows)
                if handler.is_cpu_bound:  # whoever brings rows, or fetches answers, must get a turn
                    await asyncio.sleep(0)
        finally:
            self._free += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (broken := task.exception()) is not None:
            self._failure = broken
            self._news.set()

    async def _answer(self, rows: Sequence[tuple[int, bytes]]) -> None:
        calls = [parse_call(line, self._endpoint) for _, line in rows]
        replies: Sequence[Reply | None]
        try:
            replies = await self._handler(calls)
        except Halt as halt:
            self._halt = self._halt or halt.error
            replies = [None] * len(rows)
            self._give_back()
        except Exception as error:  # noqa: BLE001 - a broken handler must not keep the other rows waiting
            replies = [broken_reply(error)] * len(rows)
        for (position, _), call, reply in zip(rows, calls, replies, strict=True):
            if reply is None:
                self._unanswered.append(position)
            else:
                line = result_line(self._batch_id, position, call, reply)
                self._answers.append((position, reply.is_good, line))
        self._news.set()
