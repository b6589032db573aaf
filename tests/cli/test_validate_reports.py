"""The forms of a report that programs read: each is parsed here, with hostile text in it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, write_lines

HOSTILE = 'x"\x1b]0;pwn\x07\r\n::error::%0A,:<b>&]]>\u202e\u2028\ufffe\U000e0041'
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\U000e0041]")


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """Give a file whose ids, models and urls try to break out of every format."""
    lines = [chat(HOSTILE), chat(HOSTILE), {**chat("b"), "url": HOSTILE}, {**chat("c"), HOSTILE: 1}]
    write_lines(tmp_path / "bad, file%.jsonl", lines)
    return "bad, file%.jsonl"


def commands(out: str) -> list[tuple[str, dict[str, str], str]]:
    """Read workflow commands as the runner does."""

    def plain(text: str) -> str:
        for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, sign)
        return text

    found = []
    for line in out.removesuffix("\n").split("\n"):
        match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        assert match, line
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {key: plain(value) for key, value in properties.items()}, plain(match[3])))
    return found


def test_github_gets_a_command_for_each_problem(cli: Cli, hostile: str) -> None:
    done = cli("validate", hostile, "--format", "github")

    found = commands(done.out)
    assert done.code == 3
    assert {level for level, _, _ in found} == {"error", "warning"}
    assert {facts["file"] for _, facts, _ in found} == {hostile}
    assert [facts["line"] for _, facts, _ in found] == ["1", "2", "2", "3", "4"]
    assert [facts["title"] for _, facts, _ in found] == ["E306", "E306", "E307", "E313", "W301"]
    assert all(int(facts["col"]) >= 1 for _, facts, _ in found)
    assert "\\x0d\\n::error::%0A,:<b>" in found[2][2]
    assert found[0][2] == "custom_id holds a control character\nfix: remove it"
    assert not UNSAFE.search(done.out.replace("\n", ""))


def test_github_is_told_of_what_is_not_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 30)

    last = commands(cli("validate", "bad.jsonl", "--format", "github").out)[-1]

    assert last == (
        "notice",
        {"file": "bad.jsonl"},
        "E207: 30 errors in all, 20 shown; the others: lines 21-30",
    )


def test_json_lines_are_problems(cli: Cli, hostile: str) -> None:
    done = cli("validate", hostile, "--format", "jsonl")

    problems = [json.loads(line) for line in done.out.removesuffix("\n").split("\n")]
    assert [problem["code"] for problem in problems] == ["E306", "E306", "E307", "E313", "W301"]
    assert problems[2]["custom_id"] == HOSTILE
    assert {problem["file"] for problem in problems} == {hostile}


def test_json_lines_that_were_left_out_are_mentioned(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 30)

    done = cli("validate", "bad.jsonl", "--format", "jsonl")

    assert len(done.out.splitlines()) == 20
    assert "Only the first 20 problems were written" in done.err
    assert "Only" not in cli("validate", "bad.jsonl", "--format", "jsonl", "--max-errors", "30").err


def sarif(cli: Cli, *words: str) -> tuple[Any, str]:
    out = cli("validate", *words, "--format", "sarif").out
    return json.loads(out), out


def test_sarif_is_complete_and_refers_to_its_rules(cli: Cli, hostile: str) -> None:
    log, _ = sarif(cli, hostile)

    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E306", "E307", "E313", "W301"]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    assert run["columnKind"] == "unicodeCodePoints"
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert not UNSAFE.search(result["message"]["text"].replace("\n", ""))
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "bad%2C%20file%25.jsonl"
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


def test_sarif_names_the_line_that_a_duplicate_repeats(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("b"), chat("a"), chat("a")])

    log, _ = sarif(cli, "r.jsonl")

    (result,) = log["runs"][0]["results"]
    assert result["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 2}


def test_sarif_holds_all_files_and_is_the_same_every_time(cli: Cli, hostile: str, tmp_path: Path) -> None:
    write_lines(tmp_path / "good.jsonl", [chat("a")])
    words = (hostile, "good.jsonl", str(tmp_path / "gone.jsonl"))

    log, out = sarif(cli, *words)

    uris = [artifact["location"]["uri"] for artifact in log["runs"][0]["artifacts"]]
    assert uris == ["bad%2C%20file%25.jsonl", "good.jsonl", f"file://{tmp_path}/gone.jsonl"]
    assert log["runs"][0]["results"][-1]["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert sarif(cli, *words)[1] == out


def test_sarif_of_a_good_file_has_no_results(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "good.jsonl", [chat("a")])

    log, _ = sarif(cli, "good.jsonl")

    assert log["runs"][0]["results"] == []
    assert log["runs"][0]["tool"]["driver"]["rules"] == []


def test_sarif_notes_what_is_not_among_its_results(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 30)

    log, _ = sarif(cli, "bad.jsonl", "--max-errors", "1")

    (note,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "bad.jsonl: E207: 30 errors in all, 1 shown; the others: lines 2-30"


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_code(
    cli: Cli, hostile: str, tmp_path: Path
) -> None:
    write_lines(tmp_path / "good.jsonl", [chat("a")])

    done = cli("validate", hostile, "good.jsonl", "--format", "junit")

    root = ET.fromstring(done.out)
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "5", "3")
    assert [suite.get("name") for suite in root] == [hostile, "good.jsonl"]
    bad, good = root
    assert [case.get("name", "")[:4] for case in bad] == ["E306", "E307", "E313", "W301"]
    assert [case.find("failure") is not None for case in bad] == [True, True, True, False]
    assert [(case.get("name"), len(case)) for case in good] == [("valid", 0)]
    failure = bad[1].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert f"{hostile}:2:15: duplicate custom_id" in failure.text
    assert not UNSAFE.search(done.out.replace("\n", ""))


def test_junit_counts_what_it_does_not_show(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a")] * 50)

    root = ET.fromstring(cli("validate", "r.jsonl", "--format", "junit", "--max-errors", "1").out)

    (failure,) = root.iter("failure")
    assert failure.get("message") == "49 in r.jsonl"
    assert failure.text is not None
    assert "E307: 49 errors in all, 1 shown; the others: lines 3-50" in failure.text
    assert "49 repeats of custom_id first seen on line 1" in failure.text


def test_full_shows_the_line_and_marks_the_column(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(b'{"\x1b[2J": oops}\n\n{"custom_id": 7}\n')

    out = cli("validate", "r.jsonl", "--format", "full").out.splitlines()

    assert out[:3] == [
        "r.jsonl:1:3: error[E104]: raw control character U+001B",
        '     1 | {"\\x1b[2J": oops}',
        "       |   ^",
    ]
    place = out.index("r.jsonl:3:15: error[E302]: custom_id must be a string")
    assert out[place + 1 : place + 3] == ['     3 | {"custom_id": 7}', "       |               ^"]


@pytest.mark.parametrize("style", ["full", "concise", "github", "json", "jsonl", "sarif", "junit"])
def test_every_form_survives_a_name_and_bytes_that_are_no_text(
    process: Cli, tmp_path: Path, style: str
) -> None:
    name = b"\xff\x1b.jsonl".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_bytes(b"\xff\xfe\xfa\n{\n" + b"x" * 100)

    done = process("validate", name, "gone.jsonl", "--format", style, "--max-line-bytes", "50")

    assert done.code == 3
    assert "E105" in done.out
    assert "E501" in done.out
    assert "\x1b" not in done.out + done.err
    assert "\\xff" in done.out or "%FF" in done.out or "\\\\xff" in done.out


@pytest.mark.parametrize("style", ["full", "concise", "github", "json", "jsonl", "sarif", "junit"])
def test_standard_output_is_only_data_and_the_summary_goes_to_standard_error(
    cli: Cli, tmp_path: Path, style: str
) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("validate", "r.jsonl", "--format", style)

    assert done.code == 0
    assert "r.jsonl: 1 request" in done.err
    assert "r.jsonl: 1 request" not in done.out
    assert (done.out == "") == (style in ("full", "concise", "github", "jsonl"))
