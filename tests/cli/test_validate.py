from __future__ import annotations

from pathlib import Path

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
