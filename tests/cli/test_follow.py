from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from batch_cli.providers.local import LocalProvider
from tests.conftest import Cli
from tests.support import chat, write_lines


def submit(cli: Cli, tmp_path: Path, count: int = 3, *options: str) -> str:
    write_lines(tmp_path / "r.jsonl", [chat(f"r{n}") for n in range(count)])
    batch_id: str = cli("submit", "r.jsonl", "-m", "local/simulate", "-q", *options).out.strip()
    return batch_id


class TestStatus:
    def test_the_latest_batch_here_is_meant(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)

        document = cli("status", "--json").json

        assert document["schema"] == "batch_cli.status/v1"
        assert (document["batch"]["id"], document["batch"]["status"], document["source"]) == (
            batch_id,
            "queued",
            "file",
        )
        assert document["progress"] == {"done": 0, "total": 3, "percent": 0.0}
        assert document["batch"]["simulated"] is True

    def test_without_a_pointer_it_is_the_newest_of_the_journal(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path, 3, "--no-save-id")

        done = cli("status", "--json")

        assert (done.json["batch"]["id"], done.json["source"]) == (batch_id, "journal")
        assert "using the newest batch of the journal" in done.err

    def test_a_table_names_every_fact(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("wait")

        done = cli("status", batch_id)

        facts = dict(line.split("\t") for line in done.out.splitlines())
        assert facts["Batch ID"] == batch_id
        assert facts["Provider"] == "local (simulated)"
        assert facts["Requests"] == "3 of 3 done"

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ((), 0),
            (("--simulate-errors", "1"), 10),
            (("--simulate-errors", "0.5", "--simulate-seed", "2"), 7),
        ],
    )
    def test_the_exit_code_says_how_it_stands_if_asked(
        self, cli: Cli, tmp_path: Path, options: tuple[str, ...], code: int
    ) -> None:
        submit(cli, tmp_path, 20, *options)
        assert cli("status", "--exit-status", "-q").code == 8
        cli("wait")

        done = cli("status", "--exit-status", "-q")

        assert (done.code, done.out, done.err) == (code, "", "")

    def test_nothing_known_says_what_to_do(self, cli: Cli) -> None:
        done = cli("status")

        assert done.code == 9
        assert "no batch id given and no <provider>_batch_id.txt here" in done.err
        assert "batch-cli list --local" in done.err

    def test_an_unknown_batch_is_exit_5(self, cli: Cli) -> None:
        done = cli("status", "local_ffff")

        assert done.code == 5
        assert "local knows no batch 'local_ffff'" in done.err

    @pytest.mark.parametrize("bad", ["a b", "a\nb", "../x", "\x1b[2J", "a" * 1000])
    def test_what_cannot_be_an_id_is_refused_safely(self, cli: Cli, bad: str) -> None:
        done = cli("status", f"--batch-id={bad}")

        assert done.code == 2
        assert "not a batch id" in done.err
        assert "\x1b" not in done.err
        assert "a" * 200 not in done.err

    def test_an_id_of_another_provider_is_recognised(self, cli: Cli) -> None:
        done = cli("status", "msgbatch_1", "--model", "openai/x")

        assert done.code == 2
        assert "is a batch id of anthropic, but --model says openai" in done.err

    def test_a_job_that_is_not_known_is_named_so(self, cli: Cli) -> None:
        done = cli("wait", "bcj_1")

        assert done.code == 9
        assert "no job 'bcj_1' is known here" in done.err

    def test_an_id_whose_owner_is_unknown_asks_for_the_provider(self, cli: Cli) -> None:
        assert "it is not known whose batch 'batch_1' is" in cli("status", "batch_1").err

    def test_of_ids_that_are_no_job_it_is_said_which_one_is_meant(self, cli: Cli, tmp_path: Path) -> None:
        first, last = submit(cli, tmp_path), submit(cli, tmp_path, 5)
        (tmp_path / "local_batch_id.txt").write_text(f"{first}\n{last}\n")

        done = cli("status")

        assert f"Batch ID\t{last}\n" in done.out
        assert "2 ids that are not known here as one job: using the last" in done.err

    def test_a_pointer_of_another_provider_is_recognised(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "openai_batch_id.txt").write_text("msgbatch_1")

        done = cli("status", "--model", "openai/gpt-4o-mini")

        assert done.code == 9
        assert "holds a batch id of anthropic" in done.err
        assert "--model anthropic/" in done.err

    def test_the_newest_pointer_wins_where_there_are_several(self, cli: Cli, tmp_path: Path) -> None:
        import os

        (tmp_path / "openai_batch_id.txt").write_text("batch_1")
        os.utime(tmp_path / "openai_batch_id.txt", (1, 1))
        batch_id = submit(cli, tmp_path)

        assert cli("status", "--json").json["batch"]["id"] == batch_id

    def test_a_provider_alone_is_enough(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)

        assert cli("status", "--provider", "local", "--json").json["batch"]["id"] == batch_id


