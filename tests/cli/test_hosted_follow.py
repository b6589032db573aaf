"""Status, wait, cancel and results of batches that run elsewhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Hosted
from tests.serving import wait_until
from tests.support import chat, clean_environment, read_lines, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "openai/simulate", "-q")


@pytest.fixture(autouse=True)
def requests(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(4)])


def submit(hosted: Hosted, *words: str) -> str:
    return hosted(*SUBMIT, *words).out.strip()


class TestStatus:
    def test_an_id_alone_is_enough(self, hosted: Hosted, tmp_path: Path) -> None:
        batch_id = submit(hosted)
        (tmp_path / "openai_batch_id.txt").unlink()

        assert hosted("status", batch_id, "--json").json["batch"]["provider"] == "openai"

    def test_several_are_shown_and_one_that_is_unknown_hides_none(self, hosted: Hosted) -> None:
        one, other = submit(hosted), submit(hosted, "--again")

        done = hosted("status", one, "batch_nobody", other, "--provider", "openai")

        assert done.code == 5
        assert [line.split("\t")[0] for line in done.out.splitlines()] == [one, other]
        assert "openai knows no batch 'batch_nobody'" in done.err
        document = hosted("status", one, other, "--json").json
        assert [facts["batch"]["id"] for facts in document["statuses"]] == [one, other]

    def test_a_batch_that_is_not_shown_yet_is_looked_for_again(self, hosted: Hosted) -> None:
        batch_id = submit(hosted)
        hosted.play("batch-not-yet-visible")

        assert hosted("status", batch_id).code == 0

    def test_an_unknown_word_is_shown_as_it_is(self, hosted: Hosted) -> None:
        hosted.play("unknown-status")

        assert "hibernating" in hosted("status", submit(hosted)).out


class TestWait:
    def test_an_unknown_status_is_bounded_by_the_longest_wait(self, hosted: Hosted) -> None:
        batch_id = submit(hosted)
        edit = {"fault": "edit", "replace": {"status": "hibernating"}}
        hosted.play(rules=[{"route": "GET /v1/batches/*", **edit}])

        done = hosted("wait", batch_id, "--max-wait", "2s", "--interval", "0.5")

        assert done.code == 8
        assert f"{batch_id}: hibernating" in done.err
        assert f"fix: batch-cli wait {batch_id}" in done.err

    @pytest.mark.parametrize("weather", ["502", "html", "reset", "429-ms", "login-page", "truncate"])
    def test_bad_weather_is_survived(self, hosted: Hosted, weather: str) -> None:
        batch_id = submit(hosted)
        hosted.play(weather)

        assert hosted("wait", batch_id, "--max-wait", "60s").code == 0

    @pytest.mark.parametrize("split", [(), ("--split-requests", "1")])
    def test_a_provider_that_is_away_from_the_first_look_on_is_waited_for(
        self, hosted: Hosted, split: tuple[str, ...]
    ) -> None:
        submit(hosted, *split)
        hosted.play(rules=[{"route": "GET /v1/batches/*", "fault": "html", "nth": list(range(1, 13))}])

        done = hosted("wait", "--max-wait", "60s")

        assert done.code == 0, done.err
        assert done.err.count("HTTP 502") == 1
        assert "still waiting" in done.err

    def test_a_provider_that_stays_away_is_told_when_the_time_is_over(self, hosted: Hosted) -> None:
        submit(hosted, "--split-requests", "1")
        hosted.play(rules=[{"route": "GET /v1/batches/*", "fault": "html"}])

        done = hosted("wait", "--max-wait", "3s")

        assert done.code == 6
        assert "no good answer" in done.err

    def test_ctrl_c_leaves_it_running_and_says_how_to_go_on(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted.play("stuck")
        batch_id = submit(hosted)
        env = {"OPENAI_BASE_URL": f"{hosted.server.url}/v1", "OPENAI_API_KEY": "sk-test"}
        words = [sys.executable, "-m", "batch_cli", "wait", batch_id, "--progress", "json"]
        with subprocess.Popen(
            words, cwd=tmp_path, env=clean_environment(tmp_path, env), stderr=subprocess.PIPE
        ) as waiting:
            assert waiting.stderr is not None
            assert waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            text = waiting.stderr.read().decode()

        assert waiting.returncode == 130
        assert f"Stopped. {batch_id} goes on at openai." in text
        assert f"continue: batch-cli wait {batch_id}" in text
        assert hosted.batches()[0]["status"] == "in_progress"


class TestCancel:
    def test_a_batch_that_is_being_cancelled_may_be_cancelled_again(self, hosted: Hosted) -> None:
        hosted.play("stuck")
        batch_id = submit(hosted)

        assert hosted("cancel", batch_id).code == 0
        assert hosted("cancel", batch_id).code == 0
        wait_until(lambda: hosted.batches()[0]["status"] == "cancelled")
        assert "has ended already (cancelled)" in hosted("cancel", batch_id).err

    @pytest.mark.parametrize("model", ["openai/simulate", "anthropic/simulate", "google/simulate"])
    def test_a_dry_run_of_a_deletion_tells_what_it_would_say_and_changes_nothing(
        self, hosted: Hosted, monkeypatch: pytest.MonkeyPatch, model: str
    ) -> None:
        for name in ("ANTHROPIC", "GOOGLE"):
            monkeypatch.setenv(f"{name}_API_KEY", "any-key")
            monkeypatch.setenv(f"{name}_BASE_URL", hosted.server.url)
        hosted("submit", "r.jsonl", "-m", model, "--split-requests", "1")
        hosted("wait")

        told = [hosted("delete", "--dry-run", "--json").json for _ in range(2)]
        done = hosted("delete", "--yes", "--json").json

        assert told[0] == told[1] == {**done, "dry_run": True}
        assert len(done["deleted"]) > 1

    def test_deleting_needs_a_yes_and_removes_the_files(self, hosted: Hosted) -> None:
        batch_id = submit(hosted)
        hosted("wait")

        assert hosted("delete", batch_id).code == 2
        done = hosted("delete", batch_id, "--yes")

        assert [line.split("\t")[0] for line in done.out.splitlines()] == ["input", "output", "pointer"]
        assert f"{batch_id} stays in the list of openai" in done.err
        assert hosted("list").out == ""


class TestResults:
    @pytest.mark.parametrize(
        ("scenario", "word"), [("expired-partial", "expired"), ("cancelled-partial", "cancelled")]
    )
    def test_what_was_answered_of_an_ended_batch_is_saved(
        self, hosted: Hosted, tmp_path: Path, scenario: str, word: str
    ) -> None:
        hosted.play(scenario)
        submit(hosted)
        assert hosted("wait").code == 7

        done = hosted("results", "-o", "out.jsonl")

        assert done.code == 7
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == ["r0", "r1", "r2", "r3"]
        assert [row["error"] is None for row in rows] == [True, True, False, False]
        assert word in rows[3]["error"]["message"]

    def test_nothing_usable_is_said(self, hosted: Hosted) -> None:
        hosted.play("expired-empty")
        submit(hosted)
        hosted("wait")

        assert hosted("results", "-o", "out.jsonl").code == 10

    def test_a_batch_that_failed_gives_its_reason_for_each_request(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        hosted.play("rejected")
        submit(hosted)
        assert hosted("wait").code == 10

        assert hosted("results", "-o", "out.jsonl").code == 10
        rows = read_lines(tmp_path / "out.jsonl")
        assert len(rows) == 4
        assert "not parseable" in rows[0]["error"]["message"]

    def test_result_files_that_are_named_late_are_waited_for(self, hosted: Hosted, tmp_path: Path) -> None:
        submit(hosted)
        hosted("wait")
        late = {"output_file_id": None, "error_file_id": None}
        hosted.play(rules=[{"route": "GET /v1/batches/*", "first": 4, "fault": "edit", "replace": late}])

        assert hosted("results", "-o", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 4

    def test_result_files_that_are_never_named_are_not_taken_for_missing_rows(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        submit(hosted)
        hosted("wait")
        never = {"output_file_id": None, "error_file_id": None}
        hosted.play(rules=[{"route": "GET /v1/batches/*", "fault": "edit", "replace": never}])

        done = hosted("results", "-o", "out.jsonl")

        assert done.code == 8
        assert "names no result file yet" in done.err
        assert not (tmp_path / "out.jsonl").exists()

    def test_a_row_that_is_in_neither_file_is_missing(self, hosted: Hosted, tmp_path: Path) -> None:
        write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(20)])
        hosted.play("missing-rows")
        submit(hosted)
        hosted("wait")

        done = hosted("results", "-o", "out.jsonl", "--json")

        assert done.code == 7
        assert done.json["missing"] > 0
        assert done.json["rows"] == 20

    def test_one_result_file_that_is_gone_does_not_hide_the_other(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        hosted.play("partial")
        write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(20)])
        batch_id = submit(hosted)
        hosted("wait")
        with hosted.server.http() as http:
            output = http.get(f"/v1/batches/{batch_id}").json()["output_file_id"]
            http.delete(f"/v1/files/{output}")

        done = hosted("results", "-o", "out.jsonl")

        assert done.code == 10
        assert "is not there any more" in done.err
        errors = {row["error"]["type"] for row in read_lines(tmp_path / "out.jsonl")}
        assert "missing" in errors
        assert len(errors) > 1
