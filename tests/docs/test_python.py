"""docs/python.md runs, from its first block to its last, and names what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import batch_cli
from tests.docs.test_readme import README
from tests.serving import ServerProcess
from tests.support import ROOT, clean_environment

PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")


def run(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    assert program
    environment = clean_environment(directory)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    words = [sys.executable, "-m", "batch_cli", "worker", "stop", "-q"]
    subprocess.run(words, cwd=directory, env=environment, check=False)
    return done


def test_the_blocks_of_the_page_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with ServerProcess(tmp_path / "server") as server:
        assert PAGE.count('endpoint="http://localhost:8000/v1"') == 1
        page = PAGE.replace('endpoint="http://localhost:8000/v1"', f'endpoint="{server.url}/v1"')
        done = run(page, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "a Simulated answer to a prompt of 1 word: Hi",
        "Name a colour. Simulated answer to a prompt of 3 words: Name a colour.",
        "Name a city. Simulated answer to a prompt of 3 words: Name a city.",
    ]


def test_the_script_of_the_readme_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")

    done = run(README, tmp_path)

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "request-0 Ada\n")


def test_the_table_of_errors_has_every_error_that_is_there() -> None:
    rows = PAGE.split("## Errors")[1].split("\n## ")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", rows))
    errors = {name for name in batch_cli.__all__ if issubclass_of_ours(name)}

    assert errors - {"Stopped"} <= named


def issubclass_of_ours(name: str) -> bool:
    found = getattr(batch_cli, name)
    return isinstance(found, type) and issubclass(found, batch_cli.BatchCliError)
