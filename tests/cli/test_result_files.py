"""`results --from-file`: a result file that is here already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, read_lines, structured, write_lines

CALL = ("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl")


def answer(custom_id: str, text: str = "Hi", **more: Any) -> dict[str, Any]:
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], **more}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a directory with three requests and their three results, in another order."""
    write_lines(tmp_path / "asked.jsonl", [chat(one) for one in "abc"])
    write_lines(tmp_path / "got.jsonl", [answer(one, f"answer {one}") for one in "cab"])
    return tmp_path


@pytest.mark.usefixtures("files")
class TestConvert:
    def test_rows_come_in_input_order_with_their_proof(self, cli: Cli, tmp_path: Path) -> None:
        done = cli(*CALL, "-o", "out.jsonl")

        assert (done.code, done.out) == (0, "")
        assert "Results saved to: out.jsonl (3 ok, 0 failed, 0 missing)" in done.err
        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["custom_id"] for row in rows] == ["a", "b", "c"]
        assert [list(row) for row in rows] == [["custom_id", "id", "response", "error"]] * 3
        manifest = json.loads((tmp_path / "out.jsonl.meta.json").read_text())
        assert (manifest["rows"], manifest["ok"], manifest["provider"]) == (3, 3, "openai")
        assert manifest["source"]["file"] == "got.jsonl"
        assert manifest["requests"]["count"] == 3

    def test_it_needs_no_state(self, cli: Cli, tmp_path: Path) -> None:
        assert cli(*CALL, "-o", "out.jsonl").code == 0
        assert not (tmp_path / "state").exists()

    def test_a_second_time_says_so_and_other_results_are_refused(self, cli: Cli, tmp_path: Path) -> None:
        cli(*CALL, "-o", "out.jsonl")
        assert "(already complete)" in cli(*CALL, "-o", "out.jsonl").err
        write_lines(tmp_path / "got.jsonl", [answer(one, "other") for one in "abc"])

        refused = cli(*CALL, "-o", "out.jsonl")

        assert refused.code == 9
        assert "exists and holds something else" in refused.err
        assert cli(*CALL, "-o", "out.jsonl", "--force").code == 0

    @pytest.mark.parametrize("name", ["got.jsonl", "asked.jsonl"])
    def test_what_is_read_is_never_overwritten_not_even_by_force(
        self, cli: Cli, tmp_path: Path, name: str
    ) -> None:
        before = (tmp_path / name).read_bytes()

        done = cli(*CALL, "-o", name, "--force")

        assert (done.code, done.out) == (2, "")
        assert "are the same file" in done.err
        assert (tmp_path / name).read_bytes() == before

    def test_the_output_of_a_file_is_not_taken_for_a_batchs(self, cli: Cli, tmp_path: Path) -> None:
        cli(*CALL, "-o", "out.jsonl")
        write_lines(tmp_path / "r.jsonl", [structured("x", "I'm Bob, 50.")])
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")

        assert "exists and holds something else" in cli("results", "-o", "out.jsonl").err

    def test_without_requests_the_order_is_the_files(self, cli: Cli) -> None:
        done = cli("results", "--from-file", "got.jsonl")

        assert [json.loads(line)["custom_id"] for line in done.out.splitlines()] == ["c", "a", "b"]

    def test_a_document_counts_and_needs_no_output(self, cli: Cli) -> None:
        document = cli(*CALL, "--json").json

        assert document["schema"] == "batch_cli.results/v1"
        assert (document["batch"], document["file"], document["rows"]) == (None, None, 3)
        assert (document["source"]["path"], document["source"]["results"]) == ("got.jsonl", 3)

    def test_a_table_shows_the_answers(self, cli: Cli) -> None:
        done = cli(*CALL, "--format", "table")

        assert done.out.splitlines() == ["custom_id\tanswer", "a\tanswer a", "b\tanswer b", "c\tanswer c"]


