"""Every command, whatever it does: its help, its options, what it loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from batch_cli.cli.app import ALIASES, COMMANDS, load_command
from batch_cli.errors import ExitCode
from tests.conftest import Cli
from tests.support import clean_environment

NOT_FOR_HELP = (
    "httpx",
    "rich.progress",
    "rich.console",
    "sqlite3",
    "asyncio",
    "pydantic",
    "jsonschema",
    "starlette",
    "ray",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    assert (load_command(name).help or "").split("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_starts_with_examples_that_call_the_command(name: str, cli: Cli) -> None:
    page = cli(name, "--help")

    assert page.code == 0
    before, _, after = page.out.partition("Examples:\n")
    assert "Options:" not in before
    examples = after.split("\n\n")[0].splitlines()
    assert len(examples) >= 2
    assert sum(f"batch-cli {name}" in line for line in examples) >= 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_shared_options(name: str, cli: Cli) -> None:
    shared = cli(name, "--help").out.partition("Shared options:")[2]

    for option in ("--json", "--state-dir", "--quiet", "--verbose", "--color", "--help"):
        assert option in shared


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_has_its_variable(name: str) -> None:
    for param in load_command(name).params:
        assert getattr(param, "help", None), param.name
        if param.param_type_name == "option":
            assert str(param.envvar).startswith("BATCH_CLI_")


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes_are_explained(name: str, cli: Cli) -> None:
    codes = cli(name, "--help").out.partition("Exit codes:")[2]

    for code in load_command(name).facts.exits:
        assert ExitCode(code).meaning.split(",")[0] in codes


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_loads_nothing_that_it_does_not_need(name: str, tmp_path: Path) -> None:
    program = (
        "import sys; from batch_cli.cli.main import run; code = run(sys.argv[1:]);"
        f" loaded = [m for m in {NOT_FOR_HELP!r} if m in sys.modules]; print(loaded, file=sys.stderr); sys.exit(code)"
    )
    words = [name, "--help"] if name else ["--help"]

    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def test_the_first_page_names_every_command(cli: Cli) -> None:
    for words in ((), ("--help",), ("-h",)):
        page = cli(*words)
        assert page.code == 0
        assert all(name in page.out for name in COMMANDS)


def test_an_alias_is_the_command(cli: Cli) -> None:
    for alias, name in ALIASES.items():
        assert cli(alias, "--help").out.partition("\n\n")[2] == cli(name, "--help").out.partition("\n\n")[2]


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("--version", "--json")])
def test_the_version_is_shown(cli: Cli, words: tuple[str, ...]) -> None:
    from batch_cli import __version__

    assert cli(*words).out == f"batch-cli {__version__}\n"


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (("results", "-o"), "batch-cli results --help"),
        (("results", "--otuput", "x"), "batch-cli results --help"),
        (("--nope",), "batch-cli --help"),
        (("nope", "-o"), "batch-cli --help"),
    ],
)
def test_a_wrong_option_names_the_page_of_its_command(cli: Cli, words: tuple[str, ...], page: str) -> None:
    assert cli(*words).err.splitlines()[-1] == f"  fix: {page}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stauts",), "No such command 'stauts'"),
        (("status", "--bacth-id", "x"), "No such option: --bacth-id"),
        (("results", "a", "b"), "unexpected extra argument"),
        (("status", "--batch-id"), "--batch-id"),
        (("status", "--color", "maybe"), "--color"),
        (("list", "--limit", "0"), "--limit"),
        (("list", "--limit", "99999999999999999999"), "--limit"),
        (("create", "-i", "x", "--max-tokens", "0"), "--max-tokens"),
        (("create", "-i", "x", "--temperature", "inf"), "--temperature"),
        (("submit",), "FILE"),
        (("completion", "tcsh"), "tcsh"),
        (("results", "a", "--batch-id", "b"), "two different batch ids"),
        (("status", "--model", "local/simulate", "--provider", "openai"), "--provider says openai"),
        (("list", "--status", "nope"), "no status 'nope'"),
        (("list", "--since", "soon"), "not a time span"),
        (("submit", "x", "--metadata", "novalue"), "--metadata must be K=V"),
        (("submit", "x", *(w for n in range(17) for w in ("--metadata", f"k{n}=v"))), "at most 16"),
        (("submit", "x", "--metadata", "k=" + "v" * 513), "512"),
        (("create", "-i", "x", "-m", "local/simulate", "--param", "novalue"), "--param must be K=JSON"),
        (("create", "-m", "openai/x", "--simulate-errors", "0.5"), "are for local/simulate"),
        (("submit", "x", "-m", "local/llama"), "has no model 'llama'"),
        (("validate",), "no file given"),
        (("results", "--json"), "where should the results go"),
        (("results", "--json", "-o", "-"), "do not go together"),
        (("results", "--format", "table", "-o", "x"), "not for a file"),
        (
            ("create", "-i", "x", "--submit", "-o", "-", "-m", "local/simulate"),
            "--submit writes no request file",
        ),
    ],
)
def test_a_wrong_call_is_one_message_and_exit_2(cli: Cli, words: tuple[str, ...], message: str) -> None:
    done = cli(*words)

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("Error: ")
    assert message in done.err
    assert len(done.err.splitlines()) <= 4


@pytest.mark.parametrize("words", [("--api-key", "sk-canary"), ("--api-key=sk-canary",)])
def test_a_key_on_the_command_line_is_refused_and_never_shown(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli("status", *words)

    assert done.code == 2
    assert "canary" not in done.out + done.err
    assert "--api-key-file" in done.err


def test_a_variable_stands_for_its_option(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_CLI_MODEL", "nonsense")

    assert "got: 'nonsense'" in cli("submit", "x").err


def test_an_error_in_json_ends_standard_error(cli: Cli) -> None:
    import json

    done = cli("status", "--json", "--model", "xyz/gpt")

    document = json.loads(done.err.splitlines()[-1])
    assert done.out == ""
    assert (document["schema"], document["exit"], document["code"]) == ("batch_cli.error/v1", 2, "USAGE")
    assert document["reference"] == "E602"


def test_a_bug_is_three_lines_and_a_log(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("a value")

    monkeypatch.setattr("batch_cli.jobs.follow.list_batches", broken)
    monkeypatch.delenv("BATCH_CLI_STATE_DIR")

    done = cli("list")

    assert done.code == 1
    assert done.err.startswith("Error: internal problem (this is a bug in batch-cli")
    assert "Traceback" not in done.err
    (log,) = (tmp_path / ".local/state/batch-cli/log").iterdir()
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
