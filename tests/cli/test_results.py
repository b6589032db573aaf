from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from batch_cli.results import manifest_path
from tests.conftest import Cli
from tests.support import read_lines, structured, write_lines


@pytest.fixture
def batch_id(cli: Cli, tmp_path: Path) -> str:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {30 + n}.") for n in range(4)])
    done = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")
    assert done.code == 0
    return str(done.out.strip())


def test_one_line_per_request_in_input_order_with_its_proof(cli: Cli, tmp_path: Path, batch_id: str) -> None:
    done = cli("results", "--output-file", "out.jsonl")

    assert (done.code, done.out) == (0, "")
    assert "Results saved to: out.jsonl (4 ok, 0 failed, 0 missing)" in done.err
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in rows] == ["r0", "r1", "r2", "r3"]
    assert [list(row) for row in rows] == [["custom_id", "id", "response", "error", "parsed"]] * 4
    assert [row["parsed"] for row in rows] == [{"name": "Ada", "age": 30 + n} for n in range(4)]
    manifest = json.loads(manifest_path(tmp_path / "out.jsonl").read_text())
    assert (manifest["batch"], manifest["rows"], manifest["ok"], manifest["simulated"]) == (
        batch_id,
        4,
        4,
        True,
    )
    assert manifest["requests"]["file"] == str(tmp_path / "r.jsonl")


