from __future__ import annotations

import os
from pathlib import Path

import pytest

from batch_cli.engine.queue import Completion, Queue
from batch_cli.engine.store import NewBatch, ResultFile, Store
from batch_cli.errors import DamagedData, DiskError
from tests.support import FakeClock

KEY = "bci_" + "1f" * 16


def new(total: int, key: str = KEY) -> NewBatch:
    return NewBatch(key, "/v1/chat/completions", "simulate", {"seed": 1}, {"k": "v"}, total)


def add(store: Store, lines: list[bytes], key: str = KEY) -> str:
    batch_id = store.stage(key, iter(lines))
    store.add(batch_id, new(len(lines), key))
    return batch_id


def finish_all(store: Store, batch_id: str, *, bad: tuple[int, ...] = ()) -> None:
    """Finish every request of a batch, the last one first."""
    queue = Queue(store)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 1_000, only=batch_id)[::-1]
        file = ResultFile(store.results_path(batch_id))
        places = file.append([b"result %d" % claim.position for claim in claims])
        queue.finish(
            Completion(claim, claim.position not in bad, start, length)
            for claim, (start, length) in zip(claims, places, strict=True)
        )
        file.close()
    queue.close()


def test_a_staged_input_is_kept_byte_for_byte(store: Store) -> None:
    batch_id = store.stage(KEY, iter([b'{"a":18446744073709551616}', "ü\u2028".encode()]))

    assert store.input_path(batch_id).read_bytes() == b'{"a":18446744073709551616}\n' + "ü\u2028\n".encode()


def test_staging_again_replaces_the_first_try(store: Store) -> None:
    first = store.stage(KEY, iter([b"long first try", b"second"]))
    second = store.stage(KEY, iter([b"x"]))

    assert first == second
    assert store.input_path(second).read_bytes() == b"x\n"


def test_the_same_key_never_makes_two_batches(store: Store) -> None:
    batch_id = add(store, [b"{}"])

    again = store.add(batch_id, new(1))

    assert again.id == batch_id
    assert store.find(KEY) == again
    assert store.find("bci_other") is None


def test_a_batch_starts_with_nothing_done(store: Store, clock: FakeClock) -> None:
    batch = store.batch(add(store, [b"{}", b"{}"]))

    assert batch is not None
    assert (batch.status, batch.total, batch.completed, batch.failed, batch.running) == (
        "in_progress",
        2,
        0,
        0,
        0,
    )
    assert (batch.created_at, batch.started_at, batch.has_ended) == (clock.now(), None, False)
    assert (batch.settings, batch.metadata) == ({"seed": 1}, {"k": "v"})


def test_results_come_in_input_order_whatever_the_order_of_finishing(store: Store) -> None:
    batch_id = add(store, [b"%d" % n for n in range(5)])
    finish_all(store, batch_id, bad=(2,))

    batch = store.batch(batch_id)
    assert batch is not None
    assert (batch.status, batch.completed, batch.failed) == ("completed", 4, 1)
    assert [(r.position, r.is_good, r.line) for r in store.results(batch)] == [
        (n, n != 2, b"result %d" % n) for n in range(5)
    ]


def test_a_result_file_that_lost_its_end_is_noticed(store: Store) -> None:
    batch_id = add(store, [b"{}", b"{}"])
    finish_all(store, batch_id)
    os.truncate(store.results_path(batch_id), 3)

    batch = store.batch(batch_id)
    assert batch is not None
    with pytest.raises(DamagedData, match="cut off"):
        list(store.results(batch))


def test_deleting_removes_the_batch_its_files_and_nothing_else(store: Store) -> None:
    kept = add(store, [b"{}"], "bci_" + "2e" * 16)
    batch_id = add(store, [b"{}"])
    finish_all(store, batch_id)

    assert store.delete(batch_id)
    assert not store.delete(batch_id)

    assert store.batch(batch_id) is None
    assert not store.input_path(batch_id).parent.exists()
    assert store.input_path(kept).exists()
    assert store.database.row("select count(*) from request") == (0,)


def test_an_id_that_is_a_path_deletes_nothing_outside(store: Store, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()

    store.delete("../../precious")

    assert (tmp_path / "precious").exists()


def test_cancelling_keeps_what_is_finished_and_starts_nothing_more(store: Store) -> None:
    batch_id = add(store, [b"{}"] * 3)

    cancelled = store.cancel(batch_id)

    assert cancelled is not None
    assert (cancelled.status, cancelled.has_ended) == ("cancelled", True)
    queue = Queue(store)
    with queue.join() as lease:
        assert queue.claim(lease.worker, 10) == []
    queue.close()


def test_cancelling_an_ended_batch_changes_nothing(store: Store) -> None:
    batch_id = add(store, [b"{}"])
    finish_all(store, batch_id)

    cancelled = store.cancel(batch_id)

    assert cancelled is not None
    assert cancelled.status == "completed"
    assert store.cancel("local_nobody") is None


def test_totals_count_over_all_batches(store: Store) -> None:
    finish_all(store, add(store, [b"{}"] * 3), bad=(0,))
    add(store, [b"{}"] * 4, "bci_" + "2e" * 16)

    assert store.totals() == (4, 2, 1, 0)
    assert store.has_claimable()


class TestResultFile:
    def test_two_writers_know_where_their_own_lines_landed(self, tmp_path: Path) -> None:
        path = tmp_path / "results.jsonl"
        one, two = ResultFile(path), ResultFile(path)

        places = [*one.append([b"aa", b"b"]), *two.append([b"cccc"]), *one.append([b"d"])]

        data = path.read_bytes()
        assert [data[start : start + length] for start, length in places] == [b"aa", b"b", b"cccc", b"d"]
        one.close()
        two.close()

    def test_a_short_write_is_started_anew(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real, calls = os.write, 0

        def short(descriptor: int, data: bytes) -> int:
            nonlocal calls
            calls += 1
            return real(descriptor, data[:3] if calls == 1 else data)

        file = ResultFile(tmp_path / "r")
        monkeypatch.setattr(os, "write", short)
        ((start, length),) = file.append([b"abcdef"])
        monkeypatch.undo()

        assert (tmp_path / "r").read_bytes()[start : start + length] == b"abcdef"
        file.close()

    def test_a_full_disk_is_a_disk_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_descriptor: int, _data: bytes) -> int:
            raise OSError(28, "No space left on device")

        file = ResultFile(tmp_path / "r")
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(DiskError, match="no space left"):
            file.append([b"x"])
        file.close()
