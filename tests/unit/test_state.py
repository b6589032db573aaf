from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batch_cli.errors import DiskError, StateError
from batch_cli.shards import Shard
from batch_cli.sql import Database
from batch_cli.state import (
    GUARD_SECONDS,
    SQL,
    Intent,
    JobPlace,
    Journal,
    NewIntent,
)
from tests.support import FakeClock

NEW = NewIntent(
    provider="local",
    model="simulate",
    endpoint="/v1/chat/completions",
    source="requests.jsonl",
    sha256="ab" * 32,
    bytes=10,
    requests=2,
    response_schema={"type": "object"},
    settings={"seed": 1},
    metadata={"k": "v"},
)


@pytest.fixture
def journal(tmp_path: Path, clock: FakeClock) -> Journal:
    return Journal(tmp_path / "state", clock)


class TestJournal:
    def test_an_intent_goes_through_its_states_and_leaves_its_history(self, journal: Journal) -> None:
        intent = journal.prepare(NEW)
        assert (intent.state, intent.response_schema, intent.settings) == (
            "prepared",
            {"type": "object"},
            {"seed": 1},
        )

        intent = journal.move(intent, "staged", staged="s1")
        intent = journal.move(intent, "creating")
        intent = journal.move(intent, "done", batch="local_1", status="queued")

        assert (intent.staged, intent.batch, intent.status) == ("s1", "local_1", "queued")
        events = journal.database.rows("select state, detail from event order by seq")
        assert events == [
            ("prepared", "requests.jsonl"),
            ("staged", "s1"),
            ("creating", None),
            ("done", "local_1"),
        ]

    def test_a_state_can_be_left_only_once(self, journal: Journal) -> None:
        intent = journal.prepare(NEW)
        journal.move(intent, "staged")

        with pytest.raises(StateError, match="another batch-cli"):
            journal.move(intent, "staged")

    def test_done_needs_a_batch(self, journal: Journal) -> None:
        import sqlite3

        with pytest.raises(sqlite3.IntegrityError):
            journal.move(journal.prepare(NEW), "done")

    def test_the_same_content_is_recognised_for_a_day(self, journal: Journal, clock: FakeClock) -> None:
        intent = journal.prepare(NEW)

        clock.advance(GUARD_SECONDS - 1)
        assert journal.same_content(NEW) == intent
        clock.advance(2)
        assert journal.same_content(NEW) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"provider": "openai"},
            {"model": "x"},
            {"endpoint": "/v1/e"},
            {"sha256": "cd" * 32},
            {"settings": {}},
        ],
    )
    def test_what_is_sent_and_where_to_make_the_content(
        self, journal: Journal, change: dict[str, object]
    ) -> None:
        journal.prepare(NEW)

        assert journal.same_content(replace(NEW, **change)) is None  # type: ignore[arg-type]  # one field each

    @pytest.mark.parametrize("change", [{"source": "other.jsonl"}, {"metadata": {}}])
    def test_names_do_not(self, journal: Journal, change: dict[str, object]) -> None:
        journal.prepare(NEW)

        assert journal.same_content(replace(NEW, **change)) is not None  # type: ignore[arg-type]  # one field each

    def test_batches_are_listed_newest_first_and_unfinished_ones_not(
        self, journal: Journal, clock: FakeClock
    ) -> None:
        for at in range(3):
            intent = journal.move(journal.prepare(NEW), "staged")
            journal.move(journal.move(intent, "creating"), "done", batch=f"local_{at}")
            clock.advance(1)
        journal.prepare(NEW)

        assert [i.batch for i in journal.newest(most=9)] == ["local_2", "local_1", "local_0"]
        assert [i.batch for i in journal.newest("local", most=1, skip=1)] == ["local_1"]
        assert journal.newest("openai") == []

    def test_a_deleted_batch_is_forgotten_but_its_history_stays(self, journal: Journal) -> None:
        intent = journal.move(journal.move(journal.prepare(NEW), "staged"), "creating")
        journal.move(intent, "done", batch="local_1")

        journal.forget("local_1")
        journal.forget("local_1")

        assert journal.by_batch("local_1") is None
        assert journal.same_content(NEW) is None
        assert journal.database.row("select state from event order by seq desc limit 1") == ("deleted",)


