from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.conftest import Cli
from tests.support import chat, read_lines, structured, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "local/simulate")


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(5)])


@pytest.mark.usefixtures("requests")
class TestSubmit:
    @pytest.mark.parametrize(
        ("output", "code", "said"),
        [
            ("r.jsonl", 9, "exists and holds something else"),
            ("nowhere/out.jsonl", 12, "no such file or directory"),
            (".", 12, "it is a directory"),
        ],
    )
    def test_a_name_that_results_cannot_have_is_refused_before_anything_runs(
        self, cli: Cli, output: str, code: int, said: str
    ) -> None:
        done = cli(*SUBMIT, "--results", output)

        assert (done.code, done.out) == (code, "")
        assert said in done.err
        assert cli("list").out == ""

    def test_the_way_to_replace_other_results_can_be_gone(self, cli: Cli, tmp_path: Path) -> None:
        cli(*SUBMIT, "--results", "out.jsonl")
        batch_id = cli(*SUBMIT, "--again").out.strip()

        refused = cli(*SUBMIT, "--results", "out.jsonl")
        fix = f"batch-cli results {batch_id} -o FILE --force"

        assert refused.code == 9
        assert fix in refused.err
        assert cli(*fix.replace("FILE", "out.jsonl").split()[1:]).code == 0
        assert batch_id in (tmp_path / "out.jsonl").read_text()

    def test_a_stop_while_the_pointer_is_written_is_heard(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace = os.replace

        def stop(source: Path, target: Path) -> None:
            if Path(target).name == "local_batch_id.txt":
                os.kill(os.getpid(), signal.SIGTERM)
            replace(source, target)

        monkeypatch.setattr(os, "replace", stop)
        stopped = cli(*SUBMIT, "--wait")
        monkeypatch.setattr(os, "replace", replace)

        assert stopped.code == 143
        assert "Stopped." in stopped.err
        assert "already submitted" in cli(*SUBMIT).err

    def test_the_id_is_all_there_is_on_standard_output(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*SUBMIT)

        assert done.code == 0
        (batch_id,) = done.out.splitlines()
        assert (tmp_path / "local_batch_id.txt").read_text() == f"{batch_id}\n"
        assert "r.jsonl: 5 requests" in done.err
        assert "answers are simulated by rules" in done.err
        assert f"Next: batch-cli wait {batch_id}" in done.err

    def test_the_document_says_what_was_sent(self, cli: Cli) -> None:
        document = cli(*SUBMIT, "--json", "--metadata", "team=search").json

        assert document["schema"] == "batch_cli.submit/v1"
        assert document["created"] is True
        assert document["batch"]["simulated"] is True
        assert document["batch"]["metadata"] == {"description": "batch-cli", "team": "search"}
        assert document["input"]["requests"] == 5
        assert document["intent"].startswith("bci_")
        assert document["state_file"] == "local_batch_id.txt"

    def test_the_same_content_is_never_submitted_twice_by_accident(self, cli: Cli) -> None:
        first = cli(*SUBMIT).out
        again = cli(*SUBMIT)

        assert again.out == first
        assert f"already submitted as {first.strip()}" in again.err
        assert "--again" in again.err
        assert cli(*SUBMIT, "--again").out != first
        assert len(cli("list").out.splitlines()) == 2

    def test_other_settings_are_other_content(self, cli: Cli) -> None:
        assert cli(*SUBMIT).out != cli(*SUBMIT, "--simulate-seed", "7").out

    def test_a_cancelled_batch_may_be_submitted_again(self, cli: Cli) -> None:
        first = cli(*SUBMIT).out
        cli("cancel")

        assert cli(*SUBMIT).out != first

    def test_waiting_ends_with_the_results(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*SUBMIT, "--wait", "--results", "out.jsonl")

        assert done.code == 0
        assert "completed, 5 requests" in done.err
        assert "Results saved to: out.jsonl (5 ok, 0 failed, 0 missing)" in done.err
        assert [row["parsed"]["age"] for row in read_lines(tmp_path / "out.jsonl")] == [30, 31, 32, 33, 34]

    def test_waiting_says_by_its_code_how_it_ended(self, cli: Cli) -> None:
        some = cli(*SUBMIT, "--wait", "--simulate-errors", "0.5", "--simulate-seed", "1")
        none = cli(*SUBMIT, "--wait", "--simulate-errors", "1")

        assert (some.code, none.code) == (7, 10)

    def test_waiting_has_a_limit(self, cli: Cli) -> None:
        done = cli(*SUBMIT, "--wait", "--simulate-latency", "60000", "--max-wait", "0.2s", "--results", "o")

        assert done.code == 8

    def test_any_form_of_messages_is_converted_on_the_way(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "m.jsonl", [[{"role": "user", "content": "I'm Ada, 36."}]])

        done = cli(
            "submit",
            "m.jsonl",
            "-m",
            "local/simulate",
            "-r",
            "batch_cli.demo:User",
            "--wait",
            "--results",
            "o.jsonl",
        )

        assert done.code == 0
        (row,) = read_lines(tmp_path / "o.jsonl")
        assert row["parsed"] == {"name": "Ada", "age": 36}
        assert not list(tmp_path.glob("*.tmp"))

    def test_without_a_pointer_the_journal_still_knows(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "local_batch_id.txt").mkdir()

        done = cli(*SUBMIT)

        assert done.code == 0
        assert "Warning: local_batch_id.txt was not written" in done.err
        assert cli("list").out.startswith(done.out.strip())

    def test_a_key_is_asked_for_only_after_the_file_was_found_right(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "bad.jsonl", [{"custom_id": "a", "url": "x", "body": {}}])

        assert cli("submit", "bad.jsonl", "-m", "openai/m").code == 3
        assert cli("submit", "r.jsonl", "-m", "openai/simulate").code == 4

    def test_a_model_that_contradicts_the_file_is_refused(self, cli: Cli) -> None:
        done = cli("submit", "r.jsonl", "-m", "openai/gpt-4o")

        assert done.code == 3
        assert 'error[E315]: --model says "gpt-4o", the line says "simulate"' in done.err

    def test_a_file_that_changes_while_it_is_read_is_not_sent(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from batch_cli.state import Journal

        real = Journal.prepare

        def prepare_and_change(journal: Journal, new: object) -> object:
            write_lines(tmp_path / "r.jsonl", [chat("other")])
            return real(journal, new)  # type: ignore[arg-type]  # passed on

        monkeypatch.setattr(Journal, "prepare", prepare_and_change)
        done = cli(*SUBMIT)

        assert done.code == 3
        assert "changed while it was read" in done.err
        assert cli("list").out == ""


def test_a_missing_file_is_exit_3_with_a_hint(cli: Cli) -> None:
    done = cli("submit", "nope.jsonl", "-m", "local/simulate")

    assert (done.code, done.out) == (3, "")
    assert "Error: no such file: 'nope.jsonl'" in done.err


class TestCreateFromFile:
    def test_it_announces_the_id_and_lists_the_same_provider(self, cli: Cli, requests: Path) -> None:
        done = cli("create-from-file", "--file-path", requests.name, "--model", "local/simulate")

        first, *rest = done.out.splitlines()
        assert done.code == 0
        assert first.startswith("Batch job created with ID: local_")
        assert rest[0].startswith(first.rpartition(" ")[2])

    def test_it_takes_the_providers_own_format_only(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "a.jsonl", [{"custom_id": "a", "params": {"model": "m"}}])

        done = cli("create-from-file", "-i", "a.jsonl", "-m", "openai/gpt-4o-mini")

        assert done.code == 3
        assert "a.jsonl:1:1: error[E312]: this is Anthropic format, expected OpenAI format" in done.err

    def test_the_description_is_kept(self, cli: Cli, requests: Path) -> None:
        document = cli("create-from-file", "-i", requests.name, "-m", "local/simulate", "--json").json

        assert document["batch"]["metadata"] == {"description": "Instructor batch job"}


def test_an_interrupted_submit_goes_on_where_it_was(
    cli: Cli, requests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step fails, the same command again ends with one batch."""
    from batch_cli.providers.local import LocalProvider

    for step in ("stage", "create"):
        with monkeypatch.context() as patch:

            def fail(*_args: object, **_options: object) -> None:
                raise KeyboardInterrupt

            patch.setattr(LocalProvider, step, fail)
            assert cli("submit", requests.name, "-m", "local/simulate").code == 130

    done = cli("submit", requests.name, "-m", "local/simulate", "-v")

    assert done.code == 0
    assert "going on with the unfinished submit bci_" in done.err
    assert len(cli("list").out.splitlines()) == 1


def test_a_create_whose_answer_was_lost_is_found_again(
    cli: Cli, requests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batch_cli.providers.local import LocalProvider

    real = LocalProvider.create

    def create_and_die(*args: object, **options: object) -> None:
        real(*args, **options)  # type: ignore[arg-type]  # passed on
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalProvider, "create", create_and_die)
        assert cli("submit", requests.name, "-m", "local/simulate").code == 130

    assert cli("submit", requests.name, "-m", "local/simulate").code == 0
    assert cli("worker", "status", "--json").json["queued"] == 5


def test_the_guard_lasts_a_day(cli: Cli, requests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cli("submit", requests.name, "-m", "local/simulate").out
    now = time.time()
    monkeypatch.setattr("batch_cli.clock.SystemClock.now", lambda _clock: now + 25 * 3600)

    assert cli("submit", requests.name, "-m", "local/simulate").out != first


def test_a_submission_is_json_when_it_waits_too(cli: Cli, requests: Path) -> None:
    done = cli("submit", requests.name, "-m", "local/simulate", "--wait", "--json")

    assert json.loads(done.out)["batch"]["status"] == "completed"


class TestOtherDialects:
    """A request file of any provider can be submitted to any other."""

    ANTHROPIC: ClassVar[dict[str, Any]] = {
        "custom_id": "a",
        "params": {
            "model": "claude",
            "max_tokens": 5,
            "thinking": {"type": "enabled", "budget_tokens": 9},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        },
    }
    GOOGLE: ClassVar[dict[str, Any]] = {"key": "a", "request": {"contents": [{"parts": [{"text": "Hi"}]}]}}
    BARE: ClassVar[dict[str, Any]] = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "top_p": 1,
    }

    def test_a_file_is_converted_and_losses_are_warnings(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "a.jsonl", [self.ANTHROPIC])

        done = cli("submit", "a.jsonl", "-m", "local/simulate")

        assert done.code == 0
        assert "converted from Anthropic format" in done.err
        assert "lost: params.thinking on 1 line (first line 1)" in done.err
        cli("wait", "-q")
        assert cli("results", "-o", "out.jsonl").code == 0
        (row,) = read_lines(tmp_path / "out.jsonl")
        assert (row["custom_id"], row["response"]["status_code"]) == ("a", 200)

    @pytest.mark.parametrize("line", ["ANTHROPIC", "GOOGLE", "BARE"])
    def test_the_same_file_twice_is_the_same_batch(self, cli: Cli, tmp_path: Path, line: str) -> None:
        write_lines(tmp_path / "a.jsonl", [getattr(self, line)])

        first = cli("submit", "a.jsonl", "-m", "local/simulate")
        again = cli("submit", "a.jsonl", "-m", "local/simulate")

        assert (first.code, again.code) == (0, 0)
        assert first.out == again.out
        assert "already submitted" in again.err

    def test_faults_are_placed_in_the_file_itself(self, cli: Cli, tmp_path: Path) -> None:
        faulty = {**self.ANTHROPIC, "params": {**self.ANTHROPIC["params"], "tools": 7}}
        write_lines(tmp_path / "a.jsonl", [self.ANTHROPIC, faulty])

        done = cli("submit", "a.jsonl", "-m", "local/simulate")

        assert done.code == 3
        assert "a.jsonl:2:" in done.err

    @pytest.mark.parametrize(
        ("line", "found"),
        [("ANTHROPIC", "Anthropic format"), ("GOOGLE", "Google format"), ("BARE", "regolo format")],
    )
    def test_create_from_file_says_what_it_found_and_how_to_go_on(
        self, cli: Cli, tmp_path: Path, line: str, found: str
    ) -> None:
        write_lines(tmp_path / "my file.jsonl", [getattr(self, line)])

        done = cli("create-from-file", "-i", "my file.jsonl", "-m", "local/simulate")

        assert done.code == 3
        assert (
            f"my file.jsonl:1:1: error[E312]: this is {found}, expected the local engine format" in done.err
        )
        assert "batch-cli convert 'my file.jsonl' --to local -o 'my file.local.jsonl'" in done.err
        assert "batch-cli submit 'my file.jsonl' -m local/simulate" in done.err
