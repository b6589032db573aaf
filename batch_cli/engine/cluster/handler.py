"""What lets a cluster answer: rows go to the nodes, answers come back as they are ready.

Each row is one of this process until its answer is here, so the limits of a worker hold over all nodes, and the rows
of a node that is lost are sent to others. A node has more rows than it works at, as many as it would end in a moment
(`Flow`). Rows that were lost twice go alone to a node that has nothing else, so that only they are blamed if it dies
again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batch_cli.engine.cluster.actor import Job
from batch_cli.engine.cluster.connection import Cluster, Lost, Node
from batch_cli.engine.cluster.flow import Flow
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import is_live
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.queue import MOST_ATTEMPTS, SUSPECT_ATTEMPT, Claim
from batch_cli.engine.reply import Reply
from batch_cli.engine.store import StoredBatch
from batch_cli.engine.store_turn import Answered
from batch_cli.errors import Temporary, UsageError
from batch_cli.events import LiveFigures

_GROUP = 64
"""Rows of work that computes, or may compute, in one call of a handler."""
_SLOTS = 8
"""Handler calls at once, on each node, where the user did not say."""
_AHEAD_SECONDS = 0.1
"""A node has the rows of so much time beyond those that keep it busy."""
_MOST_AHEAD = 1_024
_MOST_AHEAD_BYTES = 4 << 20
_MOST_STARTS = 3
"""Nodes that may be lost one after the other before they have answered anything."""


@dataclass(slots=True)
class News:
    """What became of some rows of a group."""

    answered: list[Answered] = field(default_factory=list)
    unanswered: list[Claim] = field(default_factory=list)
    """Given back, because nobody wants them any more."""
    halt: BaseException | None = None
    """Why no row can be answered now, whichever."""


@dataclass(slots=True, eq=False)
class _Group:
    """Rows that a worker handed over together."""

    left: int
    news: News = field(default_factory=News)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class _Item:
    """A row under way."""

    claim: Claim
    line: bytes
    group: _Group
    losses: int = 0

    @property
    def is_suspect(self) -> bool:
        return self.losses + 1 >= SUSPECT_ATTEMPT

    def end(self, line: bytes, *, is_good: bool) -> None:
        self.group.news.answered.append(Answered(self.claim, is_good, line))
        self._leave()

    def give_back(self, halt: BaseException | None = None) -> None:
        self.group.news.unanswered.append(self.claim)
        self.group.news.halt = self.group.news.halt or halt
        self._leave()

    def _leave(self) -> None:
        self.group.left -= 1
        self.group.changed.set()


@dataclass(slots=True, eq=False)
class _Member:
    """A node and the rows that it has."""

    node: Node
    job: Job
    least: int
    """Rows that keep it busy."""
    flow: Flow
    items: dict[int, _Item] = field(default_factory=dict)
    """By position."""
    row_bytes: int = 1
    """Of the rows that it got last, on average."""
    outbox: list[_Item] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_open: bool = False
    has_suspect: bool = False

    @property
    def room(self) -> int:
        """How many rows it may have more."""
        ahead = min(self.flow.rows_in(_AHEAD_SECONDS), _MOST_AHEAD, _MOST_AHEAD_BYTES // self.row_bytes)
        return self.least + ahead - len(self.items)

    def add(self, items: Sequence[_Item]) -> None:
        self.items.update((item.claim.position, item) for item in items)
        self.row_bytes = max(1, sum(len(item.line) for item in items) // len(items))
        self.has_suspect = items[0].is_suspect
        self.outbox += items
        self.news.set()


class ClusterHandlers:
    """Makes the handler of the one batch that a worker has; stands in for `Handlers`."""

    figures: LiveFigures | None = None

    def __init__(
        self,
        connect: Callable[[], Cluster],
        live: LiveSetup | None,
        tell: Callable[[str], None],
        *,
        blames: bool = True,
    ) -> None:
        """Connect to the cluster, which is closed with this, and take what `Handlers` and `WorkerOptions` have.

        Raises:
            UsageError: answers are to be kept, which is for one machine.
            ConfigError, Temporary: there is no cluster.
        """
        if live is not None and live.answers is not None:
            raise UsageError(
                "--dedupe and --cache do not go with --executor ray: answers are kept on one machine",
                hint="leave them out",
            )
        self._live, self._tell, self._blames = live, tell, blames
        self._cluster = connect()
        self._made: list[Clustered] = []

    def make(self, batch: StoredBatch, unwanted: asyncio.Event) -> Clustered:
        """Make what has the requests of a batch answered by the cluster, until ``unwanted`` is set."""
        jobs = [
            Job(batch.id, batch.endpoint, batch.settings, *share)
            for share in self._shares(asks=is_live(batch.settings))
        ]
        handler = Clustered(self._cluster, jobs, self._tell, unwanted, blames=self._blames)
        self._made.append(handler)
        return handler

    def _shares(self, *, asks: bool) -> Sequence[tuple[bytes | None, int]]:
        count = self._cluster.processors
        return shares(self._live, count) if self._live is not None and asks else [(None, _SLOTS)] * count

    async def close(self) -> None:
        """End the actors, and let go of the cluster."""
        for handler in self._made:
            await handler.close()
        self._cluster.close()


def shares(setup: LiveSetup, count: int) -> list[tuple[bytes, int]]:
    """Give what each of ``count`` nodes at most is told, and its slots: together they keep to each limit."""
    options = setup.options
    limits = (options.concurrency, options.per_minute, options.tokens_per_minute)
    count = min(count, *(limit for limit in limits if limit is not None))
    mine = replace(
        options,
        per_minute=None if options.per_minute is None else options.per_minute // count,
        tokens_per_minute=None if options.tokens_per_minute is None else options.tokens_per_minute // count,
    )
    encoded = replace(setup, options=mine).encode()
    each, more = divmod(options.concurrency, count)
    return [(encoded, each + (number < more)) for number in range(count)]


class Clustered:
    """Answers the rows of one batch elsewhere."""

    is_cpu_bound = False
    max_batch = _GROUP

    def __init__(
        self,
        cluster: Cluster,
        jobs: Sequence[Job],
        tell: Callable[[str], None],
        unwanted: asyncio.Event,
        *,
        blames: bool = True,
    ) -> None:
        """Start an actor for each of the jobs. Call it in the event loop that will use it."""
        self._cluster, self._tell, self._unwanted, self._blames = cluster, tell, unwanted, blames
        self._members: list[_Member] = []
        self._held: deque[_Item] = deque()
        self._failed_starts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        for job in jobs:
            self._start(job)
        self._run(self._give_back())

    @property
    def room(self) -> int:
        """How many rows more may be handed over."""
        return sum(max(0, member.room) for member in self._members) - len(self._held)

    async def answer(self, rows: Sequence[tuple[Claim, bytes]]) -> AsyncIterator[News]:
        """Have rows answered; give what became of them as it is known, each once."""
        group = _Group(len(rows))
        self._held.extend(_Item(claim, line, group) for claim, line in rows)
        self._deal()
        while group.left or group.changed.is_set():
            await group.changed.wait()
            group.changed.clear()
            news, group.news = group.news, News()
            yield news

    async def close(self) -> None:
        """End the actors; what they had is given up."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self._members:
            member.node.kill()

    def _deal(self) -> None:
        """Give held rows to nodes, in their order; a suspect one waits for a node without rows."""
        while self._held:
            is_suspect = self._held[0].is_suspect
            free = [one for one in self._members if one.is_open and _takes(one, is_suspect=is_suspect)]
            if not free:
                return  # whoever ends a row deals again
            member = min(free, key=lambda one: len(one.items) / one.least)
            count = 1 if is_suspect else max(1, min(member.room, len(self._held) // len(free)))
            items = [self._held.popleft()]
            while len(items) < count and not self._held[0].is_suspect:
                items.append(self._held.popleft())
            member.add(items)

    # --- one node ---

    def _start(self, job: Job) -> None:
        least = _GROUP if job.live is None else job.slots
        member = _Member(self._cluster.start(), job, least, Flow(self._now()))
        self._members.append(member)
        self._run(self._serve(member))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (broken := task.exception()) is not None:
            items = [item for member in self._members for item in member.items.values()]
            for one in self._tasks:
                one.cancel()
            self._halt(items, broken)

    def _halt(self, items: Sequence[_Item], error: BaseException) -> None:
        for item in (*items, *self._held):
            item.give_back(error)
        self._held.clear()

    async def _serve(self, member: _Member) -> None:
        """Keep a node busy until it is lost; then start another."""
        try:
            await member.node.open(member.job)
            member.is_open, member.flow = True, Flow(self._now())
            self._deal()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send(member))
                both.create_task(self._receive(member))
        except* Lost as group:
            self._lose(member, str(group.exceptions[0]))

    @staticmethod
    async def _send(member: _Member) -> None:
        while True:
            await member.news.wait()
            member.news.clear()
            items, member.outbox = member.outbox, []
            await member.node.take({item.claim.position: item.line for item in items})

    async def _receive(self, member: _Member) -> None:
        while True:
            given = await member.node.give()
            for position, is_good, line in given.answers:
                member.items.pop(position).end(line, is_good=is_good)
            for position in given.unanswered:
                member.items.pop(position).give_back(given.halt)
            if given.answers or given.unanswered:
                self._failed_starts = 0
                member.flow.passed(len(given.answers), self._now())
                member.has_suspect = member.has_suspect and bool(member.items)
                self._deal()

    def _lose(self, member: _Member, why: str) -> None:
        """Take back the rows of a node that is gone, and start another one in its place."""
        self._members.remove(member)
        member.node.kill()
        again = [*member.items.values()]
        if self._unwanted.is_set():
            for item in again:
                item.give_back()
            return
        self._tell(f"a worker of the cluster was lost ({why[:200]}); {len(again)} rows run again")
        self._failed_starts += 1
        if self._failed_starts > _MOST_STARTS + len(self._members):
            error = Temporary(
                "the cluster loses every worker",
                where=why[:300],
                hint="look at its logs, then run the same line again",
            )
            self._halt(again, error)
            return
        left = []
        for item in again:
            item.losses += 1
            if self._blames and item.losses >= MOST_ATTEMPTS:
                item.end(_abandoned(member.job, item), is_good=False)
            else:
                left.append(item)
        # Suspects last: those before them keep the other nodes busy meanwhile.
        self._held = deque(sorted((*left, *self._held), key=lambda item: item.losses))
        self._start(member.job)
        self._deal()

    async def _give_back(self) -> None:
        """Have everything given back that no node has begun with, when nobody wants it any more."""
        await self._unwanted.wait()
        for item in self._held:
            item.give_back()
        self._held.clear()
        nodes = [member.node for member in self._members if member.is_open]
        await asyncio.gather(*(node.stop() for node in nodes), return_exceptions=True)


def _takes(member: _Member, *, is_suspect: bool) -> bool:
    return not member.has_suspect and (not member.items if is_suspect else member.room > 0)


def _abandoned(job: Job, item: _Item) -> bytes:
    message = f"{item.losses} workers of the cluster died while they worked at this request"
    reply = Reply(500, {"error": {"message": message, "type": "abandoned", "code": "abandoned"}})
    return result_line(job.batch_id, item.claim.position, parse_call(item.line, job.endpoint), reply)
