from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from batch_cli.engine.queue import LEASE_SECONDS, MOST_ATTEMPTS, SUSPECT_ATTEMPT, Claim, Completion, Queue
from batch_cli.engine.store import NewBatch, Store
from tests.support import FakeClock

KEY = "bci_" + "1f" * 16


@pytest.fixture
def queue(store: Store) -> Iterator[Queue]:
    opened = Queue(store)
    yield opened
    opened.close()


def add(store: Store, count: int, key: str = KEY) -> str:
    batch_id = store.stage(key, (b"request %d" % n for n in range(count)))
    store.add(batch_id, NewBatch(key, "/v1/chat/completions", "simulate", {}, {}, count))
    return batch_id


def done(claims: list[Claim], *, good: bool = True) -> list[Completion]:
    return [Completion(claim, good, 10 * claim.position, 9) for claim in claims]


def positions(claims: list[Claim]) -> list[int]:
    return [claim.position for claim in claims]


def test_requests_are_claimed_once_in_order_with_their_bytes(store: Store, queue: Queue) -> None:
    add(store, 5)
    with queue.join() as one, queue.join() as two:
        first, second, third = (
            queue.claim(one.worker, 2),
            queue.claim(two.worker, 2),
            queue.claim(one.worker, 9),
        )

        assert [positions(claims) for claims in (first, second, third)] == [[0, 1], [2, 3], [4]]
        assert [queue.read(claim) for claim in third] == [b"request 4"]
        assert queue.claim(two.worker, 9) == []


def test_older_batches_come_first_and_one_can_be_chosen(store: Store, queue: Queue) -> None:
    add(store, 2)
    other = add(store, 2, "bci_" + "2e" * 16)
    with queue.join() as lease:
        assert positions(queue.claim(lease.worker, 1, only=other)) == [0]
        claims = queue.claim(lease.worker, 9)

    assert [(claim.batch, claim.position) for claim in claims] == [(1, 0), (1, 1), (2, 1)]


def test_a_batch_ends_with_its_last_request(store: Store, queue: Queue) -> None:
    batch_id = add(store, 3)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 9)
        assert queue.finish(done(claims[:2])) == 2
        assert queue.finish(done(claims[2:], good=False)) == 1

    batch = store.batch(batch_id)
    assert batch is not None
    assert (batch.status, batch.completed, batch.failed) == ("completed", 2, 1)


def test_a_result_counts_once_however_often_it_is_handed_in(store: Store, queue: Queue) -> None:
    batch_id = add(store, 2)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 9)
        queue.finish(done(claims[:1]))

        assert queue.finish(done(claims[:1])) == 0

    batch = store.batch(batch_id)
    assert batch is not None
    assert batch.completed == 1


def test_leaving_gives_back_what_was_not_finished(store: Store, queue: Queue) -> None:
    add(store, 4)
    with queue.join() as lease:
        queue.finish(done(queue.claim(lease.worker, 4)[:1]))

    with queue.join() as lease:
        again = queue.claim(lease.worker, 9)
    assert positions(again) == [1, 2, 3]
    assert {claim.attempt for claim in again} == {2}


def test_a_silent_worker_is_given_up_after_its_lease(store: Store, queue: Queue, clock: FakeClock) -> None:
    add(store, 3)
    silent = queue.join()
    stale = queue.claim(silent.worker, 9)

    clock.advance(LEASE_SECONDS - 1)
    assert queue.rescue() == 0
    clock.advance(2)
    assert queue.rescue() == 3

    with queue.join() as lease:
        fresh = queue.claim(lease.worker, 9)
        assert queue.finish(done(stale)) == 0, "a worker that wakes up late changes nothing"
        assert queue.finish(done(fresh)) == 3
        assert not silent.renew()
        silent.rejoin()
        assert silent.renew()
    silent.__exit__()


