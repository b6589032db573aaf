"""The README and ARCHITECTURE.md say what the code does: commands run, tables are equal, names exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from batch_cli.cli.app import COMMANDS
from batch_cli.config import _MEMBERS
from batch_cli.errors import ExitCode
from batch_cli.providers.hosted.profile import _PROFILES
from batch_cli.settings import KEY_RULES
from tests.support import ROOT, clean_environment, read_lines

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/cluster.md",
    "docs/local-model-server.md",
    "docs/exit-codes.md",
    "docs/python.md",
]


def table_under(heading: str) -> list[list[str]]:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def console_blocks() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    return ["\n".join(line.removeprefix("$ ") for line in block.splitlines()) for block in blocks]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a directory with what a clone has, and a `batch-cli` on the path."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    program = tmp_path / "bin" / "batch-cli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m batch_cli "$@"\n')
    program.chmod(0o755)
    return tmp_path


def shell(directory: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(directory)
    environment["PATH"] = f"{directory / 'bin'}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script, "bash", *words],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    subprocess.run(["batch-cli", "worker", "stop", "-q"], cwd=directory, env=environment, check=False)
    return done


def test_the_commands_of_the_readme_run_in_its_order(clone: Path) -> None:
    done = shell(clone, "\n".join(console_blocks()))

    assert done.returncode == 0, done.stderr
    assert len(read_lines(clone / "results.jsonl")) == 10
    assert len(read_lines(clone / "people.jsonl")) == 200
    assert "Jessica\t26" in done.stdout
    assert "exit 7" in done.stdout


def test_the_table_of_commands_equals_the_code() -> None:
    assert table_under("Commands") == [[f"`{name}`", text] for name, text in COMMANDS.items()]


def test_the_table_of_exit_codes_equals_the_code() -> None:
    assert table_under("Exit codes") == [[str(int(code)), code.name, code.meaning] for code in ExitCode]


def test_the_table_of_keys_equals_the_code() -> None:
    written = {name: re.findall(r"`(\w+)`", cell) for name, cell in table_under("Environment")}

    assert written == {name: list(rule.variables) for name, rule in KEY_RULES.items()}


def test_the_table_of_base_urls_equals_the_code() -> None:
    written = {row[0]: re.findall(r"`([A-Z_]+)`", row[2]) for row in table_under("Where requests go")}

    assert written == {name: list(one.base_url_variables) for name, one in _PROFILES.items()}


def test_the_table_of_settings_of_a_service_equals_the_code() -> None:
    written = [name for row in table_under("Services of your own") for name in re.findall(r"`(\w+)`", row[0])]

    assert set(written) == set(_MEMBERS)


def test_every_variable_the_code_reads_is_documented() -> None:
    code = "".join(path.read_text() for path in (ROOT / "batch_cli/cli").rglob("*.py"))
    for name in ("settings", "config"):
        code += (ROOT / f"batch_cli/{name}.py").read_text()
    read = set(re.findall(r"(?:environment|env)(?:\.get\(|\[)\"([A-Z_]+)\"", code))

    assert read
    assert not {name for name in read if f"`{name}`" not in README}


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    for target in re.findall(r"\]\(([A-Z]+(?:\.md)?)\)", text):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:batch_cli|tests|examples|benchmarks|completions)/[\w/.-]*)`", text):
        assert (ROOT / path).exists(), path


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        named |= set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE))

    assert {"demo", "test", "check", "dev"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_layers_of_the_architecture_are_those_that_are_checked() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    checked = [layer.replace(" ", "") for layer in contracts[0]["layers"]]
    section = (ROOT / "ARCHITECTURE.md").read_text().split("## Layers")[1].split("\n- ")[0]
    names = re.findall(r"^    ([a-z_]+(?: \| [a-z_]+)*)", section, flags=re.MULTILINE)

    assert [name.replace(" ", "") for name in names] == checked


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    for path in (ROOT / "batch_cli").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path


def test_no_path_of_the_project_leads_outside_of_it() -> None:
    for pattern in ("*.md", "*.toml", "*.sql", "*.sh", "*.yml", "*.json", "Makefile"):
        for path in ROOT.rglob(pattern):
            if ".venv" in path.parts or "cases" in path.parts:
                continue
            for upwards in re.findall(r"(?:\.\./)+[\w.-]*", path.read_text(encoding="utf-8")):
                assert (path.parent / upwards).resolve().is_relative_to(ROOT), (path, upwards)
