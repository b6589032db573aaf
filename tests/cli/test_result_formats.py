from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from batch_cli.results import manifest_path
from tests.conftest import Cli
from tests.support import read_lines, structured, write_lines


@pytest.fixture
def good_batch(cli: Cli, tmp_path: Path) -> str:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(4)])
    return str(cli("submit", "r.jsonl", "-m", "local/simulate", "--wait").out.strip())


ANSWERS: list[Any] = [
    {
        "custom_id": "a",
        "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "=1+1\nnext"}}]}},
    },
    {"custom_id": "b", "response": {"status_code": 429, "body": {"error": {"code": "rate_limit_exceeded"}}}},
    {"custom_id": "c", "response": None, "error": {"code": "batch_expired", "message": "</script>\x1b[2J"}},
]


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[str, ...]:
    """Give the call that converts a file of one good, one refused and one expired row, in another order."""
    write_lines(tmp_path / "got.jsonl", ANSWERS[::-1])
    asked = '{"custom_id":"%s","method":"POST","url":"/v1/chat/completions","body":{}}\n'
    (tmp_path / "asked.jsonl").write_text("".join(asked % one for one in "abc"))
    return ("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl")


class TestForms:
    @pytest.mark.usefixtures("good_batch")
    def test_objects_are_the_typed_answers_in_input_order_with_their_proof(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        done = cli("results", "-o", "out.jsonl", "--format", "objects")

        assert done.code == 0
        assert read_lines(tmp_path / "out.jsonl") == [{"name": "Ada", "age": 30 + n} for n in range(4)]
        manifest = json.loads(manifest_path(tmp_path / "out.jsonl").read_text())
        assert (manifest["format"], manifest["rows"], manifest["left_out"]) == ("objects", 4, 0)
        assert "already complete" in cli("results", "-o", "out.jsonl", "--format", "objects").err

    @pytest.mark.usefixtures("good_batch")
    def test_another_form_of_the_same_batch_replaces_the_output(self, cli: Cli, tmp_path: Path) -> None:
        cli("results", "-o", "out")

        done = cli("results", "-o", "out", "--format", "csv")

        assert (done.code, "already complete" in done.err) == (0, False)
        rows = list(csv.reader((tmp_path / "out").read_text().splitlines()))
        assert [row[:3] for row in rows[:2]] == [["custom_id", "name", "age"], ["r0", "Ada", "30"]]

    @pytest.mark.usefixtures("good_batch")
    def test_raw_is_what_the_engine_stored(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("results", "-o", "-", "--format", "raw")

        (stored,) = (tmp_path / "state").rglob("results.jsonl")
        assert sorted(done.out.encode().splitlines()) == sorted(stored.read_bytes().splitlines())

    def test_raw_lines_come_in_input_order_byte_for_byte(self, cli: Cli, tmp_path: Path, mixed: Any) -> None:
        done = cli(*mixed, "-o", "out", "--format", "raw")

        own = (tmp_path / "got.jsonl").read_bytes().splitlines(keepends=True)
        assert done.code == 7
        assert (tmp_path / "out").read_bytes() == b"".join(own[::-1])

    def test_text_leaves_out_what_failed_and_says_so(self, cli: Cli, mixed: Any) -> None:
        done = cli(*mixed, "-o", "-", "--format", "text")

        assert (done.code, done.out) == (7, "=1+1\\nnext\n")
        assert "2 rows are not in it: --format text has no place for them" in done.err
        assert "batch-cli retry" not in done.err, "what is not in our own lines cannot be sent again"

    def test_csv_defuses_formulas(self, cli: Cli, mixed: Any) -> None:
        done = cli(*mixed, "-o", "-", "--format", "csv")

        rows = list(csv.DictReader(done.out.splitlines(keepends=True)))
        assert [row["custom_id"] for row in rows] == ["a", "b", "c"]
        assert rows[0]["answer"] == "'=1+1\nnext"
        assert rows[1]["error_type"] == "rate_limit_exceeded"
        assert "\x1b" not in done.out

    def test_objects_of_untyped_answers_are_refused_and_nothing_is_written(
        self, cli: Cli, tmp_path: Path, mixed: Any
    ) -> None:
        done = cli(*mixed, "-o", "out", "--format", "objects")

        assert done.code == 2
        assert "needs to know what the answers look like" in done.err
        assert not (tmp_path / "out").exists()


MESSAGE = {
    "content": [{"type": "text", "text": "Hi there"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 4},
}
CANDIDATE = {
    "candidates": [{"content": {"parts": [{"text": "Hi there"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4},
}
CHAT = {
    "choices": [{"message": {"content": "Hi there"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
}
OF_PROVIDERS = {
    "openai": ({"custom_id": "a", "response": {"status_code": 200, "body": CHAT}}, "stop"),
    "anthropic": ({"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}}, "end_turn"),
    "google": ({"key": "a", "response": CANDIDATE}, "STOP"),
}


@pytest.mark.parametrize("provider", OF_PROVIDERS)
class TestEveryProvider:
    @pytest.fixture(autouse=True)
    def got(self, tmp_path: Path, provider: str) -> bytes:
        return write_lines(tmp_path / "got.jsonl", [OF_PROVIDERS[provider][0]]).read_bytes()

    @pytest.mark.parametrize(
        ("form", "expected"), [("text", "Hi there\n"), ("table", "custom_id\tanswer\na\tHi there\n")]
    )
    def test_its_words_are_found(self, cli: Cli, form: str, expected: str) -> None:
        assert cli("results", "--from-file", "got.jsonl", "--format", form).out == expected

    def test_its_own_line_is_raw(self, cli: Cli, got: bytes) -> None:
        assert cli("results", "--from-file", "got.jsonl", "--format", "raw", "-o", "-").out.encode() == got

    def test_csv_has_its_reason_and_its_tokens(self, cli: Cli, provider: str) -> None:
        done = cli("results", "--from-file", "got.jsonl", "--format", "csv", "-o", "-")

        (row,) = csv.DictReader(done.out.splitlines())
        assert [
            row[name] for name in ("custom_id", "answer", "finish_reason", "input_tokens", "output_tokens")
        ] == [*("a", "Hi there", OF_PROVIDERS[provider][1], "9", "4")]

    def test_a_report_has_its_tokens(self, cli: Cli) -> None:
        cli("results", "--from-file", "got.jsonl", "-o", "out.jsonl")

        tokens = cli("report", "out.jsonl", "--json").json["tokens"]
        assert (tokens["input"]["sum"], tokens["output"]["sum"]) == (9, 4)


class TestVerdict:
    def test_reasons_and_the_next_command_are_named(self, cli: Cli, mixed: Any) -> None:
        err = cli(*mixed, "-o", "out").err

        assert "2 of 3 requests have no good answer (1 rate_limit_exceeded, 1 batch_expired)" in err
        assert "1 rate_limit: too much at once" in err
        assert "fix: batch-cli retry out --model openai/NAME --submit" in err

    def test_the_next_command_can_be_pasted_whatever_the_output_is_called(self, cli: Cli, mixed: Any) -> None:
        assert (
            "fix: batch-cli retry 'my out; ls' --model openai/NAME --submit"
            in cli(*mixed, "-o", "my out; ls").err
        )

    def test_what_cannot_pass_is_not_sent_again(self, cli: Cli, tmp_path: Path) -> None:
        refused = {"status_code": 400, "body": {"error": {"type": "invalid_request_error", "message": "no"}}}
        write_lines(tmp_path / "got.jsonl", [{"custom_id": "a", "response": refused}])

        err = cli("results", "--from-file", "got.jsonl", "-o", "out").err

        assert "1 bad_request: correct the parameters" in err
        assert "retry" not in err

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ((), 7),
            (("--fail-if", "errors>1"), 7),
            (("--fail-if", "errors>2"), 0),
            (("--fail-if", "errors>70%"), 0),
            (("--fail-if", "errors>2", "--fail-if", "expired>0"), 7),
            (("--fail-if", "missing>0", "--fail-if", "invalid>0"), 0),
            (("--fail-if", "broken>0"), 2),
            (("--fail-if", "errors>2", "--allow-partial"), 2),
            (("--allow-partial",), 0),
        ],
    )
    def test_conditions_replace_any_failure(self, cli: Cli, mixed: Any, words: Any, code: int) -> None:
        assert cli(*mixed, "-o", "out", *words).code == code
        if code != 2:
            assert cli(*mixed, "-o", "out", *words).code == code, "complete already"

    def test_a_batch_is_named_in_the_command_that_goes_on(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 30.") for n in range(30)])
        errors = ("--simulate-errors", "0.3", "--simulate-seed", "4")
        batch_id = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", *errors).out.strip()

        err = cli("results", "-o", "out.csv", "--format", "csv").err

        assert f"fix: batch-cli retry {batch_id} --submit" in err
        assert cli("retry", batch_id, "--submit").code == 0

    def test_a_batch_without_one_good_answer_is_10_whatever_is_asked(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "r.jsonl", [structured("r", "I'm Ada, 30.")])
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--simulate-errors", "1")

        assert cli("results", "-o", "out", "--fail-if", "missing>0").code == 10


class TestBesides:
    def test_failed_rows_stand_once_more_in_a_file_of_their_own(
        self, cli: Cli, tmp_path: Path, mixed: Any
    ) -> None:
        for _ in range(2):  # the second time the output is complete already
            done = cli(*mixed, "-o", "out", "--errors", "bad.jsonl")

            assert done.code == 7
            assert "Failed rows saved to: bad.jsonl (2 rows)" in done.err
            assert read_lines(tmp_path / "bad.jsonl") == read_lines(tmp_path / "out")[1:]
            (tmp_path / "bad.jsonl").unlink()

    def test_a_text_and_its_failed_rows_are_everything(self, cli: Cli, tmp_path: Path, mixed: Any) -> None:
        cli(*mixed, "-o", "out", "--format", "text", "--errors", "bad.jsonl")

        assert [row["error"]["retryable"] for row in read_lines(tmp_path / "bad.jsonl")] == [True, True]

    @pytest.mark.parametrize("name", ["out", "got.jsonl", "asked.jsonl", "-"])
    @pytest.mark.parametrize("option", ["--errors", "--junit"])
    def test_another_file_of_the_run_is_refused(
        self, cli: Cli, tmp_path: Path, mixed: Any, option: str, name: str
    ) -> None:
        before = (tmp_path / "got.jsonl").read_bytes()

        assert cli(*mixed, "-o", "out", option, name).code == 2
        assert (tmp_path / "got.jsonl").read_bytes() == before

    def test_other_results_are_not_overwritten_by_failed_rows(self, cli: Cli, mixed: Any) -> None:
        cli(*mixed, "-o", "first")

        assert cli(*mixed, "-o", "second", "--errors", "first").code == 2

    def test_junit_has_a_case_for_each_failed_row(self, cli: Cli, tmp_path: Path, mixed: Any) -> None:
        cli(*mixed, "-o", "out", "--junit", "report.xml")

        root = ET.parse(tmp_path / "report.xml").getroot()
        assert [case.get("name") for case in root.iter("testcase")] == ["1 rows with a good answer", "b", "c"]
        assert [one.get("type") for one in root.iter("failure")] == ["rate_limit_exceeded", "batch_expired"]

    def test_github_gets_a_summary_and_annotations(
        self, cli: Cli, tmp_path: Path, mixed: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
        (tmp_path / "summary.md").write_text("before\n")

        done = cli(*mixed, "-o", "out", "--github-summary")

        text = (tmp_path / "summary.md").read_text()
        assert text.startswith("before\n### results in got")
        assert "| 3 | 1 | 2 | 0 | 2 |" in text
        assert "&lt;/script&gt;" in text
        commands = [line for line in done.err.splitlines() if line.startswith("::")]
        assert [line.rpartition("::")[2].partition(";")[0] for line in commands] == [
            "1 of 3 rows: rate_limit",
            "1 of 3 rows: expired",
        ]

    def test_without_a_place_for_it_a_summary_is_refused_before_any_work(
        self, cli: Cli, tmp_path: Path, mixed: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

        assert cli(*mixed, "-o", "out", "--github-summary").code == 4
        assert not (tmp_path / "out").exists()
