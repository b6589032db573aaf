from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batch_cli.attempt_links import Retry
from batch_cli.shards import Shard
from batch_cli.sql import Database
from batch_cli.state import GUARD_SECONDS, SCHEMAS, Intent, Journal, NewIntent
from tests.support import FakeClock

NEW = NewIntent("local", "simulate", "/v1/c", "r.jsonl", "ab" * 32, 10, 2, None, {}, {})
AGAIN = replace(NEW, retry=Retry("local_root", 2))


@pytest.fixture
def journal(tmp_path: Path, clock: FakeClock) -> Journal:
    return Journal(tmp_path / "state", clock)


def finish(journal: Journal, intent: Intent, batch: str) -> Intent:
    return journal.move(journal.move(journal.move(intent, "staged"), "creating"), "done", batch=batch)


def test_a_link_recorded_before_its_submit_finds_it(journal: Journal) -> None:
    journal.attempts.add(AGAIN.content, Retry("local_root", 2))
    assert journal.attempts.of(["local_root"]) == []

    intent = journal.prepare(AGAIN)
    (found,) = journal.attempts.of(["local_root"])
    assert (found.submit, found.batch, found.number) == (intent.id, None, 2)

    finish(journal, intent, "local_2")
    (found,) = journal.attempts.of(["other", "local_root"])
    assert (found.batch, found.provider) == ("local_2", "local")
    assert journal.attempts.root_of("local_2") == "local_root"
    assert journal.attempts.root_of("local_root") is None
    assert journal.attempts.of(["other"]) == []


def test_the_same_requests_are_another_content_at_each_attempt(journal: Journal) -> None:
    contents = {one.content for one in (NEW, AGAIN, replace(AGAIN, retry=Retry("local_root", 3)))}
    assert len(contents) == 3

    journal.prepare(NEW)
    assert journal.same_content(AGAIN) is None


def test_a_link_made_twice_is_one(journal: Journal) -> None:
    for _ in range(2):
        journal.attempts.add(AGAIN.content, Retry("local_root", 2))
    journal.prepare(AGAIN)

    assert len(journal.attempts.of(["local_root"])) == 1


def test_a_job_is_one_attempt_and_its_parts_are_none(journal: Journal) -> None:
    journal.attempts.add(AGAIN.content, Retry("local_root", 2))
    parts = [
        (Shard(2 * n, 20 * n, 20, 2, 20, f"{n}" * 64), replace(AGAIN, sha256=f"{n}" * 64)) for n in range(2)
    ]
    job = journal.plan(AGAIN, parts)

    (found,) = journal.attempts.of(["local_root"])
    assert (found.submit, found.batch) == (job.id, job.id)
    assert journal.attempts.root_of(job.id) == "local_root"


def test_attempts_come_in_their_order_whenever_they_were_recorded(journal: Journal, clock: FakeClock) -> None:
    for number in (3, 2):
        retry = Retry("local_root", number)
        journal.attempts.add(replace(AGAIN, retry=retry).content, retry)
        finish(journal, journal.prepare(replace(AGAIN, retry=retry)), f"local_{number}")
        clock.advance(1)

    assert [one.number for one in journal.attempts.of(["local_root"])] == [2, 3]


def test_a_deleted_attempt_is_none(journal: Journal) -> None:
    journal.attempts.add(AGAIN.content, Retry("local_root", 2))
    finish(journal, journal.prepare(AGAIN), "local_2")

    journal.forget("local_2")

    assert journal.attempts.of(["local_root"]) == []


def test_the_guard_can_be_asked_to_look_back_further(journal: Journal, clock: FakeClock) -> None:
    intent = journal.prepare(NEW)
    clock.advance(GUARD_SECONDS + 1)

    assert journal.same_content(NEW) is None
    assert journal.same_content(NEW, 2 * GUARD_SECONDS) == intent


def test_a_journal_of_the_version_before_is_brought_to_the_same_schema(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "old").mkdir(mode=0o700)
    Database(tmp_path / "old" / "journal.db", SCHEMAS[:3]).close()
    schema = "select type, name, sql from sqlite_schema order by type, name"

    old, new = (Journal(tmp_path / name, clock).database.rows(schema) for name in ("old", "new"))

    assert old == new
