"""The user's own columns come back beside the answers, and no provider ever sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import read_lines, write_lines

LINES: list[Any] = [
    {"custom_id": "a", "prompt": "I'm Ada, 36.", "ticket": 7, "tags": ["x", None], "big": 2**70},
    {"custom_id": "b", "messages": [{"role": "user", "content": "Hi"}]},
    {"custom_id": "c", "params": {"messages": [{"role": "user", "content": "Hi"}]}, "system": "mine"},
]
OWN = [{"ticket": 7, "tags": ["x", None], "big": 2**70}, None, {"system": "mine"}]


def inputs(path: Path) -> list[Any]:
    return [row.get("input") for row in read_lines(path)]


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """Give a messages file of which two lines hold more than a request."""
    return write_lines(tmp_path / "m.jsonl", LINES)


@pytest.mark.usefixtures("messages")
class TestOfMessages:
    def test_submitted_at_once_they_come_back_and_are_not_sent(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("submit", "m.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

        assert done.code == 0, done.err
        assert inputs(tmp_path / "out.jsonl") == OWN
        (stored,) = (tmp_path / "state" / "engine").glob("*/input.jsonl")
        assert b"ticket" not in stored.read_bytes()
        assert cli("verify", "out.jsonl").code == 0

    @pytest.mark.parametrize("words", [(), ("--split-requests", "1")])
    def test_they_survive_a_request_file(self, cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
        created = cli("create", "-i", "m.jsonl", "-m", "local/simulate", "-o", "r.jsonl")
        assert "Columns of your own: r.jsonl.columns.jsonl" in created.err
        assert b"ticket" not in (tmp_path / "r.jsonl").read_bytes()

        done = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl", *words)

        assert done.code == 0, done.err
        assert inputs(tmp_path / "out.jsonl") == OWN

    def test_what_is_moved_after_the_submit_makes_no_difference(self, cli: Cli, tmp_path: Path) -> None:
        cli("create", "-i", "m.jsonl", "-m", "local/simulate", "-o", "r.jsonl")
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")
        (tmp_path / "r.jsonl.columns.jsonl").unlink()

        cli("results", "-o", "out.jsonl", "--order", "as-is")

        assert inputs(tmp_path / "out.jsonl") == OWN

    def test_those_of_another_version_of_the_file_are_never_used(self, cli: Cli, tmp_path: Path) -> None:
        cli("create", "-i", "m.jsonl", "-m", "local/simulate", "-o", "r.jsonl")
        requests = read_lines(tmp_path / "r.jsonl")
        write_lines(tmp_path / "r.jsonl", requests[:2])

        done = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

        assert "is not of this request file as it is now" in done.err
        assert inputs(tmp_path / "out.jsonl") == [None, None]

    def test_a_converted_result_file_gets_them_from_beside_its_requests(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli("create", "-i", "m.jsonl", "-m", "openai/gpt-4o-mini", "-o", "r.jsonl")
        body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
        write_lines(
            tmp_path / "got.jsonl",
            [{"custom_id": one, "response": {"status_code": 200, "body": body}} for one in "cab"],
        )

        done = cli("results", "--from-file", "got.jsonl", "--requests", "r.jsonl", "-o", "out.jsonl")

        assert done.code == 0, done.err
        assert inputs(tmp_path / "out.jsonl") == OWN

    def test_on_standard_output_there_is_no_place_for_them_and_that_is_said(self, cli: Cli) -> None:
        done = cli("create", "-i", "m.jsonl", "-m", "local/simulate", "-o", "-")

        assert "the lines hold more than requests" in done.err
        assert "ticket" not in done.out

    def test_a_deleted_batch_takes_them_along(self, cli: Cli, tmp_path: Path) -> None:
        batch_id = cli("submit", "m.jsonl", "-m", "local/simulate", "--wait").out.strip()
        assert list((tmp_path / "state" / "columns").iterdir())

        cli("delete", batch_id, "--yes")

        assert not list((tmp_path / "state" / "columns").iterdir())


def test_every_column_of_a_csv_file_but_the_prompt_and_the_id_comes_back(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('id,text,city,note\nx1,"I\'m Ada, 36.",Paris,"a, b"\nx2,Hi,,=1+1\n')

    done = cli(
        *("submit", "m.csv", "-m", "local/simulate", "--prompt-column", "text", "--id-field", "id"),
        *("--wait", "--results", "out.jsonl"),
    )

    assert done.code == 0, done.err
    assert inputs(tmp_path / "out.jsonl") == [
        {"city": "Paris", "note": "a, b"},
        {"city": "", "note": "=1+1"},
    ]


def test_a_file_without_any_leaves_no_trace(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [LINES[1]])

    cli("create", "-i", "m.jsonl", "-m", "local/simulate", "-o", "r.jsonl")
    cli("submit", "m.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

    assert not (tmp_path / "r.jsonl.columns.jsonl").exists()
    assert not (tmp_path / "state" / "columns").exists()
    assert "input" not in json.loads((tmp_path / "out.jsonl").read_text())
