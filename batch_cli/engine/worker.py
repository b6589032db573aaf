"""The worker: claims requests, lets a handler answer them, and records the answers in groups.

One loop starts handler calls and, beside them, one *store turn* at a time in a thread: record everything
that was answered since the last turn, renew the lease, claim more. So one fsync serves however many
requests finished meanwhile, and the handler never waits for the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from batch_cli.engine.cluster.connection import Cluster
from batch_cli.engine.cluster.handler import Clustered, ClusterHandlers
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.engine.event_loop import fastest
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import Handlers, Wrap
from batch_cli.engine.helpers import Helpers
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.queue import SUSPECT_ATTEMPT, Claim, Queue
from batch_cli.engine.reply import Halt, Handler, Reply, broken_reply
from batch_cli.engine.stop_signals import held_back, leave_to_others, let_through, told_to
from batch_cli.engine.store import Store, StoredBatch
from batch_cli.engine.store_turn import Answered, Orders, StoreTurns, Turn
from batch_cli.events import Listener, LiveFigures, Note, Phase, Progress

_MOST_CLAIMED = 512
"""How many requests are claimed at once at most; as many again may wait for a free slot."""
_MOST_ANSWERED = 4_096
"""More answers than this are not gathered before they are recorded."""
_IDLE_SECONDS = 0.2
_DEADLINE_GRACE = 2.0
"""Seconds that running calls get when the time is over that the user wanted to wait."""
_LONGEST_SILENCE = 1.0
"""Seconds after which the store is asked for news (a cancel) even if there is nothing to record."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works."""

    concurrency: int = 8
    """How many handler calls are in flight at once."""
    only: str | None = None
    """Work at this batch alone, and stop when it has ended."""
    linger: float | None = None
    """Without ``only``: stop after so many seconds without work; None means never."""
    seconds: float | None = None
    """Stop after so many seconds, whatever is left to do."""
    leash: int | None = None
    """A descriptor whose end means that the worker this one helps has gone: stop then."""
    grace: float = 30.0
    """Seconds that running calls get to finish after a stop was asked for."""
    live: LiveSetup | None = None
    """The model servers that answer live batches."""
    blames: bool = True
    """A request whose worker died again and again fails: what it asks for may be what kills."""
    cluster: ClusterWishes | None = None
    """Where the handlers run; None: in this process."""


def _makes_handlers(
    options: WorkerOptions, tell: Callable[[str], None], wrap: Wrap | None
) -> Handlers | ClusterHandlers:
    wishes = options.cluster
    if wishes is None:
        return Handlers(options.live, tell, wrap)
    return ClusterHandlers(lambda: Cluster(wishes.address), options.live, tell, blames=options.blames)


