"""What happens when somebody stops the command: nothing is lost, and the same line goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import clean_environment, command, read_lines, start, structured, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "local/simulate")


def wait_until(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # a function without arguments
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def completed(directory: Path) -> int:
    batches = command(directory, "list", "--json", "--limit", "1").json["batches"]
    return int(batches[0]["counts"]["completed"]) if batches else 0


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {n % 90 + 1}.") for n in range(400)])
    return tmp_path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_wait_says_how_to_go_on_and_wait_picks_it_up(
    slow: Path, process: Cli, number: signal.Signals, code: int
) -> None:
    running = start(slow, *SUBMIT, "--wait", "--simulate-latency", "80")
    wait_until(lambda: completed(slow) > 8)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)

    batch_id = (slow / "local_batch_id.txt").read_text().strip()
    text = err.decode()
    assert running.returncode == code
    assert f"Stopped. {batch_id} is paused: " in text
    assert f"  continue: batch-cli wait {batch_id}" in text
    assert "Traceback" not in text
    kept = completed(slow)
    assert 0 < kept < 400

    assert process("wait").code == 0
    assert process("results", "-o", "out.jsonl").code == 0
    assert [row["custom_id"] for row in read_lines(slow / "out.jsonl")] == [f"r{n}" for n in range(400)]


def test_ctrl_c_while_the_program_loads_ends_it_quietly(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from batch_cli.__main__ import main

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "batch_cli.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.exit(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, "list"],
        env=clean_environment(tmp_path),
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, b"", b"")


def test_a_hang_up_ends_a_command_quietly(slow: Path) -> None:
    running = start(slow, "results", "-o", "-", "--wait", "--batch-id", "x")
    running.send_signal(signal.SIGHUP)
    _, err = running.communicate(timeout=30)

    assert running.returncode in (-signal.SIGHUP, 129, 2)
    assert b"Traceback" not in err


def test_kill_9_at_random_times_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """The short form of benchmarks/kill_soak.py: helpers and command line are killed, the line runs again."""
    count, dice = 6_000, random.Random(7)
    lines = [
        structured(f"r{n}", f"Hello, I'm Ada Lovelace and I am {n % 90 + 1} years old.") for n in range(count)
    ]
    write_lines(tmp_path / "r.jsonl", lines)
    words = (*SUBMIT, "-q", "--wait", "--results", "out.jsonl")
    kills = 0
    while True:
        running = start(tmp_path, *words)
        try:
            running.communicate(timeout=dice.uniform(0.2, 1.1))
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            kills += 1
            if kills < 8:
                continue
            assert command(tmp_path, *words, timeout=120).code == 0
            break
        if running.returncode == 0:
            break

    rows = read_lines(tmp_path / "out.jsonl")
    assert kills > 0
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(count)]
    assert [row["parsed"] for row in rows] == [
        {"name": "Ada Lovelace", "age": n % 90 + 1} for n in range(count)
    ]
    assert len(command(tmp_path, "list").out.splitlines()) == 1, "one batch, however often it was submitted"


def test_helpers_never_outlive_the_command_they_help(tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 36. " * 30) for n in range(30_000)])
    running = start(tmp_path, *SUBMIT, "--wait")

    def helpers() -> list[int]:
        try:
            text = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text()
        except OSError:
            return []
        return [int(word) for word in text.split()]

    if not Path("/proc/self/task").is_dir() or len(os.sched_getaffinity(0)) < 2:
        running.kill()
        running.communicate()
        pytest.skip("needs Linux and two processors")
    wait_until(helpers)
    pids = helpers()
    running.kill()
    running.communicate()

    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_second_writer_of_the_same_results_is_refused_while_the_first_writes(
    tmp_path: Path, process: Cli
) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 36.") for n in range(20_000)])
    assert process(*SUBMIT, "--wait", "-q").code == 0
    first = start(tmp_path, "results", "-o", "out.jsonl")
    wait_until((tmp_path / "out.jsonl.part").exists)
    first.send_signal(signal.SIGSTOP)

    second = process("results", "-o", "out.jsonl")

    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=60)
    assert (second.code, first.returncode) == (9, 0)
    assert "another batch-cli is writing" in second.err
    assert len(read_lines(tmp_path / "out.jsonl")) == 20_000


def test_two_submits_of_one_file_make_one_batch(tmp_path: Path, process: Cli) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 36.") for n in range(5_000)])

    both = [start(tmp_path, *SUBMIT) for _ in range(4)]
    ended = [(one.communicate(timeout=60)[0].decode().strip(), one.returncode) for one in both]

    ids = {out for out, code in ended if code == 0}
    assert len(ids) == 1
    assert {code for _, code in ended} <= {0, 9}
    assert len(process("list").out.splitlines()) == 1


def test_two_submits_of_different_files_are_both_fine(tmp_path: Path, process: Cli) -> None:
    for name in ("a", "b"):
        write_lines(
            tmp_path / f"{name}.jsonl", [structured(f"{name}{n}", "I'm Ada, 36.") for n in range(500)]
        )

    both = [start(tmp_path, "submit", f"{name}.jsonl", "-m", "local/simulate") for name in ("a", "b")]
    ids = {one.communicate(timeout=60)[0].decode().strip() for one in both}

    assert len(ids) == 2
    assert process("wait", *ids).code == 0


def test_a_cancel_reaches_a_worker_that_works(tmp_path: Path, process: Cli) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 36.") for n in range(5_000)])
    batch_id = process(*SUBMIT, "--simulate-latency", "20").out.strip()
    wait_until(lambda: completed(tmp_path) > 0)

    assert process("cancel").code == 0
    wait_until(lambda: process("status", "--exit-status", "-q").code == 7)

    assert process("results", "-o", "out.jsonl").code == 7
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(5_000)]
    done = [row for row in rows if row["error"] is None]
    assert 0 < len(done) < 5_000
    assert {row["error"]["type"] for row in rows if row["error"]} == {"cancelled"}
    assert batch_id