@pytest.mark.usefixtures("files")
class TestWhatIsWrong:
    def test_what_is_missing_is_a_row_and_exit_7(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "got.jsonl", [answer("b")])

        done = cli(*CALL, "-o", "out.jsonl")

        assert done.code == 7
        assert 'got.jsonl: error[E702]: missing result: 2 of 3 requests have none ("a", "c")' in done.err
        assert [row["error"] and row["error"]["type"] for row in read_lines(tmp_path / "out.jsonl")] == [
            "missing",
            None,
            "missing",
        ]
        assert cli(*CALL, "-o", "out2.jsonl", "--allow-partial").code == 0

    def test_contradictions_go_to_a_file_of_their_own(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "got.jsonl", [answer("a"), answer("b"), answer("a", "No")])

        done = cli(*CALL, "-o", "out.jsonl")

        assert done.code == 13
        assert 'got.jsonl:3:1: error[E703]: duplicate result for "a"' in done.err
        assert "it differs from the one on line 1" in done.err
        assert "out.jsonl.conflicts.jsonl" in done.err
        assert read_lines(tmp_path / "out.jsonl.conflicts.jsonl") == [answer("a"), answer("a", "No")]

    def test_contradictions_cost_no_other_row(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "got.jsonl", [answer("a"), answer("b"), answer("a", "No")])

        assert cli(*CALL, "-o", "out.jsonl", "--allow-partial").code == 13

        rows = read_lines(tmp_path / "out.jsonl")
        assert [row["error"] and row["error"]["type"] for row in rows] == ["conflict", None, "missing"]
        manifest = json.loads((tmp_path / "out.jsonl.meta.json").read_text())
        assert (manifest["conflicts"], manifest["duplicates"], manifest["unknown"]) == (1, 0, 0)

    def test_what_was_damaged_is_never_taken_for_complete(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "got.jsonl", [answer("a"), answer("b"), answer("a", "No")])

        assert [cli(*CALL, "-o", "out.jsonl").code for _ in range(2)] == [13, 13]

    def test_a_repeated_row_is_written_once_with_a_warning(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "got.jsonl", [answer("a"), answer("b"), answer("c"), answer("b"), answer("b")])

        done = cli(*CALL, "-o", "out.jsonl", "--json")

        assert (done.code, done.json["duplicates"], done.json["rows"]) == (0, 2, 3)
        assert "got.jsonl:4:1: warning[W703]" in done.err
        assert "identical to the one on line 2 (and 1 more like it)" in done.err
        assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == ["a", "b", "c"]

    def test_damage_leaves_standard_output_empty(self, cli: Cli, tmp_path: Path) -> None:
        with (tmp_path / "got.jsonl").open("a") as stream:
            stream.write('{"custom_id": "d"')

        done = cli(*CALL, "--json")

        assert (done.code, done.out) == (13, "")
        document = json.loads(done.err.splitlines()[-1])
        assert (document["code"], document["reference"]) == ("DAMAGED", "E705")
        assert document["problems"][0]["line"] == 4

    def test_nobodys_result_is_kept_apart_and_exit_13(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "asked.jsonl", [chat("a"), chat("b")])

        done = cli(*CALL, "-o", "out.jsonl")

        assert done.code == 13
        assert 'got.jsonl:1:1: error[E704]: unknown custom_id "c"' in done.err
        assert read_lines(tmp_path / "out.jsonl.unknown.jsonl") == [answer("c", "answer c")]
        assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == ["a", "b"]

    @pytest.mark.parametrize("line", ['{"custom_id": "a"', '{"body": {}, "url": "/v1/x"}', "[]"])
    def test_requests_that_cannot_be_read_are_exit_3(self, cli: Cli, tmp_path: Path, line: str) -> None:
        (tmp_path / "asked.jsonl").write_text(line + "\n")

        done = cli(*CALL)

        assert done.code == 3
        assert "asked.jsonl:1:" in done.err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("results", "--requests", "asked.jsonl"), "--requests goes with --from-file"),
            ((*CALL, "local_1"), "--from-file needs no batch"),
            ((*CALL, "--wait"), "--from-file needs no batch"),
            ((*CALL, "--json", "-o", "-"), "do not go together"),
            (("results", "--from-file", "-", "--requests", "-"), "only one of"),
        ],
    )
    def test_a_call_that_makes_no_sense_is_exit_2(
        self, cli: Cli, words: tuple[str, ...], message: str
    ) -> None:
        done = cli(*words)

        assert done.code == 2
        assert message in done.err

    def test_a_file_of_another_provider_is_named(self, cli: Cli) -> None:
        done = cli(*CALL, "--provider", "anthropic")

        assert done.code == 13
        assert "this is an OpenAI result, expected an Anthropic result" in done.err


def test_the_requests_schema_types_the_answers_of_every_provider(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "asked.jsonl", [structured(one, "I'm Ada, 36.") for one in "ab"])
    tool = {"type": "tool_use", "name": "extract_data", "input": {"name": "Ada", "age": 36}}
    good = {"type": "succeeded", "message": {"id": "m", "content": [tool], "stop_reason": "tool_use"}}
    bad = {"type": "succeeded", "message": {"id": "m", "content": [{"type": "text", "text": "Ada"}]}}
    write_lines(
        tmp_path / "got.jsonl", [{"custom_id": "b", "result": bad}, {"custom_id": "a", "result": good}]
    )

    done = cli(*CALL, "-o", "out.jsonl")

    rows = read_lines(tmp_path / "out.jsonl")
    assert done.code == 7
    assert rows[0]["parsed"] == {"name": "Ada", "age": 36}
    assert (rows[1]["parsed"], rows[1]["error"]["type"]) == (None, "invalid_json")


def test_googles_keys_are_the_ids(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "asked.jsonl", [{"key": one, "request": {}} for one in "ab"])
    body = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}
    write_lines(tmp_path / "got.jsonl", [{"response": body, "key": "b"}, {"key": "a", "error": {"code": 13}}])

    done = cli(*CALL)

    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 7
    assert [row["custom_id"] for row in rows] == ["a", "b"]
    assert rows[0]["error"]["code"] == "13"
    assert rows[1]["response"]["body"] == body


def test_the_requests_may_be_more_than_one_batch_holds(cli: Cli, tmp_path: Path) -> None:
    line = '{"custom_id":"r%d","method":"POST","url":"/v1/chat/completions","body":{}}\n'
    (tmp_path / "asked.jsonl").write_text("".join(line % number for number in range(50_001)))
    write_lines(tmp_path / "got.jsonl", [answer("r50000")])

    done = cli(*CALL, "--json")

    assert done.code == 7
    assert (done.json["rows"], done.json["ok"], done.json["missing"]) == (50_001, 1, 50_000)


def test_our_own_output_is_a_result_file_too(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(3)])
    cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

    done = cli("results", "--from-file", "out.jsonl", "--requests", "r.jsonl", "-o", "again.jsonl")

    assert done.code == 0
    assert read_lines(tmp_path / "again.jsonl") == read_lines(tmp_path / "out.jsonl")


def test_two_files_of_a_batch_come_in_by_a_pipe(process: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "asked.jsonl", [chat("a"), chat("b")])
    piped = (
        json.dumps(answer("b")) + "\n" + json.dumps({"custom_id": "a", "error": {"code": "batch_expired"}})
    )

    done = process("results", "--from-file", "-", "--requests", "asked.jsonl", stdin=piped.encode())

    assert done.code == 7
    assert [json.loads(line)["custom_id"] for line in done.out.splitlines()] == ["a", "b"]