class Worker:
    """One worker in this process. `run` may be called once."""

    def __init__(
        self, store: Store, options: WorkerOptions, listener: Listener, wrap: Wrap | None = None
    ) -> None:
        """Work for ``store``, alone (``options.leash``) where something is put around the simulated model."""
        self._store, self._options, self._listener = store, options, listener
        self._queue = Queue(store)
        self._batches: dict[int, StoredBatch] = {}
        self._handlers: dict[int, Handler | Clustered] = {}
        self._turns = StoreTurns(store, self._queue, options.only, blames=options.blames)
        self._maker = _makes_handlers(options, lambda text: listener(Note(text, warning=True)), wrap)
        self._unwanted_batches: dict[int, asyncio.Event] = {}
        self._waiting: deque[Claim] = deque()
        self._answered: list[Answered] = []
        self._written = 0
        """How many of them stand in the result file already."""
        self._recording = 0
        """Answers that the store turn under way records."""
        self._calls: set[asyncio.Task[list[Answered]]] = set()
        self._news: asyncio.Future[None] | None = None
        """What the loop waits for: something has happened."""
        self._failure: BaseException | None = None
        """What ends the work for all."""
        self._signal: int | None = None
        self._deadline = float("inf")
        self._unwanted: list[Claim] = []
        """Claimed and not answered, because nobody wants their batch any more; given back in the next turn."""
        self._suspects: set[Claim] = set()
        """Claimed and not yet recorded: while one that may kill is here, nothing else is claimed that it could take along."""
        self._last_turn = self._next_claim = 0.0
        self._idle_since: float | None = None
        self._helpers = None if options.leash is not None else Helpers(store.root, options.only)

    @property
    def figures(self) -> LiveFigures | None:
        """How live requests fared; None where none was asked."""
        return self._maker.figures

    def run(self) -> int | None:
        """Work until there is nothing left to do, or a signal asks to stop; give that signal's number.

        The first SIGINT or SIGTERM lets running calls finish, a second one leaves at once.

        Raises:
            BatchCliError: a handler has halted the work; what was answered is recorded.
        """
        if self._options.seconds is not None:
            self._deadline = self._store.clock.monotonic() + self._options.seconds
        thread = ThreadPoolExecutor(1, thread_name_prefix="store", initializer=leave_to_others)
        try:
            with held_back(), asyncio.Runner(loop_factory=self._loop_factory()) as runner:
                runner.run(self._run(thread))
        finally:
            if self._helpers is not None:
                self._helpers.stop(self._options.grace)
            thread.shutdown()
            self._turns.close()
        if self._failure is not None:
            raise self._failure
        return self._signal

    def _loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Take the fast loop where it is about sending, which is all that it makes faster."""
        return asyncio.new_event_loop if self._options.live is None else fastest()

    @property
    def _must_stop(self) -> bool:
        is_over = self._signal is not None or self._failure is not None
        return is_over or self._store.clock.monotonic() >= self._deadline

    async def _run(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        with told_to(loop, self._stop, self._options.leash):
            async with let_through():
                await self._work(thread)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        with self._queue.join() as lease:
            turn: asyncio.Future[Turn] | None = None
            try:
                while not self._must_stop:
                    self._start_calls()
                    if turn is None and self._wants_turn():
                        turn = loop.run_in_executor(thread, self._turns.run, lease, self._orders())
                        turn.add_done_callback(self._wake)
                    await self._wait()
                    self._write_down()
                    if turn is not None and turn.done():
                        finished, turn = turn.result(), None
                        if await self._is_over(finished):
                            break
            finally:
                await self._wind_up(turn, thread)
                await self._maker.close()

    def _orders(self) -> Orders:
        """Hand over what the next store turn has to do. What it reads is its own: it runs in another thread."""
        answered, self._answered, self._written = self._answered, [], 0
        self._recording = len(answered)
        unwanted, self._unwanted = self._unwanted, []
        self._suspects.difference_update(unwanted, (one.claim for one in answered) if self._suspects else ())
        return Orders(answered, unwanted, self._claim_ahead if self._has_room else 0)

    def _wake(self, _done: object = None) -> None:
        """Let the loop look again: something has happened."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        """Wait until something has happened, or it is time to look at the store or the clock again."""
        loop = asyncio.get_running_loop()
        now = self._store.clock.monotonic()
        next_look = self._next_claim if self._has_room and self._next_claim > now else now + _LONGEST_SILENCE
        self._news = loop.create_future()
        timer = loop.call_later(max(0.0, min(self._deadline, next_look) - now), self._wake)
        try:
            if not self._must_stop:  # a signal that came a moment ago woke nobody
                await self._news
        finally:
            timer.cancel()

    def _wants_turn(self) -> bool:
        silence = self._store.clock.monotonic() - self._last_turn
        return (
            bool(self._answered)
            or bool(self._unwanted)
            or (self._has_room and self._store.clock.monotonic() >= self._next_claim)
            or silence > _LONGEST_SILENCE
        )

    @property
    def _has_room(self) -> bool:
        return len(self._waiting) < self._claim_ahead and not self._suspects

    @property
    def _claim_ahead(self) -> int:
        """Enough to fill every slot twice: what waits here cannot be taken by another worker."""
        largest = max((handler.max_batch for handler in self._handlers.values()), default=1)
        if not self._options.blames:
            return (
                _MOST_CLAIMED  # nobody else works at it, and what was only claimed is no attempt that counts
            )
        return min(2 * self._options.concurrency * largest, _MOST_CLAIMED)

    async def _is_over(self, turn: Turn) -> bool:
        """Take in what a turn gave; tell whether the work is done, after a pause where there is none."""
        self._recording = 0
        self._last_turn = self._store.clock.monotonic()
        # Where nothing was left to claim, the next look waits: requests under way may take minutes.
        self._next_claim = 0.0 if turn.claims else self._last_turn + _IDLE_SECONDS
        self._batches.update(turn.batches)
        self._waiting.extend(turn.claims)
        if self._options.blames:
            self._suspects.update(one for one in turn.claims if one.attempt >= SUSPECT_ATTEMPT)
        if turn.cancelling:
            self._unwanted.extend(claim for claim in self._waiting if claim.batch in turn.cancelling)
            self._waiting = deque(c for c in self._waiting if c.batch not in turn.cancelling)
            for seq in turn.cancelling & self._unwanted_batches.keys():
                self._unwanted_batches[seq].set()
        if self._helpers is not None and any(h.is_cpu_bound for h in self._handlers.values()):
            self._helpers.start(turn.backlog)
        for seq, ended in turn.ended:
            self._batches.pop(seq, None)
            self._handlers.pop(seq, None)
            self._unwanted_batches.pop(seq, None)
            self._waiting = deque(claim for claim in self._waiting if claim.batch != seq)
            self._suspects = {claim for claim in self._suspects if claim.batch != seq}
            if ended is not None and self._options.only is None:
                counts = f"{ended.completed:,} completed, {ended.failed:,} failed"
                self._listener(Note(f"{ended.id}: {ended.status}, {counts}"))
        if turn.only is not None:
            done = turn.only.completed + turn.only.failed
            self._listener(Progress(Phase.RUN, done, turn.only.total, turn.only.failed, live=self.figures))
        if turn.claims or self._calls or self._answered or self._waiting or self._unwanted:
            self._idle_since = None
            return False
        if self._options.only is not None and (turn.only is None or turn.only.has_ended):
            return True
        now = self._store.clock.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        linger = self._options.linger
        if linger is not None and now - self._idle_since >= linger:
            return True
        await asyncio.sleep(_IDLE_SECONDS)
        return False

    # --- calls ---

    def _start_calls(self) -> None:
        while self._waiting and len(self._answered) + self._recording < _MOST_ANSWERED:
            batch = self._batches[self._waiting[0].batch]
            handler = self._handler(batch)
            room = self._room(handler)
            claims: list[Claim] = []
            while self._waiting and len(claims) < room and self._waiting[0].batch == batch.seq:
                claims.append(self._waiting.popleft())
            if not claims:
                return
            if isinstance(handler, Clustered):
                call = asyncio.create_task(self._hand_over(handler, claims))
            else:
                call = asyncio.create_task(self._call(handler, batch, claims))
            self._calls.add(call)
            call.add_done_callback(self._take)

    def _room(self, handler: Handler | Clustered) -> int:
        """Give how many claims may be worked at in one more call."""
        if isinstance(handler, Clustered):
            return handler.room
        return handler.max_batch if len(self._calls) < self._options.concurrency else 0

    def _take(self, call: asyncio.Task[list[Answered]]) -> None:
        """Take in what a call gave; one that was cancelled gave nothing."""
        self._calls.discard(call)
        if not call.cancelled():
            broken = call.exception()
            if broken is None:
                self._answered.extend(call.result())
            else:
                self._failure = self._failure or broken
        self._wake()

    def _write_down(self) -> None:
        """Write live answers at once, before others are asked for in their place: a kill must not lose them."""
        if self._options.blames:
            return
        fresh = self._answered[self._written :]
        for seq, group in groupby(fresh, key=lambda one: one.claim.batch):
            self._turns.write_down(self._batches[seq], list(group))
        self._written = len(self._answered)

    def _handler(self, batch: StoredBatch) -> Handler | Clustered:
        if batch.seq not in self._handlers:
            unwanted = self._unwanted_batches[batch.seq] = asyncio.Event()
            if isinstance(self._maker, Handlers):
                self._handlers[batch.seq] = self._maker.make(batch.settings, unwanted)
            else:
                self._handlers[batch.seq] = self._maker.make(batch, unwanted)
        return self._handlers[batch.seq]

    async def _hand_over(self, handler: Clustered, claims: list[Claim]) -> list[Answered]:
        """Let a cluster answer, and take in what comes as it comes."""
        async for news in handler.answer([(claim, self._queue.read(claim)) for claim in claims]):
            self._answered += news.answered
            self._unwanted += news.unanswered
            self._failure = self._failure or news.halt
            self._wake()
        return []

    async def _call(self, handler: Handler, batch: StoredBatch, claims: list[Claim]) -> list[Answered]:
        calls = [parse_call(self._queue.read(claim), batch.endpoint) for claim in claims]
        try:
            replies: Sequence[Reply | None] = await handler(calls)
        except Halt as halt:
            self._failure = self._failure or halt.error
            replies = [None] * len(calls)
        except Exception as error:  # noqa: BLE001 - a broken handler must not take the other batches down
            replies = [broken_reply(error)] * len(calls)
        answered = []
        for claim, call, reply in zip(claims, calls, replies, strict=True):
            if reply is None:
                self._unwanted.append(claim)
            else:
                answered.append(
                    Answered(claim, reply.is_good, result_line(batch.id, claim.position, call, reply))
                )
        return answered

    # --- stopping ---

    def _stop(self, number: int | None) -> None:
        """Stop for a signal; None: because whoever is helped has let go."""
        self._signal = signal.SIGTERM if number is None else number
        self._wake()
        if self._calls and number is not None:
            text = f"stopping when the running requests are answered, {self._options.grace:.0f} s at most"
            self._listener(Note(f"{text}; again: at once"))

    async def _wind_up(self, turn: asyncio.Future[Turn] | None, thread: ThreadPoolExecutor) -> None:
        """Let running calls finish within the grace and record them; give back the rest."""
        loop = asyncio.get_running_loop()
        if turn is not None:
            with contextlib.suppress(Exception):
                self._waiting.extend((await turn).claims)
        for unwanted in self._unwanted_batches.values():
            unwanted.set()
        if self._calls:
            # What is asked for live may have to be paid for, whether or not anybody waits for the answer.
            is_patient = self._signal is not None or self._options.live is not None
            await asyncio.wait(self._calls, timeout=self._options.grace if is_patient else _DEADLINE_GRACE)
            left = [*self._calls]
            for call in left:
                call.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if self._answered:
            await loop.run_in_executor(thread, self._turns.record, self._answered)
        # What was begun and not finished is given back by leaving the lease, and counts as an attempt.
        await loop.run_in_executor(thread, self._queue.release, [*self._unwanted, *self._waiting])
