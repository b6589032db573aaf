"""The detached worker: it comes by itself, works alone, knows no keys, and goes by itself."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import write_lines


def wait_until(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # a function without arguments
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def prompts(directory: Path, count: int = 50) -> None:
    (directory / "p.txt").write_text("".join(f"Prompt {n}\n" for n in range(count)))


def the_worker(process: Cli) -> int:
    """Wait until the worker has joined the queue, and give its process id."""
    wait_until(lambda: process("worker", "status", "--json").json["workers"])
    (worker,) = process("worker", "status", "--json").json["workers"]
    return int(worker["pid"])


def finished(process: Cli) -> bool:
    return process("status", "--exit-status", "-q").code == 0


def test_a_submit_starts_one_and_it_finishes_the_batch(tmp_path: Path, process: Cli) -> None:
    prompts(tmp_path)

    assert process("submit", "p.txt", "-m", "local/simulate").code == 0

    wait_until(lambda: finished(process))
    status = process("worker", "status", "--json").json
    assert len(status["workers"]) == 1
    assert (status["queued"], status["done"]) == (0, 50)
    assert process("worker", "start").code == 9, "there is one for each state directory"
    assert process("worker", "start", "--detach").code == 9
    logs = process("worker", "logs").out
    assert re.search(r"^\S+Z worker \d+ starts", logs)
    assert re.search(r"^\S+Z local_\w+: completed, 50 completed, 0 failed$", logs, flags=re.MULTILINE)
    stopped = process("worker", "stop")
    assert "has stopped" in stopped.err
    assert process("worker", "status", "--json").json["workers"] == []


def test_it_knows_no_keys(tmp_path: Path, process: Cli) -> None:
    prompts(tmp_path)
    process(
        "submit", "p.txt", "-m", "local/simulate", env={"OPENAI_API_KEY": "sk-canary", "SECRET": "canary"}
    )

    pid = the_worker(process)
    environ = Path(f"/proc/{pid}/environ")
    if not environ.exists():
        pytest.skip("needs /proc")
    assert b"canary" not in environ.read_bytes()
    assert b"canary" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_killed_it_is_replaced_by_the_next_command(tmp_path: Path, process: Cli) -> None:
    prompts(tmp_path, 2_000)
    process("submit", "p.txt", "-m", "local/simulate", "--simulate-latency", "20")

    def one_works() -> bool:
        return bool(process("worker", "status", "--json").json["running"])

    wait_until(one_works)
    (worker,) = process("worker", "status", "--json").json["workers"]
    os.kill(worker["pid"], signal.SIGKILL)

    assert process("wait", timeout=120).code == 0
    assert process("results", "-o", "out.jsonl").code == 0


def test_it_survives_the_end_of_the_shell_that_started_it(tmp_path: Path, process: Cli) -> None:
    prompts(tmp_path)
    process("submit", "p.txt", "-m", "local/simulate", "--simulate-latency", "10")

    pid = the_worker(process)

    assert os.getsid(pid) == pid, "a session of its own: no hang-up reaches it"
    wait_until(lambda: finished(process))


def test_started_by_hand_it_stays_until_it_is_stopped(tmp_path: Path, process: Cli) -> None:
    assert process("worker", "start", "--detach").code == 0
    wait_until(lambda: process("worker", "status", "--json").json["workers"])
    prompts(tmp_path)
    process("submit", "p.txt", "-m", "local/simulate")
    wait_until(lambda: finished(process))

    assert process("worker", "stop").code == 0


def test_state_is_private_whatever_the_umask(tmp_path: Path, process: Cli) -> None:
    before = os.umask(0)
    try:
        prompts(tmp_path)
        process("submit", "p.txt", "-m", "local/simulate", "--wait")
    finally:
        os.umask(before)

    state = tmp_path / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    for path in state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_submit_while_the_worker_decides_to_end_is_not_forgotten(tmp_path: Path, process: Cli) -> None:
    """Batches arrive around the moment a worker without work ends; each must be finished by somebody."""
    for n in range(6):
        write_lines(tmp_path / "r.jsonl", [{"prompt": f"number {n}"}])
        process("submit", "r.jsonl", "-m", "local/simulate", "-q")
        time.sleep(0.05 * n)

    wait_until(lambda: process("worker", "status", "--json").json["queued"] == 0)