class TestList:
    def test_the_newest_comes_first_with_full_ids(self, cli: Cli, tmp_path: Path) -> None:
        first = submit(cli, tmp_path)
        second = submit(cli, tmp_path, 4)

        done = cli("list")

        assert [line.split("\t")[0] for line in done.out.splitlines()] == [second, first]
        assert done.out.splitlines()[0].split("\t")[1:3] == ["local", "queued"]

    def test_none_is_no_error(self, cli: Cli) -> None:
        done = cli("list")

        assert (done.code, done.out, done.err) == (0, "", "No batches\n")
        assert cli("list", "--json").json["batches"] == []

    def test_it_cannot_go_on_after_a_batch_that_is_not_in_it(self, cli: Cli, tmp_path: Path) -> None:
        submit(cli, tmp_path)

        done = cli("list", "--after", "batch_nobody")

        assert (done.code, done.out) == (2, "")
        assert "the list has no batch 'batch_nobody' to go on after" in done.err

    def test_it_can_be_narrowed(self, cli: Cli, tmp_path: Path) -> None:
        ids = [submit(cli, tmp_path, count) for count in (1, 2, 3)]
        cli("wait", ids[1])

        def listed(*options: str) -> list[str]:
            return [batch["id"] for batch in cli("list", "--json", *options).json["batches"]]

        assert listed("--status", "completed") == [ids[1]]
        assert listed("--limit", "2") == [ids[2], ids[1]]
        assert listed("--limit", "1", "--after", ids[2]) == [ids[1]]
        assert listed("--since", "1h") == ids[::-1]
        assert listed("--since", "0s") == []
        assert listed("--all", "--provider", "local") == ids[::-1]
        assert listed("--model", "openai/x") == []
        assert cli("list", "--json", "--limit", "2").json["next"] == ids[1]

    def test_a_stop_while_it_looks_at_a_batch_is_heard(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submit(cli, tmp_path)

        def stop(_provider: LocalProvider, _batch_id: str) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(LocalProvider, "retrieve", stop)

        assert cli("list").code == 143

    def test_rows_come_in_every_format(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)

        assert cli("list", "--format", "plain", "--fields", "id").out == f"{batch_id}\n"
        assert (
            cli("list", "--fields", "status,id", "--header").out == f"Status\tBatch ID\nqueued\t{batch_id}\n"
        )
        assert json.loads(cli("list", "-f", "jsonl").out)["id"] == batch_id
        assert cli("list", "-f", "csv", "--fields", "id").out == f'"id"\n"{batch_id}"\n'
        assert f"| {batch_id} |" in cli("list", "-f", "markdown").out
        assert batch_id in cli("list", "-f", "table").out
        assert cli("list", "--fields", "nope").code == 2

    def test_a_batch_that_vanished_does_not_hide_the_others(self, cli: Cli, tmp_path: Path) -> None:
        gone, kept = submit(cli, tmp_path), submit(cli, tmp_path, 5)
        import sqlite3

        with sqlite3.connect(tmp_path / "state/engine/queue.db") as connection:
            connection.execute("delete from batch where id = ?", (gone,))
        connection.close()

        assert [b["id"] for b in cli("list", "--json").json["batches"]] == [kept, gone]


class TestWait:
    def test_it_works_at_the_batch_and_says_how_it_ended(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)

        done = cli("wait")

        assert (done.code, done.out) == (0, "")
        assert f"{batch_id}: completed, 3 requests" in done.err

    def test_what_had_ended_before_is_not_said_to_have_been_done_now(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path, 3, "--simulate-latency", "1000")

        first, again = cli("wait"), cli("wait")

        line = f"{batch_id}: completed, 3 requests in 1 s (3/s)"
        assert (line in first.err, line in again.err) == (True, True)

    def test_what_was_cancelled_is_not_counted_as_done(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("cancel")

        assert f"{batch_id}: cancelled, 0 of 3 requests (simulated)\n" in cli("wait").err
        assert "Requests\t0 of 3 done" in cli("status").out

    def test_several_batches_give_the_worst_code(self, cli: Cli, tmp_path: Path) -> None:
        good = submit(cli, tmp_path)
        bad = submit(cli, tmp_path, 3, "--simulate-errors", "1")

        done = cli("wait", good, bad, "--json")

        assert done.code == 10
        assert [batch["status"] for batch in done.json["batches"]] == ["completed", "completed"]
        assert done.json["timed_out"] is False

    def test_it_gives_up_after_its_time(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path, 3, "--simulate-latency", "60000")

        done = cli("wait", "--max-wait", "0.2s", "--json")

        assert done.code == 8
        assert done.json["timed_out"] is True
        assert f"batch-cli wait {batch_id}" in done.err

    def test_a_command_is_run_at_the_end_without_a_shell(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        program = (
            "import os; open('hook', 'w').write(os.environ['BATCH_ID'] + ' ' + os.environ['BATCH_STATUS'])"
        )

        done = cli("wait", "--exec", f'{sys.executable} -c "{program}"')

        assert done.code == 0
        assert (tmp_path / "hook").read_text() == f"{batch_id} completed"
        assert "ended with exit code 1" in cli("wait", "--exec", f"{sys.executable} -c exit(1)").err
        assert "no-such-program" in cli("wait", "--exec", "no-such-program").err

    def test_watch_is_the_same(self, cli: Cli, tmp_path: Path) -> None:
        submit(cli, tmp_path)

        assert cli("watch").code == 0


class TestCancel:
    def test_what_is_finished_stays(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path, 300, "--simulate-latency", "20")
        cli("wait", "--max-wait", "0.3s")

        done = cli("cancel", "--wait")

        assert done.code == 0
        assert done.out == f"{batch_id}\tcancelled\n"
        assert "answered requests are kept" in done.err
        assert cli("status", "--exit-status", "-q").code == 7
        code = cli("results", "-o", "out.jsonl").code
        assert code == 7

    def test_an_ended_batch_is_left_alone(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("wait")

        done = cli("cancel", "--json")

        assert done.code == 0
        assert done.json["results"] == [
            {"id": batch_id, "status": "completed", "raw_status": "completed", "already_ended": True}
        ]

    def test_cancelled_before_it_started_nothing_is_usable(self, cli: Cli, tmp_path: Path) -> None:
        submit(cli, tmp_path)
        cli("cancel")

        done = cli("results", "-o", "out.jsonl")

        assert done.code == 10
        assert "has not one good answer" in done.err
        assert "3 of 3 rows: cancelled" in done.err


class TestDelete:
    def test_it_removes_the_batch_its_files_and_its_pointer(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("wait")

        done = cli("delete", batch_id, "--yes", "--json")

        assert done.code == 0
        kinds = {item["kind"] for item in done.json["deleted"]}
        assert kinds == {"batch", "input", "output", "pointer"}
        assert not (tmp_path / "state/engine" / batch_id).exists()
        assert not (tmp_path / "local_batch_id.txt").exists()
        assert cli("status", batch_id).code == 5
        assert cli("list").out == ""

    def test_without_a_yes_nothing_is_removed(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("wait")

        done = cli("delete", batch_id)

        assert done.code == 2
        assert "--yes" in done.err
        assert cli("status", batch_id).code == 0

    def test_a_running_batch_is_kept_without_force(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)

        assert cli("delete", batch_id, "--yes").code == 9
        assert cli("delete", batch_id, "--yes", "--force").code == 0

    def test_a_dry_run_only_says_what_it_would_do(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("wait")

        told = cli("delete", "--dry-run").out
        assert cli("status", batch_id).code == 0
        assert told.splitlines()[0] == f"batch\t{batch_id}"
        assert cli("delete", "--yes").out == told

    def test_the_same_content_can_be_submitted_again(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = submit(cli, tmp_path)
        cli("delete", batch_id, "--yes", "--force")

        assert submit(cli, tmp_path) != batch_id
