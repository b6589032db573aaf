"""`verify`: an output is what was written, and answers its requests, or the place of the damage is named."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, read_lines, write_lines

COUNT = 12


def answer(custom_id: str, text: str) -> dict[str, Any]:
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None}


@pytest.fixture
def lines(cli: Cli, tmp_path: Path) -> list[bytes]:
    """Give the lines of ``out.jsonl``, which answers ``asked.jsonl``."""
    ids = [f"r{n}" for n in range(COUNT)]
    write_lines(tmp_path / "asked.jsonl", [chat(one) for one in ids])
    write_lines(tmp_path / "got.jsonl", [answer(one, f"answer {one}") for one in reversed(ids)])
    done = cli("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl", "-o", "out.jsonl")
    assert done.code == 0, done.err
    return (tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.usefixtures("lines")
class TestWhole:
    def test_an_output_that_is_what_was_written_is_exit_0(self, cli: Cli) -> None:
        done = cli("verify", "out.jsonl")

        assert done.code == 0, done.err
        cells = [line.split("\t") for line in done.out.splitlines()]
        assert [row[:2] for row in cells[1:]] == [
            [name, "ok"] for name in ("sha256", "lines", "rows", "counts", "requests")
        ]
        assert "out.jsonl: as it was written (12 ok, 0 failed, 0 missing)" in done.err

    def test_the_document_says_so_too(self, cli: Cli) -> None:
        document = cli("verify", "out.jsonl", "--json").json

        assert document["schema"] == "batch_cli.verify/v1"
        assert (document["intact"], document["exit"], document["problems"]) == (True, 0, [])
        assert (document["rows"], document["ok"]) == (COUNT, COUNT)

    def test_without_its_requests_that_alone_is_not_checked(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "asked.jsonl").unlink()

        done = cli("verify", "out.jsonl", "--json")

        outcomes = {check["name"]: check["outcome"] for check in done.json["checks"]}
        assert (done.code, outcomes["requests"], outcomes["lines"]) == (0, "not checked", "ok")

    @pytest.mark.parametrize("change", ["another id", "another order", "one more", "one less"])
    def test_other_requests_are_found(self, cli: Cli, tmp_path: Path, change: str) -> None:
        requests = read_lines(tmp_path / "asked.jsonl")
        if change == "another id":
            requests[3]["custom_id"] = "other"
        elif change == "another order":
            requests[3], requests[4] = requests[4], requests[3]
        elif change == "one more":
            requests.append(chat("more"))
        else:
            del requests[5]
        write_lines(tmp_path / "other.jsonl", requests)

        done = cli("verify", "out.jsonl", "--requests", "other.jsonl")

        assert done.code == 13
        assert "error[E717]" in done.err

    def test_requests_that_cannot_be_read_are_exit_3(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "asked.jsonl").write_text("{oops\n")

        assert cli("verify", "out.jsonl", "--requests", "asked.jsonl").code == 3


class TestDamage:
    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            ("flip", 'out.jsonl:5: error[E711]: this line ("r4") is not what was written here'),
            ("id", "out.jsonl:5: error[E711]: this line"),
            ("lose", "out.jsonl:5: error[E712]: line 5 of what was written is missing here"),
            (
                "double",
                'out.jsonl:6: error[E713]: this line ("r4") was written once, as line 5, and is here again',
            ),
            ("swap", 'out.jsonl:5: error[E714]: this line ("r5") was written as line 6'),
            ("foreign", 'out.jsonl:5: error[E711]: this line ("ghost") was never written'),
            ("replace", 'out.jsonl:5: error[E713]: this line ("r8") was written once, as line 9'),
            ("cut", "out.jsonl:12: error[E711]: the file is cut off in this line"),
            ("last", "out.jsonl:12: error[E712]: line 12 of what was written is missing here"),
            ("end", "out.jsonl:12: error[E711]: the file is cut off in this line"),
        ],
    )
    def test_it_is_found_and_its_line_is_named(
        self, cli: Cli, tmp_path: Path, lines: list[bytes], damage: str, said: str
    ) -> None:
        match damage:
            case "flip":
                lines[4] = lines[4].replace(b"answer", b"bnswer")
            case "id":
                lines[4] = lines[4].replace(b'"r4"', b'"r9"', 1)
            case "lose":
                del lines[4]
            case "double":
                lines.insert(5, lines[4])
            case "swap":
                lines[4], lines[5] = lines[5], lines[4]
            case "foreign":
                lines.insert(4, lines[4].replace(b'"r4"', b'"ghost"', 1))
            case "replace":
                lines[4] = lines[8]
            case "cut":
                lines[-1] = lines[-1][:20]
            case "last":
                del lines[-1]
            case "end":
                lines[-1] = lines[-1].rstrip(b"\n")
        (tmp_path / "out.jsonl").write_bytes(b"".join(lines))

        done = cli("verify", "out.jsonl")

        assert done.code == 13
        assert said in done.err
        assert "out.jsonl: not what was written" in done.err

    def test_counts_that_were_changed_in_the_manifest_are_found(
        self, cli: Cli, tmp_path: Path, lines: list[bytes]
    ) -> None:
        assert len(lines) == COUNT
        manifest = tmp_path / "out.jsonl.meta.json"
        manifest.write_text(manifest.read_text().replace('"ok": 12', '"ok": 11'))

        done = cli("verify", "out.jsonl")

        assert done.code == 13
        assert "error[E716]" in done.err

    @pytest.mark.parametrize("text", ["", "{cut", "[]", "{}", '{"rows": "many"}'])
    def test_a_damaged_manifest_is_exit_13(
        self, cli: Cli, tmp_path: Path, lines: list[bytes], text: str
    ) -> None:
        assert len(lines) == COUNT
        (tmp_path / "out.jsonl.meta.json").write_text(text)

        done = cli("verify", "out.jsonl")

        assert done.code == 13
        assert "out.jsonl.meta.json" in done.err

    def test_without_a_manifest_nothing_is_proved_and_that_is_exit_9(
        self, cli: Cli, tmp_path: Path, lines: list[bytes]
    ) -> None:
        assert len(lines) == COUNT
        (tmp_path / "out.jsonl.meta.json").unlink()

        assert cli("verify", "out.jsonl").code == 9

    def test_without_the_output_it_is_exit_3(self, cli: Cli) -> None:
        assert cli("verify", "out.jsonl").code == 3


class TestWorth:
    def test_an_output_with_failed_rows_is_exit_7(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "asked.jsonl", [chat("a"), chat("b")])
        write_lines(tmp_path / "got.jsonl", [answer("a", "x")])
        cli("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl", "-o", "out.jsonl")

        done = cli("verify", "out.jsonl")

        assert done.code == 7
        assert "as it was written (1 ok, 0 failed, 1 missing)" in done.err

    def test_one_from_contradicting_results_stays_exit_13(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "asked.jsonl", [chat("a"), chat("b")])
        write_lines(tmp_path / "got.jsonl", [answer("a", "x"), answer("a", "y"), answer("b", "x")])
        cli("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl", "-o", "out.jsonl")

        done = cli("verify", "out.jsonl", "--json")

        assert (done.code, done.json["intact"], done.json["conflicts"]) == (13, True, 1)

    def test_a_batch_of_the_engine_is_proved_as_well(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "r.jsonl", [chat(f"r{n}") for n in range(5)])
        cli("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl")

        done = cli("verify", "out.jsonl", "--json")

        assert (done.code, {check["outcome"] for check in done.json["checks"]}) == (0, {"ok"})


@pytest.mark.parametrize("damage", [False, True])
def test_another_form_is_held_against_its_hash(cli: Cli, tmp_path: Path, damage: bool) -> None:
    write_lines(tmp_path / "r.jsonl", [chat(f"r{n}") for n in range(5)])
    cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")
    assert cli("results", "-o", "out.csv", "--format", "csv").code == 0
    if damage:
        with (tmp_path / "out.csv").open("ab") as stream:
            stream.write(b"more\n")

    done = cli("verify", "out.csv", "--json")

    outcomes = {check["name"]: check["outcome"] for check in done.json["checks"]}
    assert (done.code, outcomes["sha256"]) == ((13, "failed") if damage else (0, "ok"))
    assert outcomes["lines"] == "not checked"


def test_junit_holds_hostile_text_and_a_case_for_each_check(cli: Cli, tmp_path: Path) -> None:
    evil = 'r]]></failure><x a="\x1b[31m\u202e&'
    write_lines(tmp_path / "asked.jsonl", [chat(evil), chat("b")])
    write_lines(tmp_path / "got.jsonl", [answer("b", "x"), answer(evil, "y")])
    cli("results", "--from-file", "got.jsonl", "--requests", "asked.jsonl", "-o", "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "out.jsonl").write_bytes(b"".join(reversed(lines)))

    done = cli("verify", "out.jsonl", "--format", "junit")

    assert done.code == 13
    assert "\x1b" not in done.out
    suite = ET.fromstring(done.out)[0]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert [case.get("name") for case in suite] == [
        "sha256",
        "lines",
        "rows",
        "counts",
        "requests",
        "answers",
    ]
    assert failed == ["sha256", "lines", "requests"]
    assert (suite.get("tests"), suite.get("failures")) == ("6", "3")


def test_the_manifest_is_found_behind_a_link(cli: Cli, tmp_path: Path, lines: list[bytes]) -> None:
    assert json.loads(lines[0])["custom_id"] == "r0"
    (tmp_path / "link").symlink_to("out.jsonl")

    assert cli("verify", "link").code == 0
