"""``run`` as a real process against a real server, killed at any moment: the same line goes on, each row is billed
once for each attempt at it."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import ServerProcess, wait_until
from tests.support import Done, clean_environment, command, read_lines, structured, write_lines

COUNT = 24
RUN = ("run", "r.jsonl", "-o", "out.jsonl", "-m", "openai/simulate", "--attempts", "40", "--interval", "0.1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    (tmp_path / "server").mkdir()
    with ServerProcess(tmp_path / "server", "--seed", "5") as running:
        yield running


@pytest.fixture(autouse=True)
def requests(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {20 + n}.") for n in range(COUNT)]
    )


class Runs:
    """The same line, again and again."""

    def __init__(self, directory: Path, server: ServerProcess) -> None:
        self.directory, self.server = directory, server
        self.environment = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{server.url}/v1"}

    def play(self, *rules: dict[str, Any], failing: float = 0.4) -> None:
        """Let some requests of each batch fail, others each time, and play these rules."""
        body = {"rules": rules, "batches": [{"failing": failing}]}
        assert httpx.post(f"{self.server.url}/_emulator/scenario", json=body).status_code == 200

    @property
    def hits(self) -> int:
        state = httpx.get(f"{self.server.url}/_emulator/scenario").json()
        return sum(rule["hits"] for rule in state["rules"])

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "batch_cli", *RUN],
            cwd=self.directory,
            env=clean_environment(self.directory, self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> Done:
        """Run the line to its end, with a service that does no more wrong."""
        self.play(failing=0)
        return command(self.directory, *RUN, env=self.environment, timeout=180)

    def check(self, done: Done) -> None:
        """Every row has its own good answer, and was billed as often as attempts were needed."""
        assert done.code == 0, done.err
        rows = read_lines(self.directory / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(COUNT)]
        assert [row["parsed"]["age"] for row in rows] == [20 + n for n in range(COUNT)]
        billed: Counter[str] = Counter()
        for entry in self.server.ledger()["data"]:
            lines = httpx.get(f"{self.server.url}/_emulator/ledger/{entry['id']}").text.split("\n")
            for line in filter(None, lines):
                row = json.loads(line)
                billed[row["custom_id"]] += row["billed"]
        assert billed == {row["custom_id"]: row["attempt"] for row in rows}
        assert max(billed.values()) > 1


@pytest.fixture
def runs(tmp_path: Path, server: ServerProcess) -> Runs:
    found = Runs(tmp_path, server)
    found.play()
    return found


def steps(directory: Path) -> int:
    """Count what the journal has noted so far, from beside the process that writes it."""
    path = directory / "state/journal.db"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            return int(journal.execute("select count(*) from event").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


@pytest.mark.parametrize("seed", range(2))
def test_kill_9_at_random_moments_bills_each_row_once_for_each_attempt(runs: Runs, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(8):
        target = steps(runs.directory) + dice.randint(1, 6)  # a submit is four steps
        running = runs.start()
        while running.poll() is None and steps(runs.directory) < target:
            time.sleep(0.01)
        time.sleep(dice.choice([0.0, 0.01, 0.2]))
        running.kill()
        running.communicate()

    assert steps(runs.directory) > 8, "the kills came in the second attempt and behind it"
    runs.check(runs.finish())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("route", ["POST /v1/files", "POST /v1/batches"])
def test_kill_9_while_the_second_attempt_is_submitted_makes_no_third(
    runs: Runs, route: str, when: str
) -> None:
    runs.play({"route": route, "when": when, "fault": "delay", "seconds": 1.0})
    running = runs.start()
    wait_until(lambda: runs.hits >= 2)
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL

    runs.check(runs.finish())


def test_ctrl_c_leaves_the_batch_running_and_says_how_to_go_on(runs: Runs) -> None:
    runs.play({"route": "GET /v1/batches/*", "fault": "edit", "replace": {"status": "in_progress"}})
    running = runs.start()
    wait_until(lambda: runs.hits >= 2)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)

    assert running.returncode == 130
    assert "goes on at openai" in err.decode()
    assert "run the same line again" in err.decode()
    runs.check(runs.finish())


def test_two_runs_at_once_are_one(runs: Runs) -> None:
    environment = clean_environment(runs.directory, runs.environment)
    words = [sys.executable, "-m", "batch_cli", *RUN, "--lock-timeout", "60", "--attempts", "3"]
    both = [
        subprocess.Popen(words, cwd=runs.directory, env=environment, stderr=subprocess.PIPE) for _ in range(2)
    ]
    errs = [one.communicate(timeout=180)[1].decode() for one in both]

    assert [one.returncode for one in both] == [7, 7], errs
    assert len(runs.server.ledger()["data"]) == 3
    runs.check(runs.finish())