@pytest.mark.usefixtures("batch_id")
class TestOutput:
    def test_a_second_time_says_so_and_changes_nothing(self, cli: Cli, tmp_path: Path) -> None:
        cli("results", "-o", "out.jsonl")
        before = (tmp_path / "out.jsonl").stat().st_mtime_ns

        done = cli("results", "-o", "out.jsonl")

        assert done.code == 0
        assert "(already complete)" in done.err
        assert (tmp_path / "out.jsonl").stat().st_mtime_ns == before

    def test_a_changed_output_is_written_again_only_with_force(self, cli: Cli, tmp_path: Path) -> None:
        cli("results", "-o", "out.jsonl")
        (tmp_path / "out.jsonl").write_text("edited by hand\n")

        refused = cli("results", "-o", "out.jsonl")
        assert refused.code == 9
        assert "exists and holds something else" in refused.err
        assert (tmp_path / "out.jsonl").read_text() == "edited by hand\n"

        assert cli("results", "-o", "out.jsonl", "--force").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 4

    def test_the_output_of_another_batch_is_kept(self, cli: Cli, tmp_path: Path) -> None:
        cli("results", "-o", "out.jsonl")
        write_lines(tmp_path / "r.jsonl", [structured("x", "I'm Bob, 50.")])
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")

        done = cli("results", "-o", "out.jsonl")

        assert done.code == 9
        assert "holds results of local_" in done.err

    def test_another_response_model_is_another_output_of_the_same_batch(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli("results", "-o", "out.jsonl")
        (tmp_path / "strict.py").write_text(
            "from pydantic import BaseModel, Field\nclass Old(BaseModel):\n    name: str\n    age: int = Field(ge=32)\n"
        )

        done = cli("results", "-o", "out.jsonl", "-r", "strict.py:Old")

        assert done.code == 7
        assert "2 of 4 requests have no good answer (2 schema_mismatch)" in done.err
        rows = read_lines(tmp_path / "out.jsonl")
        assert rows[0]["error"]["type"] == "schema_mismatch"
        assert rows[0]["error"]["message"].startswith("the answer does not fit Old: age: ")
        assert rows[0]["response"]["status_code"] == 200
        assert rows[3]["parsed"] == {"name": "Ada", "age": 33}

    def test_lines_stream_to_standard_output(self, cli: Cli) -> None:
        for words in (("-o", "-"), (), ("-o", "-", "--order", "as-is")):
            done = cli("results", *words)
            assert [json.loads(line)["custom_id"] for line in done.out.splitlines()] == [
                "r0",
                "r1",
                "r2",
                "r3",
            ]
            assert "4 rows (4 ok, 0 failed, 0 missing)" in done.err

    def test_a_table_has_a_column_for_each_field(self, cli: Cli) -> None:
        done = cli("results", "--format", "table")

        assert done.out.splitlines()[:2] == ["custom_id\tname\tage", "r0\tAda\t30"]

    def test_the_document_counts(self, cli: Cli) -> None:
        document = cli("results", "-o", "out.jsonl", "--json").json

        assert document["schema"] == "batch_cli.results/v1"
        assert (document["file"], document["rows"], document["ok"]) == ("out.jsonl", 4, 4)
        assert document["usage"]["total_tokens"] > 0

    def test_an_output_that_others_write_is_refused(self, cli: Cli, tmp_path: Path) -> None:
        from batch_cli.files import PartFile

        with PartFile(tmp_path / "out.jsonl"):
            done = cli("results", "-o", "out.jsonl")

        assert done.code == 9
        assert "another batch-cli is writing" in done.err
        assert "--lock-timeout 60" in done.err

    def test_waiting_for_another_writer_is_possible(self, cli: Cli, tmp_path: Path) -> None:
        from batch_cli.files import PartFile

        other = PartFile(tmp_path / "out.jsonl")
        timer = threading.Timer(0.5, lambda: other.__exit__(None, None, None))
        timer.start()

        assert cli("results", "-o", "out.jsonl", "--lock-timeout", "20").code == 0
        timer.join()

    def test_a_run_killed_before_a_new_output_replaced_the_old_one_is_repeated(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli("results", "-o", "out.jsonl")
        old = (tmp_path / "out.jsonl").read_bytes()
        (tmp_path / "other.py").write_text(
            "from pydantic import BaseModel\nclass Other(BaseModel):\n    name: str\n"
        )
        again = ("results", "-o", "out.jsonl", "-r", "other.py:Other")
        for _ in range(2):  # however often it is killed there
            assert cli(*again).code == 0
            (tmp_path / "out.jsonl").write_bytes(old)

        done = cli(*again)

        assert (done.code, "already complete" in done.err) == (0, False)
        (tmp_path / "out.jsonl").write_bytes(old + b"{}\n")
        assert cli(*again).code == 9

    def test_a_run_killed_between_proof_and_output_is_repeated(self, cli: Cli, tmp_path: Path) -> None:
        cli("results", "-o", "out.jsonl")
        (tmp_path / "out.jsonl").unlink()

        assert cli("results", "-o", "out.jsonl").code == 0
        assert len(read_lines(tmp_path / "out.jsonl")) == 4


def test_failures_are_rows_and_the_code_says_so(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 30.") for n in range(30)])
    cli(
        "submit",
        "r.jsonl",
        "-m",
        "local/simulate",
        "--wait",
        "--simulate-errors",
        "0.3",
        "--simulate-seed",
        "4",
    )

    done = cli("results", "-o", "out.jsonl")

    rows = read_lines(tmp_path / "out.jsonl")
    failed = [row for row in rows if row["error"]]
    assert done.code == 7
    assert len(rows) == 30
    assert 0 < len(failed) < 30
    assert {row["error"]["code"] for row in failed} <= {"rate_limit_exceeded", "server_error", "overloaded"}
    assert all(row["parsed"] is None and row["response"]["status_code"] >= 429 for row in failed)
    assert f"Warning: {len(failed)} of 30 requests have no good answer" in done.err
    assert cli("results", "-o", "out.jsonl").code == 7, "a complete file with failures is still no success"
    assert cli("results", "-o", "other.jsonl", "--allow-partial").code == 0


def test_not_finished_is_exit_8_with_the_way_on(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured("a", "I'm Ada, 30.")])
    batch_id = cli("submit", "r.jsonl", "-m", "local/simulate").out.strip()

    done = cli("results", "-o", "out.jsonl")

    assert done.code == 8
    assert "Batch status is 'queued', not completed" in done.err
    assert f"fix: batch-cli wait {batch_id}" in done.err
    assert not (tmp_path / "out.jsonl").exists()
    assert cli("results", "-o", "out.jsonl", "--wait").code == 0


def test_plain_answers_have_no_parsed_field(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("What is a batch?\n")
    cli("submit", "p.txt", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

    (row,) = read_lines(tmp_path / "out.jsonl")
    assert list(row) == ["custom_id", "id", "response", "error"]
    assert "Simulated answer to a question" in cli("results", "--format", "table").out


def test_foreign_text_cannot_drive_the_terminal(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [{"prompt": "\x1b[2J[/red] evil \u202e", "custom_id": "a\u2028b"}])
    cli("submit", "m.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

    done = cli("results", "--format", "table")

    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "\\x1b[2J[/red] evil \\u202e" in done.out
    assert read_lines(tmp_path / "out.jsonl")[0]["custom_id"] == "a\u2028b"
