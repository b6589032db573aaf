from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batch_cli.errors import StateError
from batch_cli.state import (
    GUARD_SECONDS,
    Journal,
    NewIntent,
    read_pointer,
    remove_pointer,
    write_pointer,
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


class TestPointer:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        path = write_pointer(tmp_path, "local", "local_1")

        assert path.name == "local_batch_id.txt"
        assert path.read_bytes() == b"local_1\n"
        assert read_pointer(tmp_path, "local") == ["local_1"]

    @pytest.mark.parametrize("data", [b"batch_1", b"  batch_1 \r\n", b"\xef\xbb\xbfbatch_1\n"])
    def test_an_id_typed_in_by_hand_works(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "openai_batch_id.txt").write_bytes(data)

        assert read_pointer(tmp_path, "openai") == ["batch_1"]

    def test_no_file_is_no_id(self, tmp_path: Path) -> None:
        assert read_pointer(tmp_path, "openai") == []

    @pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe", b"a\x00b", b"../../etc", b"<html>"])
    def test_a_damaged_file_is_refused(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "openai_batch_id.txt").write_bytes(data)

        with pytest.raises(StateError, match="state file 'openai_batch_id"):
            read_pointer(tmp_path, "openai")

    def test_a_directory_in_its_place_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "openai_batch_id.txt").mkdir()

        with pytest.raises(StateError, match="cannot be read"):
            read_pointer(tmp_path, "openai")

    def test_it_is_removed_only_if_it_points_at_the_batch(self, tmp_path: Path) -> None:
        write_pointer(tmp_path, "local", "local_1")

        assert not remove_pointer(tmp_path, "local", "local_2")
        assert remove_pointer(tmp_path, "local", "local_1")
        assert not remove_pointer(tmp_path, "local", "local_1")
