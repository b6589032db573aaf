"""The handler that lets a cluster answer: rows go to the node that has the fewest, replies come back as they are ready.

Each row is one of this process until its reply is here, so the limits of a worker hold over all nodes, and the rows of
a node that is lost are sent to others. Rows that were lost twice go alone to a node that has nothing else, so that
only they are blamed if it dies again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batch_cli.engine.cluster.actor import GATHER_SECONDS, Broken, Outcome, Row
from batch_cli.engine.cluster.connection import Cluster, Lost, Node
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import is_live
from batch_cli.engine.queue import MOST_ATTEMPTS, SUSPECT_ATTEMPT
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.errors import Temporary, UsageError
from batch_cli.events import LiveFigures
from batch_cli.model import JsonObject

_GROUP = 64
"""Rows of work that computes, in one call of a worker."""
_MOST_STARTS = 3
"""Nodes that may be lost one after the other before they have answered anything."""


@dataclass(slots=True)
class _Item:
    """A row under way."""

    row: Row
    outcome: asyncio.Future[Outcome]
    losses: int = 0

    @property
    def is_suspect(self) -> bool:
        return self.losses + 1 >= SUSPECT_ATTEMPT


@dataclass(slots=True, eq=False)
class _Member:
    """A node and the rows that it has."""

    node: Node
    items: dict[int, _Item] = field(default_factory=dict)
    outbox: list[_Item] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_open: bool = False
    has_suspect: bool = False


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

    def make(self, settings: JsonObject, unwanted: asyncio.Event) -> Clustered:
        """Make what has the requests of a batch answered by the cluster, until ``unwanted`` is set."""
        count, live = self._cluster.processors, None
        if self._live is not None and is_live(settings):
            count, live = _shares(self._live, count)
        handler = Clustered(self._cluster, count, settings, live, self._tell, unwanted)
        handler.blames = self._blames
        self._made.append(handler)
        return handler

    async def close(self) -> None:
        """End the actors, and let go of the cluster."""
        for handler in self._made:
            await handler.close()
        self._cluster.close()


def _shares(setup: LiveSetup, count: int) -> tuple[int, bytes]:
    """Give how many nodes ask, and what each of them is told: its share of each limit."""
    options = setup.options
    limits = (options.concurrency, options.per_minute, options.tokens_per_minute)
    count = min(count, *(limit for limit in limits if limit is not None))
    mine = replace(
        options,
        per_minute=None if options.per_minute is None else options.per_minute // count,
        tokens_per_minute=None if options.tokens_per_minute is None else options.tokens_per_minute // count,
    )
    return count, replace(setup, options=mine).encode()


class Clustered:
    """A `Handler` whose work is done elsewhere."""

    is_cpu_bound = False

    def __init__(
        self,
        cluster: Cluster,
        count: int,
        settings: JsonObject,
        live: bytes | None,
        tell: Callable[[str], None],
        unwanted: asyncio.Event,
    ) -> None:
        """Start ``count`` actors. Call it in the event loop that will use it."""
        self.max_batch = _GROUP if live is None else 1
        self.blames = True
        self._cluster, self._settings, self._live, self._tell = cluster, settings, live, tell
        self._members: list[_Member] = []
        self._held: deque[_Item] = deque()
        self._last_number = 0
        self._failed_starts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        for _ in range(count):
            self._start()
        self._run(self._end_with(unwanted))

    async def __call__(self, calls: Sequence[Call]) -> Sequence[Reply | None]:
        """Have every call answered."""
        items = [self._item(call) for call in calls]
        self._held.extend(items)
        self._deal()
        return [_reply(one) for one in await asyncio.gather(*(item.outcome for item in items))]

    async def close(self) -> None:
        """End the actors; what they had is given up."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self._members:
            member.node.kill()

    def _item(self, call: Call) -> _Item:
        self._last_number += 1
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return _Item(Row(self._last_number, call.url, call.line), future)

    def _deal(self) -> None:
        """Give held rows to nodes, in their order; a suspect one waits for a node without rows."""
        while self._held:
            item = self._held[0]
            free = [
                one for one in self._members if not one.has_suspect and not (item.is_suspect and one.items)
            ]
            if not free:
                return  # whoever ends a row deals again
            member = min(free, key=lambda one: len(one.items))
            self._held.popleft()
            member.items[item.row.number] = item
            member.has_suspect = item.is_suspect
            member.outbox.append(item)
            member.news.set()

    # --- one node ---

    def _start(self) -> None:
        member = _Member(self._cluster.start())
        self._members.append(member)
        self._run(self._serve(member))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, member: _Member) -> None:
        """Keep a node busy until it is lost; then start another."""
        try:
            await member.node.open(self._settings, self._live)
            member.is_open = True
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send(member))
                both.create_task(self._receive(member))
        except* Lost as group:
            self._lose(member, str(group.exceptions[0]))

    async def _send(self, member: _Member) -> None:
        while True:
            await member.news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            member.news.clear()
            items, member.outbox = member.outbox, []
            await member.node.take([item.row for item in items])

    async def _receive(self, member: _Member) -> None:
        while True:
            found = await member.node.give()
            for number, outcome in found:
                self._end(member.items.pop(number).outcome, outcome)
            if found:
                self._failed_starts = 0
                member.has_suspect = member.has_suspect and bool(member.items)
                self._deal()

    @staticmethod
    def _end(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        if not future.done():  # nobody waits for it any more
            future.set_result(outcome)

    def _lose(self, member: _Member, why: str) -> None:
        """Take back the rows of a node that is gone, and start another one in its place."""
        self._members.remove(member)
        member.node.kill()
        again = [item for item in member.items.values() if not item.outcome.done()]
        self._tell(f"a worker of the cluster was lost ({why[:200]}); {len(again)} rows run again")
        self._failed_starts += 1
        if self._failed_starts > _MOST_STARTS + len(self._members):
            error = Temporary(
                "the cluster loses every worker",
                where=why[:300],
                hint="look at its logs, then run the same line again",
            )
            for item in (*again, *self._held):
                self._end(item.outcome, error)
            self._held.clear()
            return
        for item in again:
            item.losses += 1
            if self.blames and item.losses >= MOST_ATTEMPTS:
                self._end(item.outcome, _abandoned(item.losses))
        # Suspects last: those before them keep the other nodes busy meanwhile.
        left = [item for item in again if not item.outcome.done()]
        self._held = deque(sorted((*left, *self._held), key=lambda item: item.losses))
        self._start()
        self._deal()

    async def _end_with(self, unwanted: asyncio.Event) -> None:
        """Give everything back that no node has begun with, when nobody wants it any more."""
        await unwanted.wait()
        for item in self._held:
            self._end(item.outcome, None)
        self._held.clear()
        for member in [*self._members]:
            if member.is_open:
                await asyncio.gather(member.node.stop(), return_exceptions=True)
            else:
                for item in member.items.values():
                    self._end(item.outcome, None)


def _reply(outcome: Outcome) -> Reply | None:
    match outcome:
        case Broken(text):
            raise RuntimeError(text)
        case Reply() | None:
            return outcome
        case error:
            raise Halt(error)


def _abandoned(losses: int) -> Reply:
    message = f"{losses} workers of the cluster died while they worked at this request"
    return Reply(500, {"error": {"message": message, "type": "abandoned", "code": "abandoned"}})
