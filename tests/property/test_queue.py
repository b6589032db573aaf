"""The queue against a model: whatever workers do, die or sleep through, each request is finished exactly once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from batch_cli.engine.queue import LEASE_SECONDS, Claim, Completion, Lease, Queue
from batch_cli.engine.store import NewBatch, Store
from tests.support import FakeClock

KEY = "bci_" + "1f" * 16
COUNT = 12


class QueueMachine(RuleBasedStateMachine):
    """Workers join, claim, finish, leave, die and fall asleep; a batch is cancelled or not."""

    workers: Bundle[Lease] = Bundle("workers")
    claims: Bundle[Claim] = Bundle("claims")

    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="batch-cli-"))
        self.clock = FakeClock()
        self.store = Store(self.root / "engine", self.clock)
        self.queue = Queue(self.store)
        self.batch_id = self.store.stage(KEY, (b"request %d" % n for n in range(COUNT)))
        self.store.add(self.batch_id, NewBatch(KEY, "/v1/x", "m", {}, {}, COUNT))
        self.newest: dict[int, int] = {}
        self.released: set[int] = set()
        self.finished: dict[int, bytes] = {}
        self.owners: dict[tuple[int, int], int] = {}
        self.alive: set[int] = set()
        self.cancelled = False
        self.written = 0

    @rule(target=workers)
    def join(self) -> Lease:
        lease = self.queue.join()
        self.alive.add(lease.worker)
        return lease

    @rule(lease=workers, most=st.integers(1, 5), target=claims)
    def claim(self, lease: Lease, most: int) -> Claim:
        if lease.worker not in self.alive:
            return Claim(1, -1, 0, 0, 0)
        found = self.queue.claim(lease.worker, most)
        assert not (found and self.cancelled), "nothing starts after a cancel"
        for one in found:
            assert one.position not in self.finished, "nothing finished is handed out again"
            assert one.position not in self.newest or one.position in self.released, (
                "nothing is handed out twice"
            )
            assert one.attempt > self.newest.get(one.position, 0)
            assert self.queue.read(one) == b"request %d" % one.position
            self.newest[one.position] = one.attempt
            self.released.discard(one.position)
            self.owners[one.position, one.attempt] = lease.worker
        return found[0] if found else Claim(1, -1, 0, 0, 0)

    @rule(claim=claims, good=st.booleans())
    def finish(self, claim: Claim, *, good: bool) -> None:
        if claim.position < 0:
            return
        counts = (
            claim.position not in self.finished
            and claim.position not in self.released
            and self.newest[claim.position] == claim.attempt
        )
        self.written += 1
        line = b"%d by attempt %d" % (claim.position, claim.attempt)
        assert self.queue.finish([Completion(claim, good, self.written * 100, len(line))]) == int(counts)
        if counts:
            self.finished[claim.position] = line

    @rule(lease=consumes(workers))
    def leave(self, lease: Lease) -> None:
        self._gone(lease.worker)
        lease.__exit__()

    @rule(lease=consumes(workers))
    def die(self, lease: Lease) -> None:
        os.close(lease._lock)
        self.queue.rescue()
        self._gone(lease.worker)

    @rule(lease=workers)
    def renew(self, lease: Lease) -> None:
        assert lease.renew() == (lease.worker in self.alive)

    @rule()
    def everybody_sleeps_too_long(self) -> None:
        self.clock.advance(LEASE_SECONDS + 1)
        self.queue.rescue()
        for worker in list(self.alive):
            self._gone(worker)

    @precondition(lambda self: self.finished)
    @rule()
    def cancel(self) -> None:
        self.store.cancel(self.batch_id)
        self.cancelled = len(self.finished) < COUNT or self.cancelled

    def _gone(self, worker: int) -> None:
        self.alive.discard(worker)
        for (position, attempt), owner in self.owners.items():
            if owner == worker and self.newest[position] == attempt and position not in self.finished:
                self.released.add(position)

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        batch = self.store.batch(self.batch_id)
        assert batch is not None
        assert batch.completed + batch.failed == len(self.finished)
        running = len(self.newest) - len(self.finished) - len(self.released)
        assert batch.running == running
        if len(self.finished) == COUNT and not self.cancelled:
            assert batch.status == "completed"
        if self.cancelled:
            assert batch.status == ("cancelling" if running else "cancelled")

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.queue.close()
            self.store.close()
            shutil.rmtree(self.root)


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueue = QueueMachine.TestCase
