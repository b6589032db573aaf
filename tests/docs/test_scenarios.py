"""The pages about scenarios say what the code does, and the job for CI runs as it stands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from batch_cli.serve.scenarios.built_in import BUILT_IN
from batch_cli.serve.scenarios.fields import CHOICES, EFFECTS, FAULTS
from batch_cli.serve.scenarios.reading import parse
from tests.docs.test_readme import clone, shell
from tests.support import ROOT

__all__ = ["clone"]

PAGE = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")
CI_PAGE = (ROOT / "docs/offline-ci.md").read_text(encoding="utf-8")
JOB = (ROOT / "examples/offline-ci.yml").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return re.split(r"\n#+ ", PAGE.split(f"{heading}\n", 1)[1])[0]


def table(text: str) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1] for row in rows}


def test_the_table_of_named_scenarios_equals_the_code() -> None:
    written = table(section("## The scenarios that have a name"))

    assert written == {name: document["description"] for name, document in BUILT_IN.items()}


def test_every_fault_is_described_with_all_its_settings() -> None:
    assert re.findall(r"^### `(\w+)`", PAGE, flags=re.MULTILINE) == list(FAULTS)
    for name, fault in FAULTS.items():
        text = section(f"### `{name}`")
        assert fault.about[1:] in text
        assert list(table(text)) == list(fault.settings)


def test_every_effect_and_every_choice_is_described() -> None:
    assert list(table(section("## Effects on batches"))) == list(EFFECTS)
    assert CHOICES.items() <= table(section("## The form")).items()


def test_the_example_of_the_page_is_the_file_and_can_be_read() -> None:
    example = (ROOT / "examples/scenario.json").read_text(encoding="utf-8")

    assert f"```json\n{example}```" in PAGE
    assert len(parse(example.encode(), "x", "x").rules) == 3


def test_every_scenario_and_every_file_that_is_named_exists() -> None:
    for page in (PAGE, CI_PAGE, JOB):
        for name in re.findall(r"--scenario ([\w-]+)(?!\S*[./])\b", page):
            assert name in BUILT_IN or name == "examples", name
        for path in re.findall(r"examples/[\w.-]+\w", page):
            assert (ROOT / path).exists(), path


def steps() -> list[str]:
    """Give the shell scripts of the job, in order, without the installation."""
    found = re.findall(r"^ +run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", JOB, flags=re.MULTILINE)
    scripts = [re.sub(r"^ {10}", "", block, flags=re.MULTILINE) or line for block, line in found]
    return [script for script in scripts if "pip install" not in script]


@pytest.mark.parametrize(("scenario", "code"), re.findall(r"\{scenario: ([\w-]+), code: (\d+)\}", JOB))
def test_the_job_for_ci_runs_as_it_stands(clone: Path, scenario: str, code: str) -> None:
    (clone / "bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (clone / "bin/python").chmod(0o755)
    *works, stop = steps()
    script = f"export SCENARIO={scenario} EXPECTED={code} OPENAI_API_KEY=any GITHUB_ENV=$PWD/env\n: > env\n"
    script += f"trap '{stop.strip()}' EXIT\n"
    script += "".join(f"set -a; . ./env; set +a\n{work}\n" for work in works)

    done = shell(clone, script)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"exit code {code}, expected {code}" in done.stdout
    assert json.loads((clone / "ledger.json").read_text())["batches"] == 1


def test_the_page_about_ci_shows_the_steps_of_the_job() -> None:
    for line in (
        "for _ in $(seq 300); do [ -s url.txt ] && break; sleep 0.1; done",
        'kill -TERM "$(cat serve.pid)"',
    ):
        assert line in CI_PAGE
        assert line in JOB
