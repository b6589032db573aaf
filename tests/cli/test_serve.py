"""How the server is started, and what is wrong with a call; what it answers is in tests/serve."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import pytest

from batch_cli.serve.scenarios.reading import load
from tests.conftest import Cli
from tests.serving import ServerProcess


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--max-body", "much"), 2, "--max-body must be a size, not 'much'"),
        (("--max-body", "0"), 2, "--max-body must be a size"),
        (("--host", "0.0.0.0"), 2, "can be reached from other machines"),
        (("--host", "example.org"), 2, "can be reached from other machines"),
        (("--token-file", "none.txt", "--no-auth"), 2, "do not go together"),
        (("--token-file", "none.txt"), 12, "no such file"),
        (("--port", "70000"), 2, "--port"),
        (("--speed", "0"), 2, "--speed"),
    ],
)
def test_a_wrong_call_is_one_message(cli: Cli, words: tuple[str, ...], code: int, message: str) -> None:
    done = cli("serve", *words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "fix: " in done.err


@pytest.mark.parametrize("text", ["short", "ключ" * 8, "x" * 600, "two words\nand lines" * 3])
def test_a_token_file_without_a_usable_key_is_refused(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "token.txt").write_text(text)
    (tmp_path / "token.txt").chmod(0o600)

    done = cli("serve", "--token-file", "token.txt")

    assert done.code == 4
    assert "holds no key" in done.err
    assert text not in done.err


def test_without_the_extra_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("batch_cli.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    done = cli("serve")

    assert done.code == 4
    assert "pip install 'batch-cli[serve]'" in done.err


def test_as_json_it_says_where_it_is_and_what_it_keeps(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--json", "--no-auth", "--scenario", "partial", "--seed", "7") as running:
        document = json.loads(running.url)

    assert document["schema"] == "batch_cli.serve/v1"
    assert document["url"].startswith("http://127.0.0.1:")
    assert (document["pid"], document["auth"]) == (running.process.pid, "none")
    assert (document["scenario"], document["seed"]) == ("partial", 7)
    assert document["data_dir"] == str(tmp_path / "data")


def test_the_seed_of_the_call_has_precedence_over_the_scenarios_own(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"seed": 5}')
    seeds = []
    for words in ((), ("--seed", "7")):
        with ServerProcess(tmp_path, "--scenario", "mine.json", *words) as running:
            seeds.append(httpx.get(f"{running.url}/_emulator/scenario").json()["seed"])

    assert seeds == [5, 7]


def test_the_scenarios_that_have_a_name_are_listed_each_with_a_line(cli: Cli) -> None:
    done = cli("serve", "--list-scenarios")

    assert done.code == 0
    lines = dict(line.split("\t") for line in done.out.splitlines())
    assert {"ok", "expired-partial", "answer-lost", "429-seconds"} <= set(lines)
    assert all(lines.values())


def test_as_json_the_scenarios_are_documents_to_begin_with(cli: Cli, tmp_path: Path) -> None:
    (first, *others) = cli("serve", "--list-scenarios", "--json").json["scenarios"]

    assert first == {"name": "ok", "description": "nothing goes wrong"}
    partial = next(scenario for scenario in others if scenario["name"] == "partial")
    del partial["name"]
    (tmp_path / "mine.json").write_text(json.dumps(partial))
    assert load(str(tmp_path / "mine.json")).batches


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--scenario", "expird-partial"), 2, "did you mean 'expired-partial'?"),
        (("--scenario", "none.json"), 12, "no such file"),
        (("--scenario", "wrong.json"), 3, "rules[0].fault: 'rest' is not known; did you mean 'reset'?"),
        (("--seed", "x"), 2, "--seed"),
    ],
)
def test_a_wrong_scenario_is_one_message(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "wrong.json").write_text('{"rules": [{"route": "GET /x", "fault": "rest"}]}')

    done = cli("serve", *words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "fix: " in done.err
