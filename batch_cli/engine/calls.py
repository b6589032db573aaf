"""What a worker has claimed: requests that wait, that are with a handler, and that were answered and not yet recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from itertools import groupby
from typing import Any

from batch_cli.engine.cluster.handler import Clustered, News
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.queue import Claim, Queue
from batch_cli.engine.reply import Halt, Handler, Reply, broken_reply
from batch_cli.engine.store import StoredBatch
from batch_cli.engine.store_turn import Answered

MakeHandler = Callable[[StoredBatch, asyncio.Event], Handler | Clustered]
"""Makes what answers a batch, until the event is set: nobody wants it any more."""
WriteDown = Callable[[StoredBatch, list[Answered]], None]
_MOST_ANSWERED = 4_096
"""More answers than this are not gathered before they are recorded."""


class Calls:
    """The calls of one worker, in the thread of its event loop.

    So many *slots* as calls may be in flight take what waits, one call after the other; a slot ends when nothing waits.
    """

    def __init__(
        self,
        queue: Queue,
        slots: int,
        make: MakeHandler,
        write_down: WriteDown | None,
        heed: Callable[[], None],
    ) -> None:
        """Take what was claimed from ``queue``.

        ``write_down`` gets answers before others are asked for in their place; ``heed`` is called after each answer.
        """
        self._queue, self._most, self._make = queue, slots, make
        self._write_answers, self._heed = write_down, heed
        self.batches: dict[int, StoredBatch] = {}
        """Those of the claims, by their numbers."""
        self.handlers: dict[int, Handler | Clustered] = {}
        self._ends: dict[int, asyncio.Event] = {}
        self.waiting: deque[Claim] = deque()
        self.slots: set[asyncio.Task[None]] = set()
        self.answered: list[Answered] = []
        self._written = 0
        """How many of them stand in the result file already."""
        self._recording = 0
        """Answers that were handed over to be recorded, and are not yet."""
        self.unwanted: list[Claim] = []
        """Claimed and not answered, because nobody wants their batch any more."""
        self.failure: BaseException | None = None
        """What ends the work for all."""

    # --- for the worker ---

    def start(self) -> None:
        """Fill the slots; a cluster gets what it has room for instead."""
        handler = self._handler(self.batches[self.waiting[0].batch]) if self.waiting else None
        if isinstance(handler, Clustered):
            if claims := self._next(handler.room):
                rows = handler.answer([(claim, self._queue.read(claim)) for claim in claims])
                self._begin(self._take_in(rows))
        elif handler is not None:
            for _ in range(min(len(self.waiting), self._most - len(self.slots))):
                self._begin(self._answer_what_waits())

    def hand_over(self) -> tuple[list[Answered], list[Claim]]:
        """Give what was answered, written down where that is wanted, and what is unwanted; both are the caller's now."""
        self._write_down()
        answered, self.answered, self._written = self.answered, [], 0
        unwanted, self.unwanted = self.unwanted, []
        self._recording = len(answered)
        return answered, unwanted

    def recorded(self) -> None:
        """Note that what was handed over is recorded."""
        self._recording = 0

    def cancel(self, batches: set[int]) -> None:
        """Begin nothing more of these batches, and tell their handlers."""
        self.unwanted.extend(claim for claim in self.waiting if claim.batch in batches)
        self.waiting = deque(claim for claim in self.waiting if claim.batch not in batches)
        for seq in batches & self._ends.keys():
            self._ends[seq].set()

    def forget(self, seq: int) -> None:
        """Drop a batch that has ended."""
        for kept in (self.batches, self.handlers, self._ends):
            kept.pop(seq, None)
        self.waiting = deque(claim for claim in self.waiting if claim.batch != seq)

    def drop_waiting(self) -> None:
        """Begin nothing more."""
        self.unwanted.extend(self.waiting)
        self.waiting.clear()

    async def end(self, grace: float) -> None:
        """Let what runs finish within ``grace`` seconds, and cancel the rest."""
        for end in self._ends.values():
            end.set()
        if self.slots:
            await asyncio.wait(self.slots, timeout=grace)
            left = [*self.slots]
            for slot in left:
                slot.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    # --- slots ---

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        slot = asyncio.create_task(work)
        self.slots.add(slot)
        slot.add_done_callback(self._left)

    async def _take_in(self, rows: AsyncIterator[News]) -> None:
        """Take in what a cluster says of its rows, and give it more as it has room."""
        async for news in rows:
            self.answered += news.answered
            self.unwanted += news.unanswered
            self._fail(news.halt)
            self._write_down()
            self._heed()
            self.start()

    async def _answer_what_waits(self) -> None:
        while claims := self._next():
            batch = self.batches[claims[0].batch]
            handler = self._handler(batch)
            assert not isinstance(handler, Clustered)
            calls = [parse_call(self._queue.read(claim), batch.endpoint) for claim in claims]
            try:
                replies: Sequence[Reply | None] = await handler(calls)
            except Halt as halt:
                self._fail(halt.error)
                replies = [None] * len(calls)
            except Exception as error:  # noqa: BLE001 - a broken handler must not take the other batches down
                replies = [broken_reply(error)] * len(calls)
            for claim, call, reply in zip(claims, calls, replies, strict=True):
                if reply is None:
                    self.unwanted.append(claim)
                else:
                    line = result_line(batch.id, claim.position, call, reply)
                    self.answered.append(Answered(claim, reply.is_good, line))
            self._heed()
            # All that were answered in this round of the event loop are written down by the first that comes back.
            await asyncio.sleep(0)
            self._write_down()

    def _left(self, slot: asyncio.Task[None]) -> None:
        """Take in why a slot ended."""
        self.slots.discard(slot)
        if not slot.cancelled():
            self._fail(slot.exception())
        self._heed()

    def _fail(self, error: BaseException | None) -> None:
        """End the work for all, if there is an error: nothing more is begun."""
        if error is not None:
            self.failure = self.failure or error
            self.drop_waiting()

    def _next(self, most: int | None = None) -> list[Claim]:
        """Take the claims of one call, ``most`` or as many as its handler takes; none where nothing may begin now."""
        claims: list[Claim] = []
        waiting = self.waiting
        if waiting and len(self.answered) + self._recording < _MOST_ANSWERED:
            batch = self.batches[waiting[0].batch]
            most = self._handler(batch).max_batch if most is None else most
            while waiting and len(claims) < most and waiting[0].batch == batch.seq:
                claims.append(waiting.popleft())
        return claims

    def _handler(self, batch: StoredBatch) -> Handler | Clustered:
        found = self.handlers.get(batch.seq)
        if found is None:
            end = self._ends[batch.seq] = asyncio.Event()
            found = self.handlers[batch.seq] = self._make(batch, end)
        return found

    def _write_down(self) -> None:
        """Write answers at once where that is wanted: a kill must not lose them."""
        if self._write_answers is None or self._written == len(self.answered):
            return
        fresh = self.answered[self._written :]
        for seq, group in groupby(fresh, key=lambda one: one.claim.batch):
            if seq in self.batches:  # else it was deleted meanwhile
                self._write_answers(self.batches[seq], list(group))
        self._written = len(self.answered)
