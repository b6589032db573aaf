"""A job of several batches, killed and stopped as a real process: the same line goes on, nothing is sent twice."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import command, read_lines, start, structured, write_lines

COUNT, SHARDS = 400, 40
SUBMIT = ("submit", "r.jsonl", "-m", "local/simulate", "--split-requests", str(COUNT // SHARDS))


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {n % 90 + 1}.") for n in range(COUNT)]
    )


def submitted(directory: Path) -> list[dict[str, object]]:
    """Give what the list says of every batch, the oldest first."""
    batches = command(directory, "list", "--all", "--json").json["batches"]
    return list(reversed(batches))


def steps(directory: Path) -> int:
    """Count what the journal has noted so far, from beside the process that writes it."""
    path = directory / "state/journal.db"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            return int(journal.execute("select count(*) from event").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


def killed_within(directory: Path, more: int, pause: float) -> bool:
    """Run the submit and kill it ``pause`` seconds after it has noted so many more steps; False if it ended before."""
    target = steps(directory) + more
    running = start(directory, *SUBMIT)
    while running.poll() is None and steps(directory) < target:
        pass
    time.sleep(pause)
    running.kill()
    running.communicate()
    return running.returncode == -signal.SIGKILL


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize("seed", range(2))
def test_kill_9_at_random_moments_of_the_submit_submits_every_shard_once(
    tmp_path: Path, process: Cli, seed: int
) -> None:
    dice, left_off = random.Random(seed), set()
    for _ in range(12):
        # The first look is at all shards being noted at once, a shard is three more steps.
        if not killed_within(tmp_path, dice.randint(1, 25), dice.choice([0.0, 0.001, 0.005])):
            break
        left_off.add(len(submitted(tmp_path)))

    assert left_off - {0, SHARDS}, "not one kill came between two shards"
    out = command(tmp_path, *SUBMIT).out
    ids = out.split()
    batches = submitted(tmp_path)
    assert len(ids) == len(set(ids)) == SHARDS
    assert sorted(ids) == sorted(str(batch["id"]) for batch in batches)
    assert {(batch["shard"], batch["shards"]) for batch in batches} == {
        (n, SHARDS) for n in range(1, SHARDS + 1)
    }
    assert len(list((tmp_path / "state/engine").glob("local_*"))) == SHARDS, "nothing was staged beside"
    assert (tmp_path / "local_batch_id.txt").read_text().split() == ids
    assert process("wait", timeout=120).code == 0
    assert process("results", "-o", "out.jsonl").code == 0
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(COUNT)]
    assert [row["parsed"]["age"] for row in rows] == [n % 90 + 1 for n in range(COUNT)]


@pytest.mark.usefixtures("requests")
def test_kill_9_of_the_whole_line_ends_in_one_whole_output(tmp_path: Path) -> None:
    dice, kills = random.Random(3), 0
    words = (*SUBMIT[:-1], "100", "--simulate-latency", "15", "--wait", "--results", "out.jsonl")
    while kills < 8:
        running = start(tmp_path, *words)
        try:
            running.communicate(timeout=dice.uniform(0.3, 1.2))
            break
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            kills += 1

    assert kills > 0
    assert command(tmp_path, *words, timeout=120).code == 0
    assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == [f"r{n}" for n in range(COUNT)]
    assert len(submitted(tmp_path)) == 4


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_wait_names_the_job_and_wait_picks_all_of_it_up(
    tmp_path: Path, process: Cli, number: signal.Signals, code: int
) -> None:
    running = start(tmp_path, *SUBMIT[:-1], "100", "--wait", "--simulate-latency", "80")
    end = time.monotonic() + 60
    while not any(batch["counts"]["completed"] for batch in submitted(tmp_path)[1:2]):  # type: ignore[index]  # JSON
        assert time.monotonic() < end, "the second batch never started"
    running.send_signal(number)
    _, err = running.communicate(timeout=30)

    text = err.decode()
    job = submitted(tmp_path)[0]["job"]
    assert running.returncode == code
    assert "Stopped" in text
    assert "of 400 of the whole job." in text
    assert f"  continue: batch-cli wait {job}" in text
    assert process("status", "--exit-status", "-q").code == 8
    assert process("wait", timeout=120).code == 0
    assert process("results", "-o", "out.jsonl").code == 0
    assert len(read_lines(tmp_path / "out.jsonl")) == COUNT


@pytest.mark.usefixtures("requests")
def test_two_submits_at_once_make_one_job(tmp_path: Path) -> None:
    both = [start(tmp_path, *SUBMIT, "--lock-timeout", "60") for _ in range(3)]
    outs = {one.communicate(timeout=120)[0] for one in both}

    assert len(outs) == 1
    assert len(submitted(tmp_path)) == SHARDS
    assert command(tmp_path, "worker", "stop").code == 0
