"""`validate --fix`: what it repairs, what it leaves alone, and when it writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, read_lines, write_lines


def left_over(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir() if entry.name not in ("r.jsonl", "state"))


def test_everything_that_can_be_repaired_is_repaired_at_once(cli: Cli, tmp_path: Path) -> None:
    nameless = chat("x")
    del nameless["custom_id"]
    lines = [chat("a"), chat("a", stream=True), nameless, chat("b", stream=False)]
    text = "\r\n\r\n".join(json.dumps(line) for line in lines)
    (tmp_path / "r.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\n")

    done = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl")

    assert (done.code, done.out) == (0, "")
    assert read_lines(tmp_path / "out.jsonl") == [
        chat("a"),
        chat("a-3"),
        {**nameless, "custom_id": "request-5"},
        chat("b", stream=False),
    ]
    assert json.loads((tmp_path / "out.jsonl.ids.json").read_text()) == {
        "a-3": {"line": 3, "old": "a"},
        "request-5": {"line": 5, "old": None, "missing": True},
    }
    for words in (
        "4 blank lines removed",
        "1 byte order mark removed",
        "2 ids made valid",
        "4 line ends changed to LF",
        '1 "stream": true removed',
        "Written to: out.jsonl (old ids in out.jsonl.ids.json)",
    ):
        assert words in done.err
    assert cli("validate", "out.jsonl").err == "out.jsonl: 4 requests, 1 model, 617 B: 0 errors, 0 warnings\n"


def test_a_line_that_needs_nothing_is_copied_byte_for_byte(cli: Cli, tmp_path: Path) -> None:
    odd = b' {"custom_id" : "\\u0061", "method":"POST","url":"/v1/chat/completions", "body":{"model":"m",'
    odd += b'"seed":184467440737095516160,"messages":[{"role":"user","content":"\\ud83c\\udf88 1.10"}]} } '
    (tmp_path / "r.jsonl").write_bytes(odd + b"\n\n" + odd.replace(b"\\u0061", b"b") + b"\n")

    assert cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl").code == 0

    assert (tmp_path / "out.jsonl").read_bytes() == odd + b"\n" + odd.replace(b"\\u0061", b"b") + b"\n"


def test_a_file_without_faults_is_copied_and_has_no_map(cli: Cli, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl")

    assert "Fixed: nothing had to be" in done.err
    assert (tmp_path / "out.jsonl").read_bytes() == path.read_bytes()
    assert left_over(tmp_path) == ["out.jsonl"]


def test_a_map_of_an_earlier_run_is_emptied(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a")])
    (tmp_path / "out.jsonl.ids.json").write_text('{"old": {"line": 1, "old": "x"}}')

    cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl")

    assert json.loads((tmp_path / "out.jsonl.ids.json").read_text()) == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_wide_text_becomes_utf8_and_its_dialect_is_still_guessed(
    cli: Cli, tmp_path: Path, encoding: str
) -> None:
    params = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "日本"}]}
    line = json.dumps({"custom_id": "日本 1", "params": params}, ensure_ascii=False)
    (tmp_path / "r.jsonl").write_bytes(f"{line}\r\n".encode(encoding))

    done = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "-v")

    assert done.code == 0, done.out
    assert "checked as Anthropic format" in done.err
    assert "1 text turned into UTF-8" in done.err
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == line.replace("日本 1", "_1") + "\n"


def test_lines_that_end_in_returns_alone_are_lines(cli: Cli, tmp_path: Path) -> None:
    text = "\r".join(json.dumps(chat(name)) for name in "abc")
    (tmp_path / "r.jsonl").write_text(text, newline="")

    assert cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl").code == 0

    assert (tmp_path / "out.jsonl").read_text() == text.replace("\r", "\n") + "\n"


def test_what_only_a_person_can_repair_is_placed_in_the_source_and_nothing_is_written(
    cli: Cli, tmp_path: Path
) -> None:
    good, bad = json.dumps(chat("a")), json.dumps(chat("b", temperature=9))
    changed = json.dumps(chat("a", temperature=9))
    (tmp_path / "r.jsonl").write_text(f"\n\n{good}\n\n{bad}\n\r{changed}\n")

    done = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "--format", "full")

    assert done.code == 3
    column = bad.index("9}") + 1
    assert done.out.splitlines()[0].startswith(f"r.jsonl:5:{column}: error[E311]")
    assert done.out.splitlines()[1].startswith("     5 | …")
    assert "r.jsonl:6: error[E311]" in done.out
    assert "Nothing was written, because of what --fix cannot repair: 2 errors" in done.err
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E107"),
        (b"{oops\n", "E201"),
        (b'\xff\xfe{\x00"\x00a', "E103"),
        (b'{"custom_id":"' + b"x" * 200 + b'"}\n', "E105"),
        (b"\x1f\x8b\x08\x00", "E106"),
        (b'{"a":"x\ry"}\n', "E104"),
        (b'{"custom_id":"a","custom_id":"b"}\n', "E204"),
    ],
)
def test_a_file_beyond_repair_is_reported_as_ever(cli: Cli, tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "r.jsonl").write_bytes(data)

    done = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "--max-line-bytes", "150")

    assert done.code == 3
    assert f"error[{code}]" in done.out
    assert left_over(tmp_path) == []


def test_an_older_output_stays_where_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("{oops\n")
    (tmp_path / "out.jsonl").write_text("precious")

    cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl")

    assert (tmp_path / "out.jsonl").read_text() == "precious"


def test_the_limits_of_the_call_hold_for_new_ids(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("abcdef"), chat("abcdeg"), chat("ok")])

    assert cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "--max-id-length", "4").code == 0

    assert [line["custom_id"] for line in read_lines(tmp_path / "out.jsonl")] == ["abcd", "ab-2", "ok"]


def test_the_document_says_what_was_done(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a"), chat("a")])

    fixed = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "--json").json["files"][0]["fix"]

    assert fixed == {
        "written": True,
        "path": "out.jsonl",
        "ids": "out.jsonl.ids.json",
        "changes": {"ids": 1},
    }


def test_statistics_are_those_of_the_fixed_file(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a"), chat("a")])

    file = cli("validate", "r.jsonl", "--fix", "-o", "out.jsonl", "--json", "--stats").json["files"][0]

    assert file["bytes"] == (tmp_path / "out.jsonl").stat().st_size
    assert file["line_bytes"]["largest"] - file["line_bytes"]["smallest"] == len("-2")


def test_standard_input_can_be_fixed(process: Cli, tmp_path: Path) -> None:
    data: list[Any] = [chat("a"), chat("a")]
    stdin = "".join(json.dumps(line) + "\r\n" for line in data).encode("utf-16")

    done = process("validate", "-", "--fix", "-o", "out.jsonl", stdin=stdin)

    assert done.code == 0
    assert [line["custom_id"] for line in read_lines(tmp_path / "out.jsonl")] == ["a", "a-2"]


def test_a_repair_is_suggested_where_it_would_help(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "my r.jsonl", [chat("a"), chat("a")])
    write_lines(tmp_path / "hot.jsonl", [chat("a", temperature=9)])

    assert "fix: batch-cli validate 'my r.jsonl' --fix -o FILE" in cli("validate", "my r.jsonl").err
    assert "--fix" not in cli("validate", "hot.jsonl").err
