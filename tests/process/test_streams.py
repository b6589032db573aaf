"""Pipes that close, disks that are full, streams that are missing, terminals that are not there."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import ROOT, clean_environment, structured, write_lines

PROGRAM = f"{sys.executable} -m batch_cli"


def shell(directory: Path, line: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env=clean_environment(directory, env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def finished(tmp_path: Path, process: Cli) -> Path:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 36.") for n in range(3_000)])
    assert process("submit", "r.jsonl", "-m", "local/simulate", "--wait", "-q").code == 0
    return tmp_path


def test_a_reader_that_goes_away_is_no_error(finished: Path) -> None:
    done = shell(finished, f"{PROGRAM} results -o - | head -1; echo ${{PIPESTATUS[0]}}")

    first, code = done.stdout.splitlines()
    assert first.startswith('{"custom_id":"r0"')
    assert code == "141"
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


@pytest.mark.parametrize("words", ["submit r.jsonl -m local/simulate --again", "list", "--help"])
def test_without_standard_output_nothing_is_done(finished: Path, process: Cli, words: str) -> None:
    done = shell(finished, f"{PROGRAM} {words} >&-")

    assert done.returncode == 12
    assert "cannot write to standard output" in done.stderr
    assert len(process("list").out.splitlines()) == 1


@pytest.mark.parametrize("words", ["list --json", "results -o -", "--version", "list-models"])
def test_a_full_standard_output_is_never_exit_0(finished: Path, words: str) -> None:
    done = shell(finished, f"{PROGRAM} {words} > /dev/full")

    assert done.returncode == 12
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_without_standard_error_the_work_goes_on(finished: Path, redirection: str) -> None:
    done = shell(finished, f"{PROGRAM} results -o out.jsonl {redirection}")

    assert done.returncode == 0
    assert (finished / "out.jsonl").exists()


def test_without_standard_input_nothing_is_asked(finished: Path) -> None:
    assert shell(finished, f"{PROGRAM} delete <&-").returncode == 2
    assert shell(finished, f"{PROGRAM} submit - -m local/simulate <&-").returncode == 2


def test_a_full_disk_leaves_no_half_file(finished: Path) -> None:
    (finished / "out.jsonl").write_text("old")

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(
        [sys.executable, "-m", "batch_cli", "results", "-o", "out.jsonl", "--force"],
        cwd=finished,
        env=clean_environment(finished),
        capture_output=True,
        text=True,
        preexec_fn=small_files_only,
        check=False,
    )

    assert done.returncode == 12
    assert "file too large for this file system while writing" in done.stderr
    assert (finished / "out.jsonl").read_text() == "old"
    assert not (finished / "out.jsonl.part").exists()


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"COLUMNS": "1"},
        {"COLUMNS": "0"},
        {"TERM": "dumb"},
    ],
)
def test_odd_terminals_and_locales_do_not_matter(tmp_path: Path, process: Cli, env: dict[str, str]) -> None:
    write_lines(tmp_path / "m.jsonl", [{"prompt": "Ünïcödé → 日本", "custom_id": "é"}])

    done = process("submit", "m.jsonl", "-m", "local/simulate", "--wait", "--results", "out.jsonl", env=env)
    table = process("results", "--format", "table", env=env)

    assert (done.code, table.code) == (0, 0)
    assert "日本" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_no_key_is_found_in_anything_a_run_leaves_behind(tmp_path: Path, process: Cli) -> None:
    write_lines(tmp_path / "r.jsonl", [structured("a", "I'm Ada, 36.")])
    env = {f"{name}_API_KEY": "sk-canary0123456789" for name in ("OPENAI", "ANTHROPIC", "GOOGLE", "REGOLO")}
    said = ""
    for words in (
        ("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--results", "o.jsonl", "-vv"),
        ("submit", "r.jsonl", "-m", "openai/simulate", "-vv"),
        ("status", "--json"),
        ("status", "batch_1", "--model", "openai/x"),
        ("list", "--json"),
        ("worker", "logs"),
    ):
        done = process(*words, env=env)
        said += done.out + done.err

    assert "canary" not in said
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def test_it_runs_isolated_and_writes_only_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    env = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "batch_cli", "create", "--model", "local/simulate", "-q"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run(
        [sys.executable, "-m", "batch_cli", "worker", "stop", "-q"], env=env, cwd=tmp_path, check=True
    )

    top = {str(path.relative_to(tmp_path)).split("/")[0] for path in tmp_path.rglob("*")}
    assert top == {"home", "local_batch_id.txt"}
    assert {path.name for path in (tmp_path / "home").iterdir()} == {".local"}
    assert done.stdout.startswith("local_")
