"""``retry``: exactly the rows without a good answer, their own lines, linked to the batch they came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from batch_cli.results import manifest_path
from tests.cli.conftest import Hosted
from tests.conftest import Cli
from tests.support import read_lines, structured, write_lines

FAILING = ("--simulate-errors", "0.4", "--simulate-seed", "4")


def prepare(tmp_path: Path, count: int = 30) -> Path:
    lines = [structured(f"r{n}", f"I'm Ada, {20 + n}.") for n in range(count)]
    return write_lines(tmp_path / "r.jsonl", lines)


@pytest.fixture
def batch_id(cli: Cli, tmp_path: Path) -> str:
    """A batch of thirty requests of which some failed in a way that passes."""
    prepare(tmp_path)
    done = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", *FAILING)
    assert done.code == 7
    return str(done.out.strip())


def failed_ids(path: Path) -> list[str]:
    return [row["custom_id"] for row in read_lines(path) if row["error"]]


class TestFile:
    def test_it_holds_the_failed_requests_byte_for_byte_in_their_order(
        self, cli: Cli, tmp_path: Path, batch_id: str
    ) -> None:
        cli("results", "-o", "out.jsonl")

        done = cli("retry", batch_id, "-o", "again.jsonl")

        assert (done.code, done.out) == (0, "")
        sent = {
            json.loads(line)["custom_id"]: line for line in (tmp_path / "r.jsonl").read_text().splitlines()
        }
        expected = [sent[name] for name in failed_ids(tmp_path / "out.jsonl")]
        assert (tmp_path / "again.jsonl").read_text().splitlines() == expected
        assert f"{len(expected)} requests to retry (" in done.err
        assert "Requests saved to: again.jsonl" in done.err

    @pytest.mark.usefixtures("batch_id")
    def test_of_a_batch_an_output_and_the_latest_batch_it_is_the_same(self, cli: Cli, batch_id: str) -> None:
        cli("results", "-o", "out.jsonl")

        outs = {
            cli("retry", *words).out for words in ((), (batch_id,), ("out.jsonl",), ("--batch-id", batch_id))
        }

        assert len(outs) == 1
        assert all("custom_id" in out for out in outs)

    def test_conditions_choose_among_them(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        cli("results", "-o", "out.jsonl")
        rows = read_lines(tmp_path / "out.jsonl")
        limited = [row["custom_id"] for row in rows if row["error"] and row["response"]["status_code"] == 429]
        assert 0 < len(limited) < len(failed_ids(tmp_path / "out.jsonl"))

        out = cli("retry", batch_id, "--where", "error.code==429").out

        assert [json.loads(line)["custom_id"] for line in out.splitlines()] == limited

    @pytest.mark.parametrize("kind", ["missing", "expired", "invalid"])
    def test_where_no_row_is_of_the_kind_there_is_nothing_to_do(
        self, cli: Cli, tmp_path: Path, batch_id: str, kind: str
    ) -> None:
        done = cli("retry", batch_id, "--only", kind, "-o", "again.jsonl")

        assert done.code == 0
        assert "nothing to retry" in done.err
        assert not (tmp_path / "again.jsonl").exists()

    def test_an_answer_that_does_not_fit_is_invalid(self, cli: Cli, tmp_path: Path) -> None:
        prepare(tmp_path, 4)
        batch_id = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait").out.strip()
        (tmp_path / "strict.py").write_text(
            "from pydantic import BaseModel, Field\nclass Old(BaseModel):\n    name: str\n    age: int = Field(ge=22)\n"
        )
        strict = ("-r", "strict.py:Old")
        assert cli("results", "-o", "out.jsonl", *strict).code == 7

        for what in ((batch_id, *strict), ("out.jsonl",), ("out.jsonl", *strict)):
            out = cli("retry", *what, "--only", "invalid").out
            assert [json.loads(line)["custom_id"] for line in out.splitlines()] == ["r0", "r1"]
        assert cli("retry", batch_id, "--only", "invalid").out == ""

    def test_another_model_of_the_same_provider_is_put_in(self, cli: Cli, batch_id: str) -> None:
        out = cli("retry", batch_id, "--model", "local/other").out

        assert {json.loads(line)["body"]["model"] for line in out.splitlines()} == {"other"}

    def test_another_provider_gets_its_own_format(self, cli: Cli, batch_id: str) -> None:
        done = cli("retry", batch_id, "--model", "anthropic/claude-3-5-haiku-latest", "-o", "-")

        lines = [json.loads(line) for line in done.out.splitlines()]
        assert {line["params"]["model"] for line in lines} == {"claude-3-5-haiku-latest"}
        assert all(line["custom_id"].startswith("r") for line in lines)
        assert "Warning" in done.err, "what is lost is told"

    def test_the_document_counts_by_reason(self, cli: Cli, batch_id: str) -> None:
        document = cli("retry", batch_id, "-o", "again.jsonl", "--json").json

        assert document["schema"] == "batch_cli.retry/v1"
        assert (document["parent"], document["attempt"], document["batch"]) == (batch_id, 2, None)
        assert document["selected"] == sum(document["by_reason"].values()) > 0
        assert document["file"] == "again.jsonl"

    def test_an_output_in_another_form_names_its_batch(self, cli: Cli, batch_id: str) -> None:
        assert cli("results", "-o", "out.csv", "--format", "csv").code == 7

        assert cli("retry", "out.csv").out == cli("retry", batch_id).out != ""

    @pytest.mark.parametrize("form", ["csv", "text", "objects", "raw"])
    def test_every_form_has_the_best_of_all_attempts(
        self, cli: Cli, tmp_path: Path, batch_id: str, form: str
    ) -> None:
        lengths = []
        for _ in range(2):
            cli("results", batch_id, "-o", "out", "--format", form, "--force")
            lengths.append(json.loads(manifest_path(tmp_path / "out").read_text())["ok"])
            cli("retry", batch_id, "--submit", "--wait")

        assert lengths[0] < lengths[1]


class TestWhereTheRequestsAre:
    """The local engine keeps its own copy; `hosted` below asks elsewhere."""

    def converted(self, cli: Cli, tmp_path: Path) -> None:
        """An output that came of no batch."""
        prepare(tmp_path, 4)
        rows = [
            {"id": f"b{n}", "custom_id": f"r{n}", "response": {"status_code": 200, "body": {}}, "error": None}
            for n in (0, 2)
        ]
        write_lines(tmp_path / "raw.jsonl", rows)
        cli(
            "results",
            "--from-file",
            "raw.jsonl",
            "--requests",
            "r.jsonl",
            "-o",
            "out.jsonl",
            "--provider",
            "openai",
        )

    def test_an_output_of_no_batch_knows_its_request_file(self, cli: Cli, tmp_path: Path) -> None:
        self.converted(cli, tmp_path)

        out = cli("retry", "out.jsonl", "--only", "missing").out

        assert [json.loads(line)["custom_id"] for line in out.splitlines()] == ["r1", "r3"]

    def test_a_request_file_that_changed_is_3_and_one_that_is_gone_9(self, cli: Cli, tmp_path: Path) -> None:
        self.converted(cli, tmp_path)
        (tmp_path / "r.jsonl").rename(tmp_path / "moved.jsonl")
        gone = cli("retry", "out.jsonl")
        assert gone.code == 9
        assert "--requests FILE" in gone.err
        assert cli("retry", "out.jsonl", "--requests", "moved.jsonl").code == 0

        write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "Something else.") for n in range(4)])
        changed = cli("retry", "out.jsonl")
        assert (changed.code, changed.out) == (3, "")
        assert "its content has changed" in changed.err
        named = cli("retry", "out.jsonl", "--requests", "r.jsonl", "-o", "again.jsonl")
        assert named.code == 3
        assert not (tmp_path / "again.jsonl").exists()

    def test_a_submit_of_it_needs_a_model_and_is_a_batch_of_its_own(self, cli: Cli, tmp_path: Path) -> None:
        self.converted(cli, tmp_path)
        missing = ("retry", "out.jsonl", "--only", "missing", "--submit")
        assert cli(*missing).code == 2

        done = cli(*missing, "--model", "local/simulate", "--wait")

        assert done.code == 0
        assert cli("results", done.out.strip(), "-o", "again.out").code == 0
        assert [row["custom_id"] for row in read_lines(tmp_path / "again.out")] == ["r1", "r3"]

    def test_messages_are_no_requests(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        (tmp_path / "m.jsonl").write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n')

        done = cli("retry", batch_id, "--requests", "m.jsonl")

        assert done.code == 3
        assert "batch-cli create" in done.err

    def test_an_output_that_was_edited_is_9(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        cli("results", batch_id, "-o", "out.jsonl")
        with (tmp_path / "out.jsonl").open("a") as stream:
            stream.write("\n")

        assert cli("retry", "out.jsonl").code == 9


class TestAttempts:
    def test_results_of_the_batch_give_the_best_of_all(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        cli("results", "-o", "out.jsonl")
        failed = failed_ids(tmp_path / "out.jsonl")

        again = cli("retry", batch_id, "--submit", "--wait", "--model", "local/simulate")
        done = cli("results", batch_id, "-o", "out.jsonl")

        assert (again.code, done.code) == (7, 7), "the same faults with the next seed"
        assert f"Next: batch-cli results {batch_id} -o FILE" in again.err
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(30)]
        assert [row["custom_id"] for row in rows if row["attempt"] == 2] == failed
        left = failed_ids(tmp_path / "out.jsonl")
        assert 0 < len(left) < len(failed)
        manifest = json.loads(manifest_path(tmp_path / "out.jsonl").read_text())
        assert [(one["number"], one["batch"]) for one in manifest["attempts"]] == [
            (1, batch_id),
            (2, again.out.strip()),
        ]
        assert "(already complete)" in cli("results", batch_id, "-o", "out.jsonl").err

    def test_a_retry_of_a_retry_has_the_same_root(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        what, attempts = batch_id, []
        while (done := cli("retry", what, "--submit", "--wait")).out:
            what = done.out.strip()
            attempts.append(what)
            assert len(attempts) < 20

        assert len(attempts) > 1
        assert "nothing to retry, all 30 answers are good" in done.err
        assert done.code == 0
        assert cli("results", batch_id, "-o", "out.jsonl").code == 0
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["parsed"]["age"] for row in rows] == [20 + n for n in range(30)]
        assert max(row["attempt"] for row in rows) == len(attempts) + 1

    def test_an_output_older_than_the_last_attempt_is_not_believed(
        self, cli: Cli, tmp_path: Path, batch_id: str
    ) -> None:
        cli("results", batch_id, "-o", "old.jsonl")
        cli("retry", batch_id, "--submit", "--wait")
        cli("results", batch_id, "-o", "new.jsonl")

        out = cli("retry", "old.jsonl").out

        assert [json.loads(line)["custom_id"] for line in out.splitlines()] == failed_ids(
            tmp_path / "new.jsonl"
        )

    def test_while_an_attempt_runs_there_is_no_other(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        again = cli("retry", batch_id, "--submit")
        attempt = again.out.strip()
        assert f"Next: batch-cli wait {attempt} && batch-cli results {batch_id}" in again.err

        second = cli("retry", batch_id, "--submit")
        early = cli("results", batch_id, "-o", "out.jsonl")

        assert (second.code, second.out) == (8, "")
        assert f"batch-cli wait {attempt}" in second.err
        assert early.code == 8
        assert "attempt 2 has not ended" in early.err
        assert len(read_lines(tmp_path / "out.jsonl")) == 30
        assert cli("results", batch_id, "-o", "part.jsonl", "--allow-partial").code == 0
        assert cli("results", batch_id, "-o", "out.jsonl", "--wait").code in (0, 7)
        assert 2 in {row["attempt"] for row in read_lines(tmp_path / "out.jsonl")}

    def test_the_batch_stays_the_latest_one_here(self, cli: Cli, tmp_path: Path, batch_id: str) -> None:
        cli("retry", "--submit", "--wait")

        assert (tmp_path / "local_batch_id.txt").read_text() == f"{batch_id}\n"

    def test_a_submit_that_died_before_its_batch_existed_goes_on(
        self, cli: Cli, tmp_path: Path, batch_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*_: Any) -> None:
            raise KeyboardInterrupt

        for step in ("stage", "create"):
            with monkeypatch.context() as patch:
                patch.setattr(f"batch_cli.providers.local.LocalProvider.{step}", die)
                assert cli("retry", batch_id, "--submit").code == 130
        assert "was begun and not submitted" in cli("results", batch_id, "-o", "out.jsonl").err

        done = cli("retry", batch_id, "--submit", "--wait")

        ids = [one["id"] for one in cli("list", "--json").json["batches"]]
        assert sorted(ids) == sorted([batch_id, done.out.strip()])
        assert len(list((tmp_path / "state/engine").glob("local_*"))) == 2

    def test_the_whole_of_a_job_is_retried_and_merged(self, cli: Cli, tmp_path: Path) -> None:
        prepare(tmp_path)
        split = ("--split-requests", "8")
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", *FAILING, *split)
        job = cli("list", "--json").json["batches"][0]["job"]
        cli("results", "-o", "out.jsonl")
        failed = failed_ids(tmp_path / "out.jsonl")

        done = cli("retry", "--submit", "--wait", "--json")

        assert done.json["parent"] == job
        assert done.json["selected"] == len(failed)
        cli("results", "-o", "out.jsonl")
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(30)]
        assert [row["custom_id"] for row in rows if row["attempt"] == 2] == failed

    def test_a_part_of_a_job_stands_for_the_job(self, cli: Cli, tmp_path: Path) -> None:
        prepare(tmp_path)
        ids = cli(
            "submit", "r.jsonl", "-m", "local/simulate", "-q", "--wait", *FAILING, "--split-requests", "8"
        )
        part = ids.out.split()[1]
        cli("retry", "--submit")

        assert cli("retry", part, "--submit").code == 8
        cli("wait", cli("list", "--json").json["batches"][0]["id"])
        again = cli("retry", part, "--submit", "--json").json
        assert again["parent"].startswith("bcj_")
        assert again["attempt"] == 3

    def test_hostile_ids_come_back_as_they_are_and_are_harmless_on_the_way(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        ids = ["x\u009b2J", "a\u2028b", "=1+1", "</script>", "'; drop table attempt; --", '"', "\\", "é" * 80]
        lines = [structured(name, "I'm Ada, 30.") for name in ids]
        write_lines(tmp_path / "r.jsonl", lines)
        batch_id = cli(
            "submit", "r.jsonl", "-m", "local/simulate", "--wait", "--simulate-errors", "1"
        ).out.strip()

        done = cli("retry", batch_id, "--submit", "--wait", "--where", f"custom_id!={json.dumps(ids[2])}")
        cli("results", batch_id, "-o", "out.jsonl")

        assert "\x9b" not in done.err
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == ids
        assert [row["attempt"] for row in rows] == [1 if name == ids[2] else 2 for name in ids]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--wait", "-o", "x"), 2, "--wait goes with --submit"),
        (("--where", "x", "-o", "x"), 2, "not a condition"),
        (("--json",), 2, "where should the requests go?"),
        (("-o", "x"), 9, "no batch id given"),
        (("local_nothing", "-o", "x"), 5, "knows no batch"),
        (("gone.jsonl", "-o", "x"), 3, "no such file: 'gone.jsonl'"),
        (("./gone", "-o", "x"), 3, "no such file: 'gone'"),
    ],
)
def test_what_cannot_be_is_told(cli: Cli, words: tuple[str, ...], code: int, says: str) -> None:
    done = cli("retry", *words)

    assert done.code == code
    assert says in done.err


def test_a_batch_that_has_not_ended_is_8(cli: Cli, tmp_path: Path) -> None:
    prepare(tmp_path, 2)
    cli("submit", "r.jsonl", "-m", "local/simulate")

    assert cli("retry", "-o", "again.jsonl").code == 8


class TestHosted:
    def send(self, hosted: Hosted, tmp_path: Path, scenario: str) -> str:
        prepare(tmp_path)
        hosted.play(scenario)
        hosted("submit", "r.jsonl", "-m", "openai/simulate", "--wait", "--interval", "0.1")
        hosted.play("ok")
        return (tmp_path / "openai_batch_id.txt").read_text().strip()

    @pytest.mark.parametrize(
        ("scenario", "kind"),
        [("partial", "failed"), ("expired-partial", "expired"), ("missing-rows", "missing")],
    )
    def test_what_a_provider_left_undone_is_done_by_the_second_attempt(
        self, hosted: Hosted, tmp_path: Path, scenario: str, kind: str
    ) -> None:
        batch_id = self.send(hosted, tmp_path, scenario)
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 7
        failed = failed_ids(tmp_path / "out.jsonl")

        done = hosted("retry", batch_id, "--only", kind, "--submit", "--wait", "--interval", "0.1")

        assert done.code == 0, done.err
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 0
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["parsed"]["age"] for row in rows] == [20 + n for n in range(30)]
        assert [row["custom_id"] for row in rows if row["attempt"] == 2] == failed
        assert [one["requests"] for one in hosted.batches()] == [30, len(failed)]

    @pytest.mark.parametrize("split", [(), ("--split-requests", "20")])
    def test_the_second_attempt_is_asked_for_as_the_first_one_was(
        self, hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: tuple[str, ...]
    ) -> None:
        config = tmp_path / ".config" / "batch-cli" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[providers.acme]\nbase_url = "{hosted.server.url}/v1"\nwindows = ["7d", "24h"]\n')
        config.chmod(0o644)
        monkeypatch.setenv("ACME_API_KEY", "any-key")
        prepare(tmp_path)
        hosted.play("partial")
        asked = ("--completion-window", "24h", "--metadata", "team=blue", "--description", "nightly")
        hosted("submit", "r.jsonl", "-m", "acme/simulate", *asked, *split, "--wait", "--interval", "0.1")
        hosted.play("ok")

        done = hosted("retry", "--submit", "--quiet")

        assert done.code == 0, done.err
        again = hosted("status", done.out.strip(), "--json").json["batch"]
        assert again["raw"]["completion_window"] == "24h"  # its default, 7d, would be refused
        kept = {name: again["metadata"][name] for name in ("team", "description")}
        assert kept == {"team": "blue", "description": "nightly"}

    def test_the_uploaded_file_has_the_requests_where_the_own_one_changed(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        batch_id = self.send(hosted, tmp_path, "partial")
        sent = {
            json.loads(line)["custom_id"]: line for line in (tmp_path / "r.jsonl").read_text().splitlines()
        }
        write_lines(tmp_path / "r.jsonl", [structured("r0", "Something else.")])

        done = hosted("retry", batch_id, "-o", "again.jsonl")

        assert done.code == 0, done.err
        for line in (tmp_path / "again.jsonl").read_text().splitlines():
            assert sent[json.loads(line)["custom_id"]] == line

    def test_a_source_that_changed_is_3_where_nobody_has_another(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        batch_id = self.send(hosted, tmp_path, "partial")
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 7
        write_lines(tmp_path / "r.jsonl", [structured("r0", "Something else.")])
        gone = {"fault": "status", "status": 404, "message": "gone"}
        hosted.play(
            rules=[{"route": "GET /v1/files/*", **gone}, {"route": "GET /v1/files/*/content", **gone}]
        )

        assert hosted("retry", "out.jsonl", "-o", "again.jsonl").code == 3
        (tmp_path / "r.jsonl").unlink()
        nowhere = hosted("retry", "out.jsonl", "-o", "again.jsonl")
        assert nowhere.code == 9
        assert "--requests FILE" in nowhere.err

    def test_a_create_whose_answer_was_lost_is_the_one_attempt(self, hosted: Hosted, tmp_path: Path) -> None:
        batch_id = self.send(hosted, tmp_path, "partial")
        hosted.play(rules=[{"route": "POST /v1/batches", "fault": "reset", "when": "after", "first": 1}])

        done = hosted("retry", batch_id, "--submit", "--wait", "--interval", "0.1")

        assert done.code == 0, done.err
        assert len(hosted.batches()) == 2
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 0

    def test_requests_that_nobody_keeps_are_asked_for(
        self, hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Anthropic gives back no requests, a messages file holds none, and another machine has kept none."""
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", hosted.server.url)
        lines = [{"custom_id": f"r{n}", "prompt": f"I'm Ada, {20 + n}."} for n in range(10)]
        write_lines(tmp_path / "m.jsonl", lines)
        model = ("--model", "anthropic/simulate", "--max-tokens", "90")
        hosted.play("partial")
        done = hosted("submit", "m.jsonl", *model, "--wait", "--interval", "0.1", "-q")
        batch_id = done.out.strip()
        hosted.play("ok")
        shutil.rmtree(tmp_path / "state" / "requests")

        refused = hosted("retry", batch_id, "--submit")
        assert refused.code == 9
        assert "batch-cli create" in refused.err
        hosted("create", "--messages-file", "m.jsonl", *model, "-o", "requests.jsonl")
        again = ("retry", batch_id, "--requests", "requests.jsonl", "--submit", "--wait", "--interval", "0.1")
        assert hosted(*again).code == 0
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 10
        hosted("create", "--messages-file", "m.jsonl", *model[:2], "-o", "others.jsonl")
        nothing = hosted("retry", batch_id, "--requests", "others.jsonl", "--submit")
        assert (nothing.code, "nothing to retry" in nothing.err) == (0, True)

    def test_another_provider_does_the_rest(
        self, hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch_id = self.send(hosted, tmp_path, "partial")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", hosted.server.url)

        done = hosted(
            "retry", batch_id, "--model", "anthropic/simulate", "--submit", "--wait", "--interval", "0.1"
        )

        assert done.code == 0, done.err
        assert hosted("results", batch_id, "-o", "out.jsonl").code == 0
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["parsed"]["age"] for row in rows] == [20 + n for n in range(30)]
        manifest = json.loads(manifest_path(tmp_path / "out.jsonl").read_text())
        assert [one["provider"] for one in manifest["attempts"]] == ["openai", "anthropic"]

    def test_while_nobody_knows_whether_an_attempt_exists_there_is_no_other(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        batch_id = self.send(hosted, tmp_path, "partial")
        lost = {"route": "POST /v1/batches", "fault": "reset", "when": "after"}
        silent = {"route": "GET /v1/batches", "fault": "status", "status": 404}
        hosted.play(rules=[lost, silent])
        assert hosted("retry", batch_id, "--submit").code == 11
        made = len(hosted.batches())

        other = hosted("retry", batch_id, "--only", "all", "--submit")
        read = hosted("results", batch_id, "-o", "out.jsonl")

        assert other.code == 11
        assert "batch-cli recover" in other.err
        assert read.code == 7
        assert "may or may not have been submitted" in read.err
        assert len(hosted.batches()) == made
        hosted.play("ok")
        assert hosted("retry", batch_id, "--submit").code in (0, 8), (
            "it is found, whether it runs or has ended"
        )
        assert hosted("results", batch_id, "-o", "out.jsonl", "--wait", "--interval", "0.1").code == 0
        assert len(hosted.batches()) == made