def a_plan(count: int = 3) -> list[tuple[Shard, NewIntent]]:
    return [
        (Shard(2 * n, 20 * n, 20, 2, 20, f"{n}" * 64), replace(NEW, sha256=f"{n}" * 64)) for n in range(count)
    ]


def finish(journal: Journal, intent: Intent, batch: str) -> Intent:
    return journal.move(
        journal.move(journal.move(intent, "staged"), "creating"), "done", batch=batch, status="queued"
    )


class TestJobs:
    def test_a_job_is_recorded_with_all_its_shards_at_once(self, journal: Journal) -> None:
        job = journal.plan(NEW, a_plan())

        assert job.id.startswith("bcj_")
        assert (job.shards, job.requests, job.content) == (3, NEW.requests, NEW.content)
        assert journal.job(job.id) == job
        shards = journal.shards_of(job.id)
        assert [(one.number, one.shard) for one in shards] == [
            (at, shard) for at, (shard, _) in enumerate(a_plan(), start=1)
        ]
        assert [one.intent.state for one in shards if one.intent] == ["prepared"] * 3
        assert journal.newest() == [], "nothing of it is a batch yet"

    def test_a_plan_that_fails_half_way_leaves_nothing(self, journal: Journal) -> None:
        import sqlite3

        broken = [*a_plan(2), (replace(a_plan()[0][0], requests=None), NEW)]  # type: ignore[arg-type]  # on purpose

        with pytest.raises(sqlite3.IntegrityError):
            journal.plan(NEW, broken)
        for table in ("job", "shard", "intent", "event"):
            assert journal.database.row(f"select count(*) from {table}") == (0,)

    def test_the_same_job_is_recognised_for_a_day(self, journal: Journal, clock: FakeClock) -> None:
        job = journal.plan(NEW, a_plan())

        clock.advance(GUARD_SECONDS - 1)
        assert journal.same_job(NEW) == job
        assert journal.same_job(replace(NEW, model="x")) is None
        clock.advance(2)
        assert journal.same_job(NEW) is None

    def test_a_shard_that_was_submitted_before_keeps_that_submit(self, journal: Journal) -> None:
        known, lost = (finish(journal, journal.prepare(a_plan()[n][1]), f"local_{n}") for n in (0, 1))

        job = journal.plan(NEW, a_plan(), lost={lost.id})

        intents = [one.intent for one in journal.shards_of(job.id)]
        assert intents[0] == known
        assert [one.state for one in intents if one] == ["done", "prepared", "prepared"]
        anew = [one.intent for one in journal.shards_of(journal.plan(NEW, a_plan(), again=True).id)]
        assert [one.state for one in anew if one] == ["prepared"] * 3

    def test_a_batch_knows_its_place_in_the_newest_job(self, journal: Journal, clock: FakeClock) -> None:
        job = journal.plan(NEW, a_plan())
        second = journal.shards_of(job.id)[1].intent
        assert second is not None
        finish(journal, second, "local_2")
        assert journal.job_of("local_2") == JobPlace(job.id, 2, 3)
        assert journal.job_of("local_9") is None

        clock.advance(1)
        newer = journal.plan(NEW, a_plan()[1:])

        assert journal.job_of("local_2") == JobPlace(newer.id, 1, 2)

    def test_a_lost_shard_is_replaced_only_by_whoever_saw_it(self, journal: Journal) -> None:
        job = journal.plan(NEW, a_plan())
        seen = journal.shards_of(job.id)[0]

        fresh = journal.replace(job, seen, a_plan()[0][1])

        assert journal.shards_of(job.id)[0].intent == fresh
        with pytest.raises(StateError, match="another batch-cli works at the job"):
            journal.replace(job, seen, a_plan()[0][1])
        assert len(journal.database.rows("select 1 from intent")) == 4, "the refused one left no intent"

    def test_a_deleted_batch_leaves_its_place_empty_and_the_last_one_takes_the_job_along(
        self, journal: Journal
    ) -> None:
        job = journal.plan(NEW, a_plan(2))
        for one in journal.shards_of(job.id):
            assert one.intent is not None
            finish(journal, one.intent, f"local_{one.number}")

        journal.forget("local_1")
        assert [one.intent is None for one in journal.shards_of(job.id)] == [True, False]
        journal.forget("local_2")
        assert journal.job(job.id) is None
        assert journal.shards_of(job.id) == []


