"""The store turn: what a worker does with the database and the result files, in a thread beside its event loop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from batch_cli.engine.lines import abandoned_line, parse_call
from batch_cli.engine.queue import LEASE_SECONDS, MOST_ATTEMPTS, Claim, Completion, Lease, Queue
from batch_cli.engine.store import ResultFile, Standing, Store, StoredBatch


@dataclass(slots=True)
class Answered:
    """A claim with its answer, as a result line."""

    claim: Claim
    is_good: bool
    line: bytes
    place: tuple[int, int] | None = None
    """Where it stands in the result file, if it was written already."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a store turn has to do."""

    answered: list[Answered]
    unwanted: list[Claim]
    room: int
    """How many requests may be claimed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a store turn gave."""

    claims: list[Claim]
    batches: dict[int, StoredBatch]
    """The batches of the claims, where they were not known yet."""
    only: Standing | None
    """How the one batch stands that is worked at."""
    backlog: int
    """Requests that nobody has claimed yet."""
    cancelling: set[int]
    """Batches whose waiting requests must not be started any more."""
    ended: list[tuple[int, StoredBatch | None]]
    """Batches that this worker worked at and that have ended, or were deleted (None)."""


class StoreTurns:
    """The turns of one worker; one at a time, and nothing else touches the database meanwhile."""

    def __init__(self, store: Store, queue: Queue, only: str | None, *, blames: bool = True) -> None:
        """Take turns with ``queue``; ``only`` names the one batch to work at; ``blames`` is `WorkerOptions.blames`."""
        self._store, self._queue, self._only, self._blames = store, queue, only, blames
        self._files: dict[int, ResultFile] = {}
        self._next_renewal = 0.0
        self._known: set[int] = set()
        """The batches that were told with a turn and have not ended."""

    def run(self, lease: Lease, orders: Orders) -> Turn:
        """Record what was answered, give back what is not wanted, renew the lease, claim more."""
        if orders.answered:
            self.record(orders.answered)
        if orders.unwanted:
            self._queue.release(orders.unwanted)
        if self._store.clock.monotonic() >= self._next_renewal:
            if not lease.renew():
                lease.rejoin()
            self._queue.rescue()
            self._next_renewal = self._store.clock.monotonic() + LEASE_SECONDS / 3
        ended = self._close_ended(orders)
        claims: list[Claim] = []
        if orders.room:
            claims = self._queue.claim(lease.worker, orders.room, only=self._only, blames=self._blames)
            claims = self._fail_poisoned(claims) if self._blames else claims
        batches = {}
        for seq in {claim.batch for claim in claims} - self._known:
            if (batch := self._queue.batch(seq)) is not None:
                batches[seq] = batch
        self._known.update(batches)
        claims = [claim for claim in claims if claim.batch in self._known]
        only = self._store.standing(self._only) if self._only else None
        backlog = self._queue.backlog(self._only)
        return Turn(claims, batches, only, backlog, self._store.cancelling(), ended)

    def write_down(self, batch: StoredBatch, answered: list[Answered]) -> None:
        """Write result lines without waiting for the disk, from the thread of the event loop.

        A worker that is killed now leaves them to `engine.written`: what cost money is not asked for again.
        """
        if batch.seq not in self._files:
            path = self._store.results_path(batch.id)
            if not path.parent.is_dir():
                return  # it was deleted
            self._files[batch.seq] = ResultFile(path)
        places = self._files[batch.seq].write([one.line for one in answered])
        for one, place in zip(answered, places, strict=True):
            one.place = place

    def record(self, answered: list[Answered]) -> None:
        """Write result lines, then record where they stand."""
        self._queue.finish(self._append(answered))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._queue.close()

    def _close_ended(self, orders: Orders) -> list[tuple[int, StoredBatch | None]]:
        """Close the files of the batches that have ended with these orders."""
        ended = []
        for seq in {one.claim.batch for one in orders.answered} | {c.batch for c in orders.unwanted}:
            standing = self._store.standing(seq)
            if standing is None or standing.has_ended:
                ended.append((seq, self._queue.batch(seq)))
                self._known.discard(seq)
                self._queue.close_input(seq)
                if seq in self._files:
                    self._files.pop(seq).close()
        return ended

    def _append(self, answered: list[Answered]) -> list[Completion]:
        """Write result lines, durably, and give what to record; those of a deleted batch are dropped."""
        completions = []
        answered.sort(key=lambda one: one.claim.batch)
        for seq, group in groupby(answered, key=lambda one: one.claim.batch):
            lines = list(group)
            file = self._file(seq)
            if file is None:
                continue
            unwritten = [one for one in lines if one.place is None]
            if unwritten:
                for one, place in zip(unwritten, file.append([one.line for one in unwritten]), strict=True):
                    one.place = place
            else:
                file.sync()
            completions += [Completion(one.claim, one.is_good, *one.place) for one in lines if one.place]
        return completions

    def _file(self, seq: int) -> ResultFile | None:
        if seq not in self._files:
            batch = self._queue.batch(seq)
            path = self._store.results_path(batch.id) if batch is not None else None
            if path is None or not path.parent.is_dir():
                return None
            self._files[seq] = ResultFile(path)
        return self._files[seq]

    def _fail_poisoned(self, claims: list[Claim]) -> list[Claim]:
        """Fail what has killed its worker again and again; give the rest."""
        answered = []
        for claim in claims:
            batch = self._queue.batch(claim.batch) if claim.attempt > MOST_ATTEMPTS else None
            if batch is not None:
                call = parse_call(self._queue.read(claim), batch.endpoint)
                answered.append(Answered(claim, is_good=False, line=abandoned_line(batch, claim, call)))
        self.record(answered)
        return [claim for claim in claims if claim.attempt <= MOST_ATTEMPTS]
