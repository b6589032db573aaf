"""``run``: one line from a file to its answers; the same line again goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_cli.error_taxonomy import _SPECIFIC
from batch_cli.model import Batch
from batch_cli.providers.local import LocalProvider
from tests.cli.conftest import Hosted
from tests.conftest import Cli
from tests.support import read_lines, structured, write_lines

COUNT = 20
LOCAL = ("run", "r.jsonl", "-o", "out.jsonl", "--via", "local")
OPENAI = ("run", "r.jsonl", "-o", "out.jsonl", "-m", "openai/simulate", "--interval", "0.1")


@pytest.fixture(autouse=True)
def requests(tmp_path: Path) -> Path:
    lines = [structured(f"r{n}", f"I'm Ada, {20 + n}.") for n in range(COUNT)]
    return write_lines(tmp_path / "r.jsonl", lines)


def rows(tmp_path: Path) -> list[Any]:
    found = read_lines(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in found] == [f"r{n}" for n in range(COUNT)]
    return found


def are_good(tmp_path: Path) -> bool:
    return [row["parsed"] and row["parsed"]["age"] for row in rows(tmp_path)] == [
        20 + n for n in range(COUNT)
    ]


def batches(cli: Cli) -> list[Any]:
    found: list[Any] = cli("list", "--all", "--json").json["batches"]
    return found[::-1]


class TestLocal:
    def test_a_file_goes_to_its_answers_in_one_line(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*LOCAL)

        assert (done.code, done.out) == (0, "")
        assert are_good(tmp_path)
        assert "Results saved to: out.jsonl (20 ok, 0 failed, 0 missing) (simulated)" in done.err
        assert all("attempt" not in row for row in rows(tmp_path))

    def test_the_document_says_how_the_run_came_to_its_results(self, cli: Cli) -> None:
        document = cli(*LOCAL, "--simulate-errors", "0.5", "--attempts", "20", "--json").json

        assert document["schema"] == "batch_cli.run/v1"
        assert (document["via"], document["file"], document["ok"]) == ("local", "out.jsonl", COUNT)
        assert document["attempts"] > 2
        assert document["retried"] >= document["attempts"] - 1
        assert document["started_at"] <= document["finished_at"]

    def test_what_failed_is_sent_again_until_all_is_answered(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*LOCAL, "--simulate-errors", "0.5", "--attempts", "20")

        assert done.code == 0
        assert are_good(tmp_path)
        assert "attempt 2: sending" in done.err
        totals = [one["counts"]["total"] for one in batches(cli)]
        assert totals[0] == COUNT
        assert totals == sorted(totals, reverse=True)
        assert max(row["attempt"] for row in rows(tmp_path)) == len(totals)

    def test_so_often_and_no_more(self, cli: Cli, tmp_path: Path) -> None:
        for attempts, code in ((1, 10), (3, 10)):
            done = cli(*LOCAL, "--simulate-errors", "1", "--attempts", str(attempts), "--force")

            assert done.code == code
            assert [one["counts"]["total"] for one in batches(cli)] == [COUNT] * attempts
        assert {row["attempt"] for row in rows(tmp_path)} == {3}, "the newest error"
        assert cli(*LOCAL, "--simulate-errors", "1", "--allow-partial").code == 10

    def test_the_same_line_again_does_nothing(self, cli: Cli, tmp_path: Path) -> None:
        line = (*LOCAL, "--simulate-errors", "0.4", "--attempts", "2", "--allow-partial")
        assert cli(*line).code == 0
        before = (tmp_path / "out.jsonl").stat().st_mtime_ns

        done = cli(*line)

        assert done.code == 0
        assert "(already complete)" in done.err
        assert (tmp_path / "out.jsonl").stat().st_mtime_ns == before
        assert len(batches(cli)) == 2

    def test_more_attempts_go_on_behind_those_that_were_made(self, cli: Cli, tmp_path: Path) -> None:
        line = (*LOCAL, "--simulate-errors", "0.5")
        assert cli(*line, "--attempts", "1").code == 7

        assert cli(*line, "--attempts", "20").code == 0

        assert are_good(tmp_path)
        assert [one["counts"]["total"] for one in batches(cli)].count(COUNT) == 1

    def test_the_answers_of_a_submit_of_the_same_content_are_used(self, cli: Cli, tmp_path: Path) -> None:
        cli("submit", "r.jsonl", "-m", "local/simulate")

        assert cli(*LOCAL).code == 0

        assert are_good(tmp_path)
        assert len(batches(cli)) == 1

    def test_a_cancelled_batch_is_not_begun_anew_what_it_left_is_sent(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = cli("submit", "r.jsonl", "-m", "local/simulate").out.strip()
        cli("cancel", batch_id)

        assert cli(*LOCAL).code == 0

        assert are_good(tmp_path)
        assert {row["attempt"] for row in rows(tmp_path)} == {2}
        assert cli("results", batch_id, "-o", "same.jsonl").code == 0

    def test_messages_from_standard_input_reach_standard_output(self, process: Cli) -> None:
        lines = b"".join(b'{"prompt": "I am Ada, %d."}\n' % n for n in range(5))

        done = process(
            "run",
            "-",
            "-o",
            "-",
            "--via",
            "local",
            "--simulate-errors",
            "0.5",
            "--attempts",
            "20",
            stdin=lines,
        )

        assert done.code == 0, done.err
        ids = [json.loads(line)["custom_id"] for line in done.out.splitlines()]
        assert ids == [f"request-{n}" for n in range(5)]

    def test_an_answer_that_does_not_fit_is_asked_for_again(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "strict.py").write_text(
            "from pydantic import BaseModel, Field\nclass Old(BaseModel):\n    name: str\n    age: int = Field(ge=22)\n"
        )

        done = cli(*LOCAL, "-r", "strict.py:Old", "--attempts", "2")

        assert done.code == 7
        assert "attempt 2: sending 2 requests again (2 schema_mismatch)" in done.err

    def test_a_file_over_the_limits_is_a_job_and_retried_as_one(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*LOCAL, "--split-requests", "6", "--simulate-errors", "0.5", "--attempts", "20")

        assert done.code == 0
        assert are_good(tmp_path)
        assert sum(one["shards"] == 4 for one in batches(cli)) == 4

    def test_an_attempt_of_several_batches_that_was_cut_off_goes_on_with_the_next_of_them(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = (*LOCAL, "--split-requests", "3", "--simulate-errors", "0.5", "--attempts", "20")
        created: list[object] = []
        create = LocalProvider.create

        def die(self: LocalProvider, *arguments: Any) -> Batch:
            created.append(arguments)
            if len(created) == COUNT // 3 + 1 + 2:  # all of the first attempt, one of the second
                raise KeyboardInterrupt
            return create(self, *arguments)

        monkeypatch.setattr(LocalProvider, "create", die)
        assert cli(*line).code == 130
        first = cli("list", "--json").json["batches"]
        root = batches(cli)[0]["job"]
        assert {one["job"] for one in first} != {root}, "the second attempt was begun"
        other = cli("retry", root, "--where", "error.code==429", "--submit")
        assert other.code == 9
        assert "was begun as bcj_" in other.err
        assert "with other options" in other.err

        assert cli(*line).code == 0

        assert are_good(tmp_path)
        attempts = {row["custom_id"]: row["attempt"] for row in rows(tmp_path)}
        assert sum(one["counts"]["total"] for one in batches(cli)) == sum(attempts.values())

    def test_a_file_that_is_wrong_is_3_and_nothing_is_sent(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "r.jsonl").write_text('{"custom_id": "a", "body": 1}\n')

        assert cli(*LOCAL).code == 3
        assert batches(cli) == []

    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (("run", "-o", "out.jsonl"), 2, "either FILE or --prompt"),
            ((*LOCAL, "--prompt", "Hi"), 2, "either FILE or --prompt"),
            (("run", "--prompt", "", "-m", "local/simulate"), 3, "the prompt is empty"),
            (("run", "--prompt", "Hi", "-m", "local/simulate", "--json"), 2, "--json"),
            (("run", "--prompt", "Hi", "-m", "local/llama3"), 2, "say where the model is"),
            ((*LOCAL, "-m", "openai/gpt-4o-mini"), 2, "--via local does not ask openai"),
            ((*LOCAL, "--attempts", "0"), 2, "attempts"),
            (("run", "r.jsonl", "-o", "-", "--via", "local", "--json"), 2, "--json"),
            (("run", "r.jsonl", "-o", "r.jsonl", "--via", "local"), 9, "holds something else"),
            (OPENAI, 4, "OPENAI_API_KEY"),
        ],
    )
    def test_what_cannot_be_is_told_before_anything_is_sent(
        self, cli: Cli, words: tuple[str, ...], code: int, says: str
    ) -> None:
        done = cli(*words)

        assert done.code == code
        assert says in done.err
        assert batches(cli) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.txt", "I'm Ada, 36.\nI'm Bob, 40.\n", ()),
        ("p.md", "I'm Ada, 36.\nI'm Bob, 40.\n", ("--lines",)),
        ("p.json", '["I\'m Ada, 36.",\n "I\'m Bob, 40."]', ()),
        ("p.jsonl", '{"prompt":"I\'m Ada, 36."}\n{"prompt":"I\'m Bob, 40."}\n', ()),
        ("p.csv", 'n,text\n1,"I\'m Ada, 36."\n2,"I\'m Bob, 40."\n', ("--prompt-column", "text")),
    ],
)
def test_prompts_are_the_same_requests_from_whatever_file_and_typed(
    cli: Cli, tmp_path: Path, name: str, content: str, words: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(content)
    typed = cli("run", "--prompt", "I'm Ada, 36.", "--prompt", "I'm Bob, 40.", "--via", "local")

    filed = cli("run", name, *words, "--via", "local", "--max-tokens", "256", "--temperature", "0")

    assert (typed.code, filed.code) == (0, 0), filed.err
    assert "nothing was sent" in filed.err, "the same content is the same run"
    both = [[json.loads(line)["response"]["body"] for line in one.out.splitlines()] for one in (typed, filed)]
    assert both[0] == both[1]
    texts = [body["choices"][0]["message"]["content"] for body in both[0]]
    assert ["Ada" in texts[0], "Bob" in texts[1]] == [True, True]


def test_an_error_row_of_a_batch_says_the_endpoint_it_was_for(cli: Cli) -> None:
    words = ("--via", "local", "--simulate-errors", "1", "--attempts", "1", "--return-error")
    done = cli("run", "--prompt", "Hi", *words)

    error = json.loads(done.out)["error"]
    assert (error["url"], error["method"]) == ("/v1/chat/completions", "POST")
    assert isinstance(error["status_code"], int)
    assert error["error_type"] in ("server", "rate_limit")


class TestHosted:
    @pytest.mark.parametrize("scenario", ["partial", "expired-partial", "missing-rows", "expired-empty"])
    def test_what_the_first_attempt_left_undone_the_second_does(
        self, hosted: Hosted, tmp_path: Path, scenario: str
    ) -> None:
        hosted.play(scenario)
        first = hosted(*OPENAI, "--attempts", "1")
        assert first.code in (7, 10), first.err
        hosted.play("ok")

        done = hosted(*OPENAI)

        assert done.code == 0, done.err
        assert are_good(tmp_path)
        answered = sum(row["attempt"] == 1 for row in rows(tmp_path))
        assert [one["requests"] for one in hosted.batches()] == [COUNT, COUNT - answered]

    def test_nothing_is_sent_again_that_was_refused_for_good(self, hosted: Hosted, tmp_path: Path) -> None:
        lines = read_lines(tmp_path / "r.jsonl")
        hard = {"x": {"type": "string", "pattern": "(?<=a)b(?!c)^$z"}}
        too_hard = {"type": "object", "properties": hard, "required": ["x"]}
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": too_hard}}
        lines[3]["body"]["response_format"] = wanted
        write_lines(tmp_path / "r.jsonl", lines)

        done = hosted(*OPENAI)

        assert done.code == 7
        assert [row["response"]["status_code"] for row in rows(tmp_path) if row["error"]] == [400]
        assert len(hosted.batches()) == 1

    def test_a_batch_that_was_refused_as_a_whole_is_not_sent_again(
        self, hosted: Hosted, tmp_path: Path
    ) -> None:
        hosted.play("rejected")

        done = hosted(*OPENAI)

        assert done.code == 10
        assert len(hosted.batches()) == 1
        assert len(read_lines(tmp_path / "out.jsonl")) == COUNT

    def test_an_account_without_money_stops_it_with_5_and_keeps_what_is_done(
        self, hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosted.play("partial")
        # As if the rows said that there is no money: the server has no scenario for it.
        for word in ("server_error", "rate_limit_exceeded", "overloaded"):
            monkeypatch.setitem(_SPECIFIC, word, _SPECIFIC["insufficient_quota"])

        done = hosted(*OPENAI)

        assert done.code == 5, done.err
        assert "may not spend more" in done.err
        assert len(hosted.batches()) == 1
        assert 0 < sum(row["error"] is None for row in rows(tmp_path)) < COUNT
        # The same line again, when there is money.
        hosted.play("ok")
        assert hosted(*OPENAI).code == 0
        assert are_good(tmp_path)

    def test_an_attempt_that_is_not_taken_leaves_what_is_done(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted.play("partial")
        assert hosted(*OPENAI, "--attempts", "1").code == 7
        quota = {"fault": "status", "status": 400, "code": "billing_hard_limit_reached"}
        hosted.play(rules=[{"route": "POST /v1/batches", **quota}])
        (tmp_path / "out.jsonl").unlink()

        done = hosted(*OPENAI)

        assert done.code == 5, done.err
        assert 0 < sum(row["error"] is None for row in rows(tmp_path)) < COUNT
        hosted.play("ok")
        assert hosted(*OPENAI).code == 0
        assert are_good(tmp_path)

    def test_the_time_may_be_over_first(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted.play("stuck")

        done = hosted(*OPENAI, "--max-wait", "1s")

        assert done.code == 8
        assert "run the same line again" in done.err
        assert not (tmp_path / "out.jsonl").exists()
        assert len(hosted.batches()) == 1

    def test_the_time_may_be_over_in_the_second_attempt(self, hosted: Hosted, tmp_path: Path) -> None:
        hosted.play("partial")
        assert hosted(*OPENAI, "--attempts", "1").code == 7
        hosted.play("stuck")

        done = hosted(*OPENAI, "--max-wait", "1s")

        assert done.code == 8
        assert "attempt 2 has not ended" in done.err
        assert any(row["error"] for row in rows(tmp_path))
        assert len(hosted.batches()) == 2


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("openai/simulate", ("OPENAI_API_KEY", "OPENAI_BASE_URL")),
        ("anthropic/simulate", ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")),
        ("google/simulate", ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL")),
    ],
)
def test_messages_reach_every_provider_and_what_fails_there_is_sent_again(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, variables: tuple[str, str]
) -> None:
    monkeypatch.setenv(variables[0], "a-key-for-tests-0123456789")
    path = "/v1" if model.startswith("openai") else ""
    monkeypatch.setenv(variables[1], f"{hosted.server.url}{path}")
    lines = [{"custom_id": f"r{n}", "prompt": f"I'm Ada, {20 + n}."} for n in range(COUNT)]
    write_lines(tmp_path / "m.jsonl", lines)
    line = (
        "run",
        "m.jsonl",
        "-o",
        "out.jsonl",
        "-m",
        model,
        "-r",
        "batch_cli.demo:User",
        "--interval",
        "0.1",
    )
    hosted.play("partial")
    first = hosted(*line, "--attempts", "1")
    assert first.code == 7, first.err
    hosted.play("ok")

    done = hosted(*line)

    assert done.code == 0, done.err
    assert are_good(tmp_path)
    assert {row["attempt"] for row in rows(tmp_path)} == {1, 2}
    assert len(hosted.batches()) == 2