def test_a_dead_worker_is_given_up_at_once(store: Store, queue: Queue) -> None:
    add(store, 2)
    lease = queue.join()
    queue.claim(lease.worker, 9)

    os.close(lease._lock)  # what the kernel does when a process dies

    assert queue.rescue() == 2
    assert queue.workers() == []


def test_nobody_of_an_earlier_boot_is_alive(store: Store, queue: Queue) -> None:
    add(store, 2)
    lease = queue.join()
    queue.claim(lease.worker, 9)
    store.database.change("update worker set boot = 'another'")

    assert queue.rescue() == 2
    lease.__exit__()


def test_living_workers_are_listed(store: Store, queue: Queue, clock: FakeClock) -> None:
    add(store, 3)
    with queue.join() as lease:
        queue.claim(lease.worker, 2)
        clock.advance(5)

        (worker,) = queue.workers()

    assert (worker.pid, worker.leases, worker.heartbeat_age) == (os.getpid(), 2, 5.0)


def test_a_suspect_request_is_claimed_alone(store: Store, queue: Queue) -> None:
    add(store, 3)
    for _ in range(SUSPECT_ATTEMPT - 1):
        with queue.join() as lease:
            queue.claim(lease.worker, 2)

    with queue.join() as lease:
        first, second, third = (queue.claim(lease.worker, 9) for _ in range(3))

    assert [positions(claims) for claims in (first, second, third)] == [[0], [1], [2]]
    assert first[0].attempt == SUSPECT_ATTEMPT < MOST_ATTEMPTS


def test_cancelling_waits_for_what_runs_and_keeps_it(store: Store, queue: Queue) -> None:
    batch_id = add(store, 5)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 2)
        cancelling = store.cancel(batch_id)
        assert cancelling is not None
        assert (cancelling.status, cancelling.running) == ("cancelling", 2)

        assert queue.claim(lease.worker, 9) == []
        queue.finish(done(claims))

    batch = store.batch(batch_id)
    assert batch is not None
    assert (batch.status, batch.completed) == ("cancelled", 2)


def test_a_dead_worker_does_not_hold_up_a_cancel(store: Store, queue: Queue) -> None:
    batch_id = add(store, 5)
    lease = queue.join()
    queue.claim(lease.worker, 2)
    store.cancel(batch_id)

    os.close(lease._lock)
    queue.rescue()

    batch = store.batch(batch_id)
    assert batch is not None
    assert batch.status == "cancelled"


def test_claims_can_be_given_back(store: Store, queue: Queue) -> None:
    add(store, 2)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 2)
        queue.release(claims[1:])

        assert positions(queue.claim(lease.worker, 9)) == [1]


def test_a_batch_whose_input_lost_its_end_fails_and_holds_nobody_up(store: Store, queue: Queue) -> None:
    damaged = add(store, 3)
    add(store, 2, "bci_" + "2e" * 16)
    os.truncate(store.input_path(damaged), 12)

    with queue.join() as lease:
        assert [claim.batch for claim in queue.claim(lease.worker, 9)] == [2, 2]

    batch = store.batch(damaged)
    assert batch is not None
    assert (batch.status, batch.error) == ("failed", "its stored input ends after 1 requests")


def test_a_batch_whose_input_is_gone_fails(store: Store, queue: Queue) -> None:
    batch_id = add(store, 3)
    store.input_path(batch_id).unlink()

    with queue.join() as lease:
        assert queue.claim(lease.worker, 9) == []

    batch = store.batch(batch_id)
    assert batch is not None
    assert (batch.status, batch.has_ended) == ("failed", True)


def test_the_backlog_counts_what_was_never_claimed(store: Store, queue: Queue) -> None:
    add(store, 5)
    with queue.join() as lease:
        queue.claim(lease.worker, 2)

        assert queue.backlog() == 3


def test_a_deleted_batch_is_no_longer_there_for_its_worker(store: Store, queue: Queue) -> None:
    batch_id = add(store, 2)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 2)
        store.delete(batch_id)

        assert queue.finish(done(claims)) == 0
        assert queue.batch(claims[0].batch) is None
