"""The queue: who works at what. Leases, fencing, and the rescue of what dead workers left.

A worker claims requests under a lease that it renews while it lives; when it dies or stalls, the next
worker releases its requests. Each claim raises the request's attempt number, and only the newest attempt
may finish it: a worker that wakes up after its lease was taken over changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from batch_cli.clock import boot_id
from batch_cli.engine.store import SQL, Store, StoredBatch
from batch_cli.errors import DamagedData, disk_error
from batch_cli.files import private_directory, try_lock
from batch_cli.jsonl import dumps

LEASE_SECONDS = 30.0
"""How long a worker may be silent before others take its requests over."""
SUSPECT_ATTEMPT = 3
"""From this attempt on a request is claimed alone, so that only it is blamed if the worker dies again."""
_CARRIED = 1 << 15
"""Bytes of a request that travels with its claim; of a longer one only the place does."""
MOST_ATTEMPTS = 6
"""A request that was abandoned this often fails instead of being tried again."""


class Claim(NamedTuple):
    """A request handed to a worker: where its bytes are, and which attempt at it this is."""

    batch: int
    """The batch's number in the database."""
    position: int
    start: int
    length: int
    attempt: int
    line: bytes | None = None
    """The request itself, where it was read on the way and is small."""


class Completion(NamedTuple):
    """A finished request: where its result line stands."""

    claim: Claim
    is_good: bool
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Written:
    """An answer that stands in a result file and was not recorded."""

    position: int
    is_good: bool
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker as others see it."""

    id: int
    pid: int
    host: str
    started_at: float
    leases: int
    heartbeat_age: float


class Lease:
    """A worker's membership in the queue, renewed by hand; `Queue.join` gives it."""

    def __init__(self, queue: Queue, worker: int, lock: int, path: Path) -> None:
        """Keep the registration and the lock that the kernel frees at any death."""
        self._queue, self.worker, self._lock, self._path = queue, worker, lock, path

    def __enter__(self) -> Self:
        """Give the lease itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the queue: what was claimed and not finished goes back."""
        with contextlib.suppress(Exception):
            self._queue.leave(self.worker)
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._lock)

    def renew(self) -> bool:
        """Stay alive for another `LEASE_SECONDS`; False when others have taken everything over already."""
        return self._queue.renew(self.worker)

    def rejoin(self) -> None:
        """Start anew under another number, after others gave this worker up."""
        os.close(self._lock)
        fresh = self._queue.join()
        self.worker, self._lock, self._path = fresh.worker, fresh._lock, fresh._path  # noqa: SLF001 - its own kind