class TestUnfinishedBusiness:
    def test_what_is_not_done_is_listed_the_oldest_first(self, journal: Journal, clock: FakeClock) -> None:
        first = journal.prepare(NEW)
        clock.advance(1)
        second = journal.move(journal.prepare(NEW), "staged", staged="s2")
        finish(journal, journal.prepare(NEW), "local_1")

        assert [one.id for one in journal.open_intents()] == [first.id, second.id]

    def test_a_discarded_submit_is_gone_but_still_known(self, journal: Journal) -> None:
        intent = journal.prepare(NEW)

        journal.discard(intent)

        assert journal.open_intents() == []
        assert journal.same_content(NEW) is None
        assert journal.is_known(intent.id)
        assert not journal.is_known("bci_nobody")

    def test_a_submit_that_has_its_batch_meanwhile_is_not_discarded(self, journal: Journal) -> None:
        intent = journal.prepare(NEW)
        finish(journal, intent, "local_1")

        with pytest.raises(StateError, match="another batch-cli works at the submit"):
            journal.discard(intent)

        assert journal.by_batch("local_1") is not None

    def test_when_a_batch_was_created_is_known(self, journal: Journal, clock: FakeClock) -> None:
        intent = journal.prepare(NEW)
        clock.advance(60)
        finish(journal, intent, "local_1")

        assert journal.done_at("local_1") == clock.now()
        assert journal.done_at("nobody") is None

    def test_a_stopped_job_is_stopped_until_it_is_resumed(self, journal: Journal, clock: FakeClock) -> None:
        job = journal.plan(NEW, a_plan(), at_once=2)
        assert (job.at_once, job.stopped_at) == (2, None)

        journal.stop(job)
        stopped = journal.job(job.id)
        assert stopped is not None
        assert stopped.stopped_at == clock.now()

        resumed = journal.resume(job, 5)
        assert (resumed.at_once, resumed.stopped_at) == (5, None)
        assert journal.resume(job, None).at_once == 5


class TestAccount:
    def test_another_account_is_another_content(self) -> None:
        assert replace(NEW, account="a").content != replace(NEW, account="b").content
        assert replace(NEW, account="a").content != NEW.content

    def test_a_fingerprint_is_the_same_for_the_same_key_and_address_only(self, journal: Journal) -> None:
        one = journal.fingerprint("https://a.example", "sk-1")

        assert one == journal.fingerprint("https://a.example", "sk-1")
        assert one != journal.fingerprint("https://b.example", "sk-1")
        assert one != journal.fingerprint("https://a.example", "sk-2")

    def test_a_fingerprint_of_one_machine_says_nothing_on_another(
        self, journal: Journal, tmp_path: Path, clock: FakeClock
    ) -> None:
        other = Journal(tmp_path / "elsewhere", clock)

        assert journal.fingerprint("u", "k") != other.fingerprint("u", "k")
        assert journal.fingerprint("u", "k") == Journal(tmp_path / "state", clock).fingerprint("u", "k")


class TestSchema:
    def test_a_journal_of_the_first_version_is_brought_up_to_date(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        (tmp_path / "old").mkdir(mode=0o700)
        old = Database(tmp_path / "old" / "journal.db", [SQL["schema_1"]])
        old.change(
            "insert into intent values ('bci_1', 'c', 'local', 'simulate', '/v1', 'r', 's', 1, 1, null, '{}',"
            " '{}', 'done', 's', 'local_1', 'queued', 1.0)"
        )
        old.close()

        journal = Journal(tmp_path / "old", clock)

        found = journal.by_batch("local_1")
        assert found is not None
        assert found.id == "bci_1"
        assert journal.plan(NEW, a_plan()).shards == 3
        fresh = Journal(tmp_path / "fresh", clock)
        assert found.account == ""
        schema = "select sql from sqlite_schema order by name"
        assert journal.database.rows(schema) == fresh.database.rows(schema)

    def test_an_older_version_refuses_a_journal_with_jobs(self, tmp_path: Path, clock: FakeClock) -> None:
        Journal(tmp_path / "state", clock)

        with pytest.raises(DiskError, match="made by a newer version of batch-cli"):
            Database(tmp_path / "state" / "journal.db", [SQL["schema_1"]])
