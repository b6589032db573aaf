"""Submitting to a provider elsewhere: accounts, metadata, and jobs that run a few batches at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Hosted
from tests.contract.grounds import message
from tests.support import chat, read_lines, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "openai/simulate", "-q")
UNASKED = {"route": "GET /v1/batches", "fault": "status", "status": 401}
SPLIT = (*SUBMIT, "--split-requests", "2")


@pytest.fixture(autouse=True)
def requests(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(6)])


def billed(hosted: Hosted) -> int:
    return sum(batch["billed"] for batch in hosted.batches())


class TestAccount:
    def test_the_same_content_is_the_same_batch_for_the_same_key_only(
        self, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = hosted(*SUBMIT).out

        assert hosted(*SUBMIT).out == first
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
        assert hosted(*SUBMIT).out != first
        assert len(hosted.batches()) == 2

    def test_a_batch_of_another_key_that_is_not_found_says_so(
        self, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch_id = hosted(*SUBMIT).out.strip()
        hosted("wait", batch_id)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
        monkeypatch.setattr("batch_cli.jobs.whole._SHOWN_LATE", 0.0)
        hosted.play(rules=[{"route": "GET /v1/batches/*", "fault": "status", "status": 404}])

        done = hosted("status", batch_id)

        assert done.code == 5
        assert "it was submitted with another key or to another address" in done.err
        assert "sk-" not in done.err

    def test_a_batch_that_is_not_shown_yet_is_not_submitted_again(self, hosted: Hosted) -> None:
        first = hosted(*SUBMIT).out
        hosted.play("batch-not-yet-visible")

        assert hosted(*SUBMIT).out == first
        assert len(hosted.batches()) == 1


class TestAgain:
    """``--again`` after a break goes on: what was created, and nobody knows, would be paid twice."""

    LOST = ({"route": "POST /v1/batches", "fault": "reset", "when": "after"}, UNASKED)

    def test_it_goes_on_with_a_create_that_is_in_doubt(self, hosted: Hosted) -> None:
        hosted(*SUBMIT)
        hosted.play(rules=self.LOST)
        assert hosted(*SUBMIT, "--again").code == 4
        hosted.play(rules=[])

        done = hosted(*SUBMIT, "--again")

        assert done.code == 0
        assert done.out.strip() == hosted.batches()[1]["id"]
        assert len(hosted.batches()) == 2
        assert hosted(*SUBMIT, "--again").code == 0
        assert len(hosted.batches()) == 3

    def test_it_goes_on_with_a_job_of_which_a_part_is_created(self, hosted: Hosted) -> None:
        hosted.play(rules=[{**rule, "nth": 2} for rule in self.LOST[:1]] + [UNASKED])
        assert hosted(*SPLIT, "--again").code == 4
        hosted.play(rules=[])

        assert hosted(*SPLIT, "--again").code == 0
        assert billed(hosted) <= 6
        assert len(hosted.batches()) == 3
        assert hosted(*SPLIT, "--again").code == 0
        assert len(hosted.batches()) == 6


class TestMetadata:
    def test_fourteen_pairs_are_sent_and_fifteen_refused_before_anything_is(self, hosted: Hosted) -> None:
        pairs = [word for n in range(14) for word in ("--metadata", f"k{n}=v")]

        done = hosted(*SUBMIT, *pairs, "--metadata", "one=more")

        assert done.code == 2
        assert "openai takes 14 pairs at most besides the description and our own" in done.err
        assert hosted.batches() == []
        assert hosted(*SUBMIT, *pairs).code == 0
        assert len(hosted.batches()[0]["metadata"]) == 16

    @pytest.mark.parametrize(
        "words", [("--metadata", "batch_cli_intent=x"), ("--description", "d" * 513)], ids=["ours", "long"]
    )
    def test_our_own_key_and_long_values_are_refused(self, hosted: Hosted, words: tuple[str, str]) -> None:
        assert hosted(*SUBMIT, *words).code == 2
        assert hosted.batches() == []

    def test_a_provider_that_keeps_none_refuses_them_and_takes_a_description(
        self, hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", hosted.server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
        write_lines(tmp_path / "a.jsonl", [message("r", "text")])
        words = ("submit", "a.jsonl", "-m", "anthropic/claude-x", "--description", "d")

        done = hosted(*words, "--metadata", "one=more")

        assert done.code == 2
        assert "anthropic keeps no metadata" in done.err
        assert hosted.batches() == []
        assert hosted(*words).code == 0


class TestCompletionWindow:
    def test_one_that_the_provider_has_not_is_refused_before_anything_is_sent(self, hosted: Hosted) -> None:
        done = hosted(*SUBMIT, "--completion-window", "7d")

        assert done.code == 2
        assert "openai has no window '7d'\n  fix: use 24h" in done.err
        assert hosted.batches() == []
        assert hosted(*SUBMIT, "--completion-window", "24h").code == 0

    def test_one_that_the_provider_may_have_is_sent(
        self, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GROQ_BASE_URL", f"{hosted.server.url}/v1")
        monkeypatch.setenv("GROQ_API_KEY", "gsk-test")

        done = hosted("submit", "r.jsonl", "-m", "groq/simulate", "--completion-window", "7d")

        assert done.code == 5
        assert "Invalid value: '7d'" in done.err  # the server's own words: it knows 24h only

    @pytest.mark.parametrize("model", ["local/simulate", "mistral/simulate"])
    def test_a_provider_without_any_says_so(
        self, hosted: Hosted, model: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MISTRAL_API_KEY", "any")

        done = hosted("submit", "r.jsonl", "-m", model, "--completion-window", "24h")

        assert done.code == 2
        assert "have no such choice" in done.err


class TestInFlight:
    def test_no_more_batches_run_at_once_than_was_said(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted.play("stuck")
        done = hosted(*SPLIT[:-3], *SPLIT[-2:], "--max-in-flight-batches", "1")

        assert done.code == 0
        assert done.out.startswith("bcj_")
        assert (tmp_path / "openai_batch_id.txt").read_text() == done.out
        assert "2 of the 3 batches of bcj_" in done.err
        assert "are held back until there is room for them" in done.err
        assert len(hosted.batches()) == 1
        assert hosted("status").out.count("2 held back") == 1
        assert hosted("results", "-o", "o.jsonl").code == 8

    def test_wait_creates_what_was_held_back_as_others_end(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted(*SPLIT, "--max-in-flight-batches", "1")
        assert len(hosted.batches()) == 1

        assert hosted("wait").code == 0

        assert [batch["billed"] for batch in hosted.batches()] == [2, 2, 2]
        assert hosted("results", "-o", "o.jsonl").code == 0
        assert [row["custom_id"] for row in read_lines(tmp_path / "o.jsonl")] == [f"r{n}" for n in range(6)]

    def test_the_same_command_goes_on_too(self, hosted: Hosted) -> None:
        hosted(*SPLIT, "--max-in-flight-batches", "1")
        hosted("wait", hosted.batches()[0]["id"])

        hosted(*SPLIT)
        assert len(hosted.batches()) == 2

        hosted("wait", hosted.batches()[1]["id"])
        assert len(hosted(*SPLIT).out.split()) == 3
        assert hosted("wait").code == 0
        assert billed(hosted) == 6

    def test_batches_that_failed_because_too_much_was_queued_are_created_again(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        refused = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}
        hosted.play(batches=[{"nth": [2, 3], "reject": refused}])
        hosted(*SPLIT)

        assert hosted("wait").code == 0

        assert sorted(batch["billed"] for batch in hosted.batches()) == [0, 0, 2, 2, 2]
        assert hosted("results", "-o", "o.jsonl").code == 0
        assert len(read_lines(tmp_path / "o.jsonl")) == 6

    def test_a_create_that_is_refused_for_want_of_room_holds_the_rest_back(self, hosted: Hosted) -> None:
        full = {"fault": "status", "status": 429, "code": "token_limit_exceeded", "message": "too much"}
        hosted.play(rules=[{"route": "POST /v1/batches", "nth": [2], **full}])

        assert "2 of the 3 batches" in hosted(*SPLIT[:-3], *SPLIT[-2:]).err
        assert hosted("wait").code == 0
        assert [batch["billed"] for batch in hosted.batches()] == [2, 2, 2]

    def test_an_answer_that_was_lost_between_two_batches_costs_nothing_twice(self, hosted: Hosted) -> None:
        lost = {"route": "POST /v1/batches", "nth": 2, "fault": "reset", "when": "after"}
        no_list = {"route": "GET /v1/batches", "fault": "status", "status": 404}
        hosted.play(rules=[lost, no_list])
        words = [word for word in SPLIT if word != "-q"]

        first = hosted(*words)
        assert first.code == 11
        assert "1 of the 3 batches of bcj_" in first.err
        assert "batch-cli recover bci_" in first.err
        hosted.play("ok")

        assert hosted(*words, "--wait").code == 0
        assert [batch["billed"] for batch in hosted.batches()] == [2, 2, 2]

    def test_waiting_goes_on_for_the_others_while_one_is_in_doubt(self, hosted: Hosted) -> None:
        hosted(*SPLIT, "--max-in-flight-batches", "1")
        lost = {"route": "POST /v1/batches", "nth": 1, "fault": "reset", "when": "after"}
        no_list = {"route": "GET /v1/batches", "fault": "status", "status": 404}
        hosted.play(rules=[lost, no_list])

        assert hosted("wait").code == 11
        assert hosted.batches()[0]["status"] == "completed"

        hosted.play("ok")
        assert hosted("wait").code == 0
        assert [batch["billed"] for batch in hosted.batches()] == [2, 2, 2]

    def test_deleting_a_job_removes_what_was_held_back_too(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted(*SPLIT, "--max-in-flight-batches", "1")

        done = hosted("delete", "--yes", "--force")

        assert [line.split("\t")[0] for line in done.out.splitlines()].count("input") == 3
        assert not (tmp_path / "openai_batch_id.txt").exists()
        assert "nothing is unfinished" in hosted("recover").err

    def test_a_cancelled_job_creates_nothing_more(self, hosted: Hosted) -> None:
        hosted.play("stuck")
        hosted(*SPLIT, "--max-in-flight-batches", "1")

        assert hosted("cancel", "--wait").code == 0

        assert hosted("wait").code == 10
        assert len(hosted.batches()) == 1
