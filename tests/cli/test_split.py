"""One job of several batches: submitted with --split, and one thing for every command after that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_cli.results import manifest_path
from tests.conftest import Cli
from tests.support import chat, read_lines, structured, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "local/simulate")
SPLIT = (*SUBMIT, "--split-requests", "4")


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(10)])


def ids(tmp_path: Path) -> list[str]:
    return (tmp_path / "local_batch_id.txt").read_text().split()


@pytest.mark.usefixtures("requests")
class TestSubmit:
    def test_the_status_of_very_many_batches_shows_twenty_and_counts_the_rest(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", "Hi") for n in range(23)])
        cli(*SUBMIT, "--split-requests", "1")

        shown = cli("status").out

        assert "Batch 20 of 23" in shown
        assert "Batch 21 of 23" not in shown
        assert "3 more batches\t3 queued" in shown

    def test_it_prints_and_saves_one_id_on_a_line(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*SPLIT)

        assert done.code == 0
        assert len(done.out.splitlines()) == 3
        assert ids(tmp_path) == done.out.splitlines()
        assert ": 3 batches" in done.err
        assert "Batch IDs saved to local_batch_id.txt" in done.err
        totals = [cli("status", one, "--json").json["batch"]["counts"]["total"] for one in ids(tmp_path)]
        assert totals == [4, 4, 2]

    def test_bytes_split_too_and_both_limits_hold(self, cli: Cli, tmp_path: Path) -> None:
        size = max(len(line) + 1 for line in (tmp_path / "r.jsonl").read_text().splitlines())

        assert len(cli(*SUBMIT, "--split-bytes", str(5 * size)).out.splitlines()) == 2
        both = cli(*SUBMIT, "--split-bytes", str(5 * size), "--split-requests", "3", "--again")
        assert len(both.out.splitlines()) == 4

    def test_a_file_that_fits_is_an_ordinary_batch(self, cli: Cli) -> None:
        first = cli(*SUBMIT, "--split")

        assert len(first.out.splitlines()) == 1
        assert cli(*SUBMIT).out == first.out
        assert cli(*SUBMIT, "--json").json["batch"]["job"] is None

    def test_a_request_that_is_alone_too_large_is_refused_before_anything_is_sent(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        done = cli(*SUBMIT, "--split-bytes", "60")

        assert (done.code, done.out) == (3, "")
        assert "r.jsonl:1: error[E403]: request too large" in done.err
        assert "r.jsonl:10: error[E403]" in done.err
        assert cli("list").out == ""
        assert not (tmp_path / "local_batch_id.txt").exists()

    def test_the_document_has_the_job_and_its_batches(self, cli: Cli, tmp_path: Path) -> None:
        document = cli(*SPLIT, "--json").json

        job = document["batch"]["id"]
        assert job.startswith("bcj_")
        assert (document["batch"]["job"], document["batch"]["shard"], document["batch"]["shards"]) == (
            job,
            None,
            3,
        )
        assert document["batch"]["counts"]["total"] == 10
        assert [(one["id"], one["job"], one["shard"], one["shards"]) for one in document["batches"]] == [
            (name, job, at, 3) for at, name in enumerate(ids(tmp_path), start=1)
        ]
        assert document["intent"] is None

    def test_the_same_content_is_the_same_job_however_it_is_asked_for(self, cli: Cli) -> None:
        first = cli(*SPLIT)

        for words in (SPLIT, (*SUBMIT, "--split-requests", "2"), (*SUBMIT, "--split"), SUBMIT):
            again = cli(*words)
            assert again.out == first.out
            assert "already submitted as bcj_" in again.err
        assert len(cli("list").out.splitlines()) == 3
        assert not set(cli(*SPLIT, "--again").out.split()) & set(first.out.split())

    def test_what_was_submitted_as_one_batch_is_not_submitted_again_in_parts(self, cli: Cli) -> None:
        first = cli(*SUBMIT).out

        assert cli(*SPLIT).out == first

    def test_a_longer_file_sends_only_what_is_new(self, cli: Cli, tmp_path: Path) -> None:
        first = cli(*SPLIT).out.split()
        write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(13)])

        done = cli(*SPLIT)

        assert done.out.split()[:2] == first[:2]
        assert "2 of the 4 batches had been submitted before" in done.err
        assert len(set(done.out.split())) == 4
        assert cli("wait").code == 0
        assert cli("results", "-o", "out.jsonl").code == 0
        assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == [
            f"r{n}" for n in range(13)
        ]

    def test_only_the_cancelled_batch_is_submitted_again(self, cli: Cli, tmp_path: Path) -> None:
        first = cli(*SPLIT).out.split()
        cli("cancel", first[1])

        second = cli(*SPLIT).out.split()

        assert (second[0], second[2]) == (first[0], first[2])
        assert second[1] != first[1]
        assert ids(tmp_path) == second
        assert cli("wait").code == 0
        assert cli("results", "-o", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 10

    def test_a_job_cancelled_as_a_whole_is_cut_anew(self, cli: Cli) -> None:
        cli(*SPLIT)
        cli("cancel")

        assert len(cli(*SUBMIT, "--split-requests", "5").out.split()) == 2

    def test_messages_are_converted_and_split(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(
            tmp_path / "m.jsonl", [[{"role": "user", "content": f"I'm Ada, {n}."}] for n in range(20, 27)]
        )
        words = (
            "submit",
            "m.jsonl",
            "-m",
            "local/simulate",
            "-r",
            "batch_cli.demo:User",
            "--split-requests",
            "3",
        )

        done = cli(*words, "--wait", "--results", "o.jsonl")

        assert done.code == 0
        assert [row["parsed"]["age"] for row in read_lines(tmp_path / "o.jsonl")] == list(range(20, 27))
        too_large = cli(*words, "--split-bytes", "99", "--again")
        assert "m.jsonl as requests:1: error[E403]" in too_large.err
        assert not list(tmp_path.glob("*.tmp"))

    def test_create_from_file_splits_too(self, cli: Cli) -> None:
        done = cli("create-from-file", "-i", "r.jsonl", "-m", "local/simulate", "--split-requests", "5")

        assert done.code == 0
        assert (
            sum(line.startswith("Batch job created with ID: local_") for line in done.out.splitlines()) == 2
        )

    def test_a_deleted_job_may_be_submitted_again(self, cli: Cli, tmp_path: Path) -> None:
        first = cli(*SPLIT).out.split()

        assert cli("delete", "--yes", "--force").code == 0

        assert not (tmp_path / "local_batch_id.txt").exists()
        assert cli("list").out == ""
        assert not set(cli(*SPLIT).out.split()) & set(first)


@pytest.mark.parametrize(("count", "code"), [(3, 4), (4, 3)])
def test_over_the_limit_the_way_out_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, code: int
) -> None:
    """At the limit the missing key is what stops it, one more and it is the limit."""
    from dataclasses import replace

    from batch_cli.model import Limits
    from batch_cli.providers import openai

    monkeypatch.setattr(openai, "OPENAI", replace(openai.OPENAI, limits=Limits(requests=3)))
    write_lines(tmp_path / "r.jsonl", [chat(f"r{n}") for n in range(count)])
    write_lines(tmp_path / "m.jsonl", [{"prompt": f"number {n}"} for n in range(count)])

    for name in ("r.jsonl", "m.jsonl"):
        done = cli("submit", name, "-m", "openai/simulate")
        assert done.code == code
        assert ("error[E401]: too many requests" in done.err) == (count > 3)
        assert (f"fix: batch-cli submit {name} --split -m openai/simulate" in done.err) == (count > 3)
        assert cli("submit", name, "-m", "openai/simulate", "--split").code == 4


@pytest.mark.usefixtures("requests")
class TestAsOneThing:
    def test_waiting_and_results_give_one_file_in_input_order(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*SPLIT, "--wait", "--results", "out.jsonl")

        assert done.code == 0
        assert "completed, 10 requests" in done.err
        assert "Results saved to: out.jsonl (10 ok, 0 failed, 0 missing)" in done.err
        assert [row["parsed"]["age"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(30, 40))
        manifest = json.loads(manifest_path(tmp_path / "out.jsonl").read_text())
        assert manifest["batch"].startswith("bcj_")
        assert manifest["batches"] == ids(tmp_path)
        assert (manifest["rows"], manifest["ok"], manifest["requests"]["count"]) == (10, 10, 10)
        assert manifest["requests"]["file"] == str(tmp_path / "r.jsonl")

    def test_it_is_the_same_output_as_of_one_batch(self, cli: Cli, tmp_path: Path) -> None:
        def answers(name: str) -> list[object]:
            return [(row["custom_id"], row["parsed"], row["error"]) for row in read_lines(tmp_path / name)]

        cli(*SUBMIT, "--wait", "--results", "one.jsonl")
        cli(*SPLIT, "--again", "--wait", "--results", "many.jsonl")

        assert answers("many.jsonl") == answers("one.jsonl")

    def test_commands_without_an_id_mean_the_whole_job(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SPLIT)

        before = cli("status", "--json").json
        assert (before["batch"]["status"], before["batch"]["shards"], before["source"]) == (
            "queued",
            3,
            "file",
        )
        assert [one["id"] for one in before["batches"]] == ids(tmp_path)
        waited = cli("wait", "--json").json
        assert [batch["counts"]["completed"] for batch in waited["batches"]] == [10]
        assert cli("status", "--exit-status", "-q").code == 0
        assert "3 of 3 batches" in cli("status").out
        assert len(cli("results", "-o", "-").out.splitlines()) == 10
        assert len(cli("results", "-o", "-", "--order", "as-is").out.splitlines()) == 10
        assert len(cli("results", "--format", "table").out.splitlines()) == 11

    def test_without_a_pointer_the_newest_batch_stands_for_its_job(self, cli: Cli) -> None:
        cli(*SPLIT, "--no-save-id")

        document = cli("status", "--json").json

        assert (document["batch"]["shards"], document["source"]) == (3, "journal")

    def test_the_id_of_one_batch_means_that_one_only(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SPLIT)
        cli("wait")

        document = cli("status", ids(tmp_path)[2], "--json").json
        assert (document["batch"]["counts"]["total"], document["batch"]["shard"]) == (2, 3)
        assert cli("results", ids(tmp_path)[2], "-o", "out.jsonl").code == 0
        assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == ["r8", "r9"]

    def test_one_of_its_ids_written_into_the_pointer_by_hand_means_that_one_only(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli(*SPLIT)
        (tmp_path / "local_batch_id.txt").write_text(ids(tmp_path)[1])

        assert cli("status", "--json").json["batch"]["shard"] == 2

    def test_a_job_that_is_not_submitted_whole_is_pending(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from batch_cli.errors import DiskError
        from batch_cli.providers.local import LocalProvider

        real, calls = LocalProvider.stage, iter(range(9))

        def stage(*args: Any) -> str:
            if next(calls) == 2:
                raise DiskError("no space left")
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(LocalProvider, "stage", stage)
            broken = cli(*SPLIT)
        assert broken.code == 12
        assert "Warning: 2 of the 3 batches of bcj_" in broken.err
        assert "the same command again goes on" in broken.err

        waited = cli("wait")
        assert waited.code == 8, "the newest batch of the journal stands for its job"
        assert "1 of the 3 batches of bcj_" in waited.err
        assert "batch-cli wait" not in waited.err, "waiting longer is no help"
        assert cli("status", "--json").json["batch"]["raw_status"] == "2 completed, 1 unsubmitted"
        early = cli("results", "-o", "out.jsonl")
        assert early.code == 8
        assert "1 of the 3 batches of bcj_" in early.err
        assert "submit '" in early.err
        assert cli(*SPLIT, "--wait", "--results", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 10

    def test_a_job_cancelled_before_it_was_submitted_whole_has_ended(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from batch_cli.providers.local import LocalProvider

        real, calls = LocalProvider.stage, iter(range(9))

        def stage(*args: Any) -> str:
            if next(calls) == 2:
                raise KeyboardInterrupt
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(LocalProvider, "stage", stage)
            assert cli(*SPLIT).code == 130
        first = cli("list", "--json").json["batches"][-1]
        cli("wait", first["id"])

        assert cli("cancel", first["job"]).out.endswith("\tcancelled\n")

        assert cli("results", first["job"], "-o", "out.jsonl").code == 7
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(10)]
        assert [row["error"] and row["error"]["type"] for row in rows] == [
            *[None] * 4,
            *["cancelled"] * 4,
            *["missing"] * 2,
        ]
        assert rows[9]["error"]["message"] == "batch 3 of 3 of this job was never submitted"

    def test_the_id_of_the_job_works_wherever_one_of_a_batch_does(self, cli: Cli, tmp_path: Path) -> None:
        job = cli(*SPLIT, "--json").json["batch"]["id"]
        write_lines(tmp_path / "other.jsonl", [chat("x")])
        cli("submit", "other.jsonl", "-m", "local/simulate")

        assert cli("wait", job).code == 0
        assert cli("results", job, "-o", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 10
        assert cli("cancel", job, "--json").json["results"][0]["already_ended"] is True
        assert "is a job of local, but --model says openai" in cli("status", job, "-m", "openai/x").err
        assert cli("delete", job, "--yes").code == 0
        assert cli("status", job).code == 9

    def test_a_list_says_which_part_of_which_job_a_batch_is(self, cli: Cli, tmp_path: Path) -> None:
        job = cli(*SPLIT, "--json").json["batch"]["id"]

        listed = {one["id"]: one for one in cli("list", "--json").json["batches"]}

        assert [
            (listed[one]["job"], listed[one]["shard"], listed[one]["shards"]) for one in ids(tmp_path)
        ] == [
            (job, 1, 3),
            (job, 2, 3),
            (job, 3, 3),
        ]

    def test_a_second_time_the_output_is_complete_unless_a_batch_was_replaced(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli(*SPLIT)
        cli("cancel", ids(tmp_path)[1])
        cli("wait")
        assert cli("results", "-o", "out.jsonl").code == 7
        assert "(already complete)" in cli("results", "-o", "out.jsonl").err

        done = cli(*SPLIT, "--wait", "--results", "out.jsonl")

        assert done.code == 0
        assert "(10 ok, 0 failed, 0 missing)" in done.err

    def test_a_cancel_reaches_every_batch_and_keeps_what_is_finished(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SPLIT)
        cli("wait", ids(tmp_path)[0])

        done = cli("cancel")

        assert done.code == 0
        assert done.out.endswith("\tcancelled\n")
        assert "4 answered requests are kept" in done.err
        assert cli("status", "--exit-status", "-q").code == 7
        assert cli("results", "-o", "out.jsonl").code == 7
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(10)]
        assert [row["error"] is None for row in rows] == [True] * 4 + [False] * 6

    def test_not_one_good_answer_in_the_whole_job_is_exit_10(self, cli: Cli) -> None:
        done = cli(*SPLIT, "--wait", "--simulate-errors", "1")

        assert done.code == 10
        assert cli("results", "-o", "out.jsonl").code == 10

    def test_the_time_limit_is_one_for_the_whole_job(self, cli: Cli) -> None:
        done = cli(*SPLIT, "--wait", "--simulate-latency", "60000", "--max-wait", "0.3s", "--json")

        assert done.code == 8
        assert done.json["batch"]["status"] in ("queued", "in_progress")
        assert cli("results", "-o", "out.jsonl").code == 8

    def test_a_command_at_the_end_runs_once_for_the_job(self, cli: Cli, tmp_path: Path) -> None:
        import sys

        job = cli(*SPLIT, "--json").json["batch"]["id"]
        program = "import os; open('hook', 'a').write(os.environ['BATCH_ID'])"
        cli("wait", "--exec", f'{sys.executable} -c "{program}"')

        assert (tmp_path / "hook").read_text() == job


@pytest.mark.usefixtures("requests")
class TestLostBatches:
    def test_of_a_messages_file_it_is_not_said_that_it_changed(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "m.jsonl", [{"prompt": f"I'm Ada, {n}."} for n in range(4)])
        split = ("submit", "m.jsonl", "-m", "local/simulate", "--split-requests", "2", "--wait")
        cli(*split)
        cli("delete", ids(tmp_path)[0], "--yes")

        refused = cli("results", "-o", "out.jsonl")

        assert refused.code == 9
        assert "m.jsonl' is not the request file it was cut from" in refused.err
        assert cli(*split, "--results", "out.jsonl").code == 0

    def test_the_requests_of_a_deleted_batch_are_error_rows_at_their_place(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli(*SPLIT, "--wait")
        cli("delete", ids(tmp_path)[1], "--yes")

        done = cli("results", "-o", "out.jsonl")

        assert done.code == 7
        assert "(6 ok, 0 failed, 4 missing)" in done.err
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(10)]
        assert [bool(row["error"]) for row in rows] == [False] * 4 + [True] * 4 + [False] * 2
        assert rows[4]["error"]["message"] == "batch 2 of 3 of this job is gone"
        assert rows[4]["parsed"] is None
        assert cli("status", "--exit-status", "-q").code == 7
        batch = cli("status", "--json").json["batch"]
        assert (batch["status"], batch["raw_status"]) == ("failed", "2 completed, 1 gone")

    def test_without_their_requests_nothing_is_written(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SPLIT, "--wait")
        cli("delete", ids(tmp_path)[1], "--yes")
        write_lines(tmp_path / "r.jsonl", [chat("other")])

        done = cli("results", "-o", "out.jsonl")

        assert done.code == 9
        assert "batch 2 of 3 of bcj_" in done.err
        assert not (tmp_path / "out.jsonl").exists()

    def test_the_same_line_again_fills_the_gap(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SPLIT, "--wait")
        cli("delete", ids(tmp_path)[1], "--yes")

        done = cli(*SPLIT, "--wait", "--results", "out.jsonl")

        assert done.code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 10
