"""The worker: claims requests, lets a handler answer them, and records the answers in groups.

One loop starts handler calls and, beside them, one *store turn* at a time in a thread: record everything
that was answered since the last turn, renew the lease, claim more. So one fsync serves however many
requests finished meanwhile, and the handler never waits for the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from batch_cli.engine.calls import Calls
from batch_cli.engine.cluster.connection import Cluster
from batch_cli.engine.cluster.handler import Clustered, ClusterHandlers
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.engine.event_loop import fastest
from batch_cli.engine.handlers.live.options import LiveSetup
from batch_cli.engine.handlers.maker import Handlers, Wrap
from batch_cli.engine.helpers import Helpers
from batch_cli.engine.queue import SUSPECT_ATTEMPT, Claim, Queue
from batch_cli.engine.reply import Handler
from batch_cli.engine.stop_signals import held_back, leave_to_others, let_through, told_to
from batch_cli.engine.store import Store, StoredBatch
from batch_cli.engine.store_turn import Orders, StoreTurns, Turn
from batch_cli.events import Listener, LiveFigures, Note, Phase, Progress

_MOST_CLAIMED = 512
"""How many requests are claimed at once at most; as many again may wait for a free slot."""
_GATHERED = 512
_GATHER_SECONDS = 0.05
"""Answers that are written down already are recorded so many at once, or so long after those before them."""
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
        self._turns = StoreTurns(store, self._queue, options.only, blames=options.blames)
        self._maker = _makes_handlers(options, lambda text: listener(Note(text, warning=True)), wrap)
        self._calls = Calls(
            self._queue,
            options.concurrency,
            self._make,
            None if options.blames else self._turns.write_down,
            self._heed,
        )
        self._turn: asyncio.Future[Turn] | None = None
        self._news: asyncio.Future[None] | None = None
        """What the loop waits for: something has happened."""
        self._signal: int | None = None
        self._deadline = float("inf")
        self._suspects: set[Claim] = set()
        """Claimed and not yet recorded: while one that may kill is here, nothing else is claimed that it could take along."""
        self._last_turn = self._next_claim = 0.0
        self._idle_since: float | None = None
        self._helpers = None if options.leash is not None else Helpers(store.root, options.only)

    def _make(self, batch: StoredBatch, unwanted: asyncio.Event) -> Handler | Clustered:
        if isinstance(self._maker, Handlers):
            return self._maker.make(batch.settings, unwanted)
        return self._maker.make(batch, unwanted)

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
        if self._calls.failure is not None:
            raise self._calls.failure
        return self._signal

    def _loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Take the fast loop where it is about sending, which is all that it makes faster."""
        return asyncio.new_event_loop if self._options.live is None else fastest()

    @property
    def _must_stop(self) -> bool:
        is_over = self._signal is not None or self._calls.failure is not None
        return is_over or self._store.clock.monotonic() >= self._deadline

    async def _run(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        with told_to(loop, self._stop, self._options.leash):
            async with let_through():
                await self._work(thread)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        with self._queue.join() as lease:
            try:
                while not self._must_stop:
                    self._calls.start()
                    if self._turn is None and self._wants_turn():
                        self._turn = loop.run_in_executor(thread, self._turns.run, lease, self._orders())
                        self._turn.add_done_callback(self._wake)
                    await self._wait()
                    if self._turn is not None and self._turn.done():
                        finished, self._turn = self._turn.result(), None
                        if await self._is_over(finished):
                            break
            finally:
                await self._wind_up(thread)
                await self._maker.close()

    def _orders(self) -> Orders:
        """Hand over what the next store turn has to do. What it reads is its own: it runs in another thread."""
        answered, unwanted = self._calls.hand_over()
        self._suspects.difference_update(unwanted, (one.claim for one in answered) if self._suspects else ())
        return Orders(answered, unwanted, min(self._claim_ahead, _MOST_CLAIMED) if self._has_room else 0)

    def _heed(self) -> None:
        """Look at what a call gave: the loop has to know where it calls for a turn, or for the end."""
        if self._calls.failure is not None or (self._turn is None and self._wants_turn()):
            self._wake()

    def _wake(self, _done: object = None) -> None:
        """Let the loop look again: something has happened."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        """Wait until something has happened, or it is time to look at the store or the clock again."""
        loop = asyncio.get_running_loop()
        now = self._store.clock.monotonic()
        next_look = now + _LONGEST_SILENCE
        if self._turn is None:
            for at in (self._last_turn + _GATHER_SECONDS, self._next_claim if self._has_room else 0.0):
                next_look = min(next_look, at) if at > now else next_look
        self._news = loop.create_future()
        timer = loop.call_later(max(0.0, min(self._deadline, next_look) - now), self._wake)
        try:
            if not self._must_stop:  # a signal that came a moment ago woke nobody
                await self._news
        finally:
            timer.cancel()

    def _wants_turn(self) -> bool:
        calls, now = self._calls, self._store.clock.monotonic()
        silence = now - self._last_turn
        if calls.answered and (
            self._options.blames
            or len(calls.answered) >= _GATHERED
            or silence >= _GATHER_SECONDS
            or not calls.slots
        ):
            return True
        return (
            bool(calls.unwanted) or (self._has_room and now >= self._next_claim) or silence > _LONGEST_SILENCE
        )

    @property
    def _has_room(self) -> bool:
        """Tell whether more is to be claimed: half of what may wait, so that it is not done for single requests."""
        return 2 * len(self._calls.waiting) <= self._claim_ahead and not self._suspects

    @property
    def _claim_ahead(self) -> int:
        """Enough to fill every slot twice: what waits here cannot be taken by another worker."""
        if not self._options.blames:  # nobody else works at it, and what was only claimed is no attempt
            return 2 * _MOST_CLAIMED
        largest = max((handler.max_batch for handler in self._calls.handlers.values()), default=1)
        return min(2 * self._options.concurrency * largest, _MOST_CLAIMED)

    async def _is_over(self, turn: Turn) -> bool:
        """Take in what a turn gave; tell whether the work is done, after a pause where there is none."""
        calls = self._calls
        calls.recorded()
        self._last_turn = self._store.clock.monotonic()
        # Where nothing was left to claim, the next look waits: requests under way may take minutes.
        self._next_claim = 0.0 if turn.claims else self._last_turn + _IDLE_SECONDS
        calls.batches.update(turn.batches)
        calls.waiting.extend(turn.claims)
        if self._options.blames:
            self._suspects.update(one for one in turn.claims if one.attempt >= SUSPECT_ATTEMPT)
        if turn.cancelling:
            calls.cancel(turn.cancelling)
        if self._helpers is not None and any(h.is_cpu_bound for h in calls.handlers.values()):
            self._helpers.start(turn.backlog)
        for seq, ended in turn.ended:
            calls.forget(seq)
            self._suspects = {claim for claim in self._suspects if claim.batch != seq}
            if ended is not None and self._options.only is None:
                counts = f"{ended.completed:,} completed, {ended.failed:,} failed"
                self._listener(Note(f"{ended.id}: {ended.status}, {counts}"))
        if turn.only is not None:
            done = turn.only.completed + turn.only.failed
            self._listener(Progress(Phase.RUN, done, turn.only.total, turn.only.failed, live=self.figures))
        if turn.claims or calls.slots or calls.answered or calls.waiting or calls.unwanted:
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

    # --- stopping ---

    def _stop(self, number: int | None) -> None:
        """Stop for a signal; None: because whoever is helped has let go."""
        self._signal = signal.SIGTERM if number is None else number
        self._calls.drop_waiting()
        self._wake()
        if self._calls.slots and number is not None:
            text = f"stopping when the running requests are answered, {self._options.grace:.0f} s at most"
            self._listener(Note(f"{text}; again: at once"))

    async def _wind_up(self, thread: ThreadPoolExecutor) -> None:
        """Let running calls finish within the grace and record them; give back the rest."""
        loop = asyncio.get_running_loop()
        self._calls.drop_waiting()
        if self._turn is not None:
            with contextlib.suppress(Exception):
                self._calls.unwanted.extend((await self._turn).claims)
        # What is asked for live may have to be paid for, whether or not anybody waits for the answer.
        is_patient = self._signal is not None or self._options.live is not None
        await self._calls.end(self._options.grace if is_patient else _DEADLINE_GRACE)
        answered, unwanted = self._calls.hand_over()
        if answered:
            await loop.run_in_executor(thread, self._turns.record, answered)
        # What was begun and not finished is given back by leaving the lease, and counts as an attempt.
        await loop.run_in_executor(thread, self._queue.release, unwanted)
