from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, write_lines


def test_a_good_file_is_summed_up(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a"), chat("b")])

    done = cli("validate", "r.jsonl", "--provider", "openai")

    assert (done.code, done.out) == (0, "")
    assert "r.jsonl: 2 requests, 1 model, " in done.err
    assert "0 errors, 0 warnings" in done.err


def test_problems_go_to_standard_output_with_their_places(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a", temperature=9), chat("a")])

    done = cli("validate", "r.jsonl")

    assert done.code == 3
    assert done.out.splitlines() == [
        "r.jsonl:1:163: error[E311]: body.temperature is out of range: 9",
        "  fix: use a value from 0 to 2",
        'r.jsonl:2:15: error[E307]: duplicate custom_id "a" (first on line 1)',
        "  fix: make every custom_id unique",
    ]


def test_the_dialect_is_guessed(cli: Cli, tmp_path: Path) -> None:
    write_lines(
        tmp_path / "a.jsonl",
        [{"custom_id": "a b", "params": {"model": "m", "max_tokens": 1, "messages": []}}],
    )

    done = cli("validate", "a.jsonl", "-v")

    assert "checked as Anthropic format" in done.err
    assert "error[E306]" in done.out


def test_many_files_and_formats(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "good.jsonl", [chat("a")])
    (tmp_path / "bad.jsonl").write_text("{\n" * 1)

    document = cli("validate", "good.jsonl", "bad.jsonl", "missing.jsonl", "--json").json

    assert [file["ok"] for file in document["files"]] == [True, False, False]
    assert document["errors"] == 2
    assert document["files"][2]["problems"][0]["code"] == "E501"
    assert cli("validate", "bad.jsonl", "--exit-zero").code == 0
    assert cli("validate", "bad.jsonl", "--format", "json").json["errors"] == 1


def test_only_so_many_problems_are_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 100)

    done = cli("validate", "bad.jsonl", "--max-errors", "3")

    assert done.out.count("error[") == 3
    places = " ".join(f"bad.jsonl:{line}" for line in range(4, 101))
    assert done.out.splitlines()[-1] == f"E207: 100 errors in all, 3 shown; the others: {places}"
    assert "100 errors" in done.err


def test_standard_input_is_a_file_too(process: Cli) -> None:
    done = process("validate", "-", "--provider", "openai", stdin=b"{oops\n")

    assert done.code == 3
    assert "<stdin>:1:2: error[E201]" in done.out


LINE = len(json.dumps(chat("aa"))) + 1


@pytest.mark.parametrize(
    ("option", "limit", "code"),
    [
        ("--max-requests", 3, "E401"),
        ("--max-bytes", 3 * LINE, "E402"),
        ("--max-line-bytes", LINE - 1, "E105"),
        ("--max-id-length", 2, "E404"),
    ],
)
def test_a_limit_holds_to_the_last_one(cli: Cli, tmp_path: Path, option: str, limit: int, code: str) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("aa"), chat("bb"), chat("cc")])

    assert cli("validate", "r.jsonl", option, str(limit + 1)).code == 0
    assert cli("validate", "r.jsonl", option, str(limit)).code == 0
    over = cli("validate", "r.jsonl", option, str(limit - 1))
    assert over.code == 3
    assert f"error[{code}]" in over.out


def test_a_limit_may_be_wider_than_the_providers(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a" * 513)])

    assert cli("validate", "r.jsonl", "--provider", "openai").code == 3
    assert cli("validate", "r.jsonl", "--provider", "openai", "--max-id-length", "513").code == 0


def test_each_code_is_closed_with_its_count_and_the_places_of_the_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    lines: list[Any] = [7, chat("a"), chat("a"), 8, chat("a"), 9]
    write_lines(tmp_path / "deep" / "r.jsonl", lines)

    out = cli("validate", "deep/r.jsonl", "--max-errors", "2").out.splitlines()

    assert out[-3:] == [
        "E207: 3 errors in all, 1 shown; the others: r.jsonl:4 r.jsonl:6",
        "E307: 2 errors in all, 1 shown; the others: r.jsonl:5",
        "  2 repeats of custom_id first seen on line 2",
    ]


def test_what_is_shown_in_full_is_not_closed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 20)

    assert "in all" not in cli("validate", "bad.jsonl").out


def test_at_most_ten_thousand_places_of_a_code_are_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("7\n" * 10_021)

    last = cli("validate", "bad.jsonl").out.splitlines()[-1]

    assert last.startswith("E207: 10021 errors in all, 20 shown; the others: bad.jsonl:21 bad.jsonl:22 ")
    assert last.endswith(" bad.jsonl:10020 and 1 more places")


def test_statistics_follow_the_problems_as_columns(cli: Cli, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", [chat("a", "x" * 40), chat("b"), 7])
    sizes = [len(line) for line in path.read_bytes().splitlines(keepends=True)]

    done = cli("validate", "r.jsonl", "--stats")

    assert done.out.splitlines()[-8:] == [
        "r.jsonl\trequests\t\t2",
        f"r.jsonl\tbytes\ttotal\t{sum(sizes)}",
        "r.jsonl\tbytes\tsmallest line\t2",
        f"r.jsonl\tbytes\tlargest line\t{max(sizes)}",
        f"r.jsonl\tbytes\tmean line\t{sum(sizes) / 3:.1f}",
        "r.jsonl\ttokens\testimate of the text, about four characters each\t10",
        "r.jsonl\tmodel\tsimulate\t2",
        "r.jsonl\turl\t/v1/chat/completions\t2",
    ]
    assert "~10 tokens" in done.err


def test_statistics_are_part_of_the_document(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a", "x" * 40)])

    (plain,) = cli("validate", "r.jsonl", "--json").json["files"]
    (file,) = cli("validate", "r.jsonl", "--json", "--stats").json["files"]

    assert (plain["tokens_estimate"], plain["line_bytes"]) == (None, None)
    assert (file["tokens_estimate"], file["models"], file["urls"]) == (
        10,
        {"simulate": 1},
        {"/v1/chat/completions": 1},
    )
    assert file["line_bytes"] == {"smallest": file["bytes"], "largest": file["bytes"], "mean": file["bytes"]}


def test_the_document_has_the_places_of_all_problems(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [7, 7, 7, chat("a"), 7])

    (file,) = cli("validate", "r.jsonl", "--json", "--max-errors", "1").json["files"]

    assert (len(file["problems"]), file["truncated"], file["errors"]) == (1, True, 4)
    assert file["codes"] == {"E207": {"count": 4, "lines": [[1, 3], [5, 5]]}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--stats", "--format", "sarif"), "--stats has no place in --format sarif"),
        (("--fix",), "--fix needs to know where to write"),
        (("-o", "x"), "-o says where --fix writes"),
        (("--fix", "-o", "-"), "--fix writes a file"),
        (("--fix", "-o", "x", "r.jsonl"), "--fix takes one file at a time"),
        (("--fix", "-o", "r.jsonl"), "--fix would overwrite its input"),
        (("--fix", "-o", "link.jsonl"), "--fix would overwrite its input"),
        (("--max-requests", "0"), "--max-requests"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_read(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    path = write_lines(tmp_path / "r.jsonl", [chat("a")])
    (tmp_path / "link.jsonl").symlink_to(path)

    done = cli("validate", "r.jsonl", *words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link.jsonl", "r.jsonl"]


def test_the_map_of_ids_never_overwrites_the_input(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.ids.json", [chat("a")])

    assert cli("validate", "r.ids.json", "--fix", "-o", "r").code == 2