class Queue:
    """The work of a `Store`, as workers see it."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``; several queues in several processes may."""
        self.store = store
        self._inputs: dict[int, BinaryIO] = {}
        self._boot = boot_id()
        self._directory = private_directory(store.root / "workers")

    # --- membership ---

    def join(self) -> Lease:
        """Register a worker of this process."""
        clock, database = self.store.clock, self.store.database
        with database.transaction():
            row = database.row(
                SQL["add_worker"],
                {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "boot": self._boot,
                    "started_at": clock.now(),
                    "lease_until": clock.monotonic() + LEASE_SECONDS,
                },
            )
            if row is None:
                raise DamagedData("the queue did not register this worker")
            path = self._lock_path(row[0])
            # Held before the row can be seen, so that nobody takes a new worker for a dead one.
            lock = try_lock(path)
        if lock is None:
            raise DamagedData(f"the lock of worker {row[0]} is held by somebody else")
        return Lease(self, row[0], lock, path)

    def _lock_path(self, worker: int) -> Path:
        return self._directory / f"{worker}.lock"

    def renew(self, worker: int) -> bool:
        """Move the end of a worker's lease; False when the worker was given up already."""
        until = self.store.clock.monotonic() + LEASE_SECONDS
        return self.store.database.change(SQL["renew_lease"], (until, worker)) == 1

    def leave(self, worker: int) -> None:
        """Give back what a worker had claimed, and forget it."""
        with self.store.database.transaction():
            self._forget(worker)

    def _forget(self, worker: int) -> int:
        database = self.store.database
        released = database.change(SQL["release_of_worker"], (worker,))
        database.change(SQL["remove_worker"], (worker,))
        self.store.end_cancelled()
        return released

    def rescue(self) -> int:
        """Give back what dead or silent workers had claimed; give how many requests.

        Dead is who no longer holds the lock of its number, in whatever way it died; silent is who has not
        renewed its lease in time (stopped, swapped out); nobody of an earlier boot is alive.
        """
        released = 0
        for worker in self._gone():
            with self.store.database.transaction():
                released += self._forget(worker)
        return released

    def _gone(self) -> Iterator[int]:
        now = self.store.clock.monotonic()
        for worker, _pid, _host, boot, _started, until, _leases in self.store.database.rows(SQL["workers"]):
            if boot != self._boot or until < now or self._is_dead(worker):
                yield worker

    def _is_dead(self, worker: int) -> bool:
        path = self._lock_path(worker)
        lock = try_lock(path)
        if lock is None:
            return False
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(lock)
        return True

    def workers(self) -> list[WorkerFacts]:
        """Give the workers that are alive, the oldest first."""
        now = self.store.clock.monotonic()
        gone = set(self._gone())
        return [
            WorkerFacts(worker, pid, host, started, leases, max(0.0, now - until + LEASE_SECONDS))
            for worker, pid, host, _boot, started, until, leases in self.store.database.rows(SQL["workers"])
            if worker not in gone
        ]

    # --- claiming ---

    def claim(self, worker: int, most: int, *, only: str | None = None, blames: bool = True) -> list[Claim]:
        """Take up to ``most`` requests for ``worker``: what crashes left first, then fresh ones, oldest first.

        ``only`` names the one batch to work at; without it, live batches are left to their own workers.
        A suspect request comes alone, unless nobody ``blames`` it. Empty when nothing waits.
        """
        # A claim that a power cut loses was made by a worker that is gone, too.
        with self.store.database.transaction(waits_for_disk=False):
            claims = self._claim_released(worker, most, only, blames=blames)
            if not claims:
                claims = self._claim_fresh(worker, most, only)
        return claims

    def _claim_released(self, worker: int, most: int, only: str | None, *, blames: bool) -> list[Claim]:
        database = self.store.database
        claims: list[Claim] = []
        for batch, position, start, length, attempt in database.rows(
            SQL["released_requests"], {"only": only, "most": most}
        ):
            if not self._open_or_fail(batch):
                continue
            claim = Claim(batch, position, start, length, attempt + 1)
            is_suspect = blames and claim.attempt >= SUSPECT_ATTEMPT
            if is_suspect and claims:
                break
            claims.append(claim)
            if is_suspect:
                break
        database.change_many(
            SQL["claim_released"],
            ({"worker": worker, "batch": c.batch, "position": c.position} for c in claims),
        )
        return claims

    def _claim_fresh(self, worker: int, most: int, only: str | None) -> list[Claim]:
        claims: list[Claim] = []
        for seq, index, offset, total in self.store.database.rows(SQL["open_batches"], {"only": only}):
            room = most - len(claims)
            if room <= 0:
                break
            if index < total and self._open_or_fail(seq):
                claims += self._claim_range(worker, seq, (index, offset), min(room, total - index))
        return claims

    def _claim_range(self, worker: int, seq: int, start: tuple[int, int], count: int) -> list[Claim]:
        """Claim the next ``count`` requests of a batch from ``start``: position and offset in its input."""
        database = self.store.database
        fresh = list(self._next_lines(seq, *start, count))
        if len(fresh) < count:
            self.store.fail(seq, f"its stored input ends after {start[0] + len(fresh):,} requests")
            return []
        last = fresh[-1]
        lines = dumps([(c.start, c.length) for c in fresh]).decode()
        database.change(
            SQL["claim_fresh"], {"batch": seq, "first": start[0], "worker": worker, "lines": lines}
        )
        database.change(
            SQL["advance_batch"],
            {
                "seq": seq,
                "was": start[0],
                "next_index": last.position + 1,
                "next_offset": last.start + last.length + 1,
                "now": self.store.clock.now(),
            },
        )
        return fresh

    def _next_lines(self, seq: int, index: int, offset: int, count: int) -> Iterator[Claim]:
        stream = self._inputs[seq]
        stream.seek(offset)
        for position in range(index, index + count):
            line = stream.readline()
            if not line.endswith(b"\n"):
                return
            small = line[:-1] if len(line) <= _CARRIED else None
            yield Claim(seq, position, offset, len(line) - 1, 1, small)
            offset += len(line)

    def batch(self, seq: int) -> StoredBatch | None:
        """Give the batch of a claim as it stands now; None when it was deleted meanwhile."""
        row = self.store.database.row(SQL["batch_id"], (seq,))
        return self.store.batch(row[0]) if row else None

    def _open_or_fail(self, seq: int) -> bool:
        """Make the requests of a batch readable; a batch whose input is gone fails. Inside a transaction."""
        if seq in self._inputs:
            return True
        batch = self.batch(seq)
        if batch is None:
            return False
        path = self.store.input_path(batch.id)
        try:
            self._inputs[seq] = path.open("rb", buffering=1 << 20)
        except FileNotFoundError:
            self.store.fail(seq, "its stored input is gone")
            return False
        except OSError as error:
            raise disk_error(error, path, doing="reading") from error
        return True

    def close_input(self, seq: int) -> None:
        """Close the input of a batch that has ended."""
        stream = self._inputs.pop(seq, None)
        if stream is not None:
            stream.close()

    def backlog(self, only: str | None = None) -> int:
        """Count the requests that nobody has claimed yet."""
        open_batches = self.store.database.rows(SQL["open_batches"], {"only": only})
        return sum(total - index for _, index, _, total in open_batches)

    def read(self, claim: Claim) -> bytes:
        """Give the request line of a claim of this queue."""
        if claim.line is not None:
            return claim.line
        return os.pread(self._inputs[claim.batch].fileno(), claim.length, claim.start)

    # --- finishing ---

    def finish(self, completions: Iterable[Completion]) -> int:
        """Record finished requests, all or none, and give how many counted.

        The others had been taken over by somebody else, or their batch is gone; their lines stay unused.
        """
        database = self.store.database
        counted = 0
        groups: dict[tuple[int, bool], list[Completion]] = {}
        for done in completions:
            groups.setdefault((done.claim.batch, done.is_good), []).append(done)
        now = self.store.clock.now()
        with database.transaction():
            finished: dict[int, Counter[str]] = {}
            for (batch, is_good), group in groups.items():
                state = "completed" if is_good else "failed"
                places = [(batch, c.claim.position, c.claim.attempt, c.start, c.length) for c in group]
                accepted = database.change(SQL["finish"], {"state": state, "done": dumps(places).decode()})
                finished.setdefault(batch, Counter())[state] += accepted
                counted += accepted
            for batch, counts in finished.items():
                database.change(
                    SQL["count_finished"],
                    {"seq": batch, "completed": counts["completed"], "failed": counts["failed"]},
                )
                database.change(SQL["complete_batch"], {"seq": batch, "now": now})
                database.change(SQL["end_cancelled"], {"seq": batch, "now": now})
        return counted

    def recorded_until(self, seq: int) -> int:
        """Give where the last recorded line of a batch ends in its result file."""
        row = self.store.database.row(SQL["recorded_until"], (seq,))
        return row[0] if row else 0

    def adopt(self, seq: int, written: Iterable[Written]) -> int:
        """Record answers that a dead worker wrote down, of requests that nobody works at; give how many counted."""
        lines = list(written)
        counts = {}
        with self.store.database.transaction():
            for is_good, state in ((True, "completed"), (False, "failed")):
                group = [one for one in lines if one.is_good is is_good]
                places = ((state, one.start, one.length, seq, one.position) for one in group)
                counts[state] = self.store.database.change_many(SQL["adopt"], places)
            self.store.database.change(SQL["count_finished"], {"seq": seq, **counts})
            self.store.database.change(SQL["complete_batch"], {"seq": seq, "now": self.store.clock.now()})
        return sum(counts.values())

    def release(self, claims: Iterable[Claim]) -> None:
        """Give claims back that were not begun, and never will be: they count as no attempt."""
        with self.store.database.transaction():
            self.store.database.change_many(
                SQL["release_one"], ((c.batch, c.position, c.attempt) for c in claims)
            )
            self.store.end_cancelled()

    def close(self) -> None:
        """Close the input files."""
        for seq in list(self._inputs):
            self.close_input(seq)
