"""`--executor ray` over real clusters, each started by the command itself; `make test-ray` installs what it needs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import Came, LiveServer, Says
from tests.support import ROOT, chat, clean_environment, command, read_lines, write_lines

pytest.importorskip("ray")

RAY = ("--executor", "ray")
LIVE = ("-m", "openai/gpt-4o-mini", "--via", "direct")
SECONDS = 180


def requests(directory: Path, count: int, model: str) -> None:
    write_lines(directory / "r.jsonl", [chat(f"r{n}", f"row {n}", model=model) for n in range(count)])


def keys(server: LiveServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-test-1234567890", "OPENAI_BASE_URL": server.url}


def started(directory: Path, env: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "batch_cli", *words],
        cwd=directory,
        env=clean_environment(directory, env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Any) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def actors_of(pid: int) -> list[int]:
    """Give the processes below ``pid`` that run an `Answerer`."""
    parents: dict[int, int] = {}
    names: dict[int, bytes] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                names[int(entry.name)] = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])

    def is_below(one: int) -> bool:
        while one in parents and one != pid:
            one = parents[one]
        return one == pid

    return [one for one, name in names.items() if name.startswith(b"ray::Answerer") and is_below(one)]


def answers(path: Path) -> list[Any]:
    return [
        (row["custom_id"], row["response"] and row["response"]["body"], row["error"])
        for row in read_lines(path)
    ]


def test_the_rows_are_those_of_one_process_failures_included(tmp_path: Path) -> None:
    requests(tmp_path, 300, "simulate")
    words = ("run", "r.jsonl", "-m", "local/simulate", "--simulate-errors", "0.2", "--attempts", "1")
    here = command(tmp_path, *words, "-o", "here.jsonl", timeout=SECONDS)

    there = command(tmp_path, *words, "-o", "there.jsonl", "--again", *RAY, timeout=SECONDS)

    assert (here.code, there.code) == (7, 7), there.err
    assert there.out == here.out
    assert answers(tmp_path / "here.jsonl") == answers(tmp_path / "there.jsonl")


def test_a_worker_that_is_killed_loses_nothing_and_repeats_only_what_was_in_flight(tmp_path: Path) -> None:
    requests(tmp_path, 400, "gpt-4o-mini")

    def slowly(_came: Came) -> Says:
        return Says(seconds=0.1)

    with LiveServer(slowly) as server:
        words = ("run", "r.jsonl", *LIVE, "--max-concurrent", "8", "-o", "o.jsonl", *RAY)
        with started(tmp_path, keys(server), *words) as run:
            wait_until(lambda: sum(server.answered.values()) > 50)
            os.kill(actors_of(run.pid)[0], signal.SIGKILL)
            _, err = run.communicate(timeout=SECONDS)

    assert run.returncode == 0, err
    assert b"rows run again" in err
    assert [row["custom_id"] for row in read_lines(tmp_path / "o.jsonl")] == [f"r{n}" for n in range(400)]
    assert set(server.answered) == {f"row {n}" for n in range(400)}
    assert sum(server.answered.values()) <= 400 + 8
    assert len(server.came) <= 400 + 8


def test_a_driver_that_is_killed_goes_on_with_the_same_line(tmp_path: Path) -> None:
    requests(tmp_path, 300, "gpt-4o-mini")

    def slowly(_came: Came) -> Says:
        return Says(seconds=0.1)

    with LiveServer(slowly) as server:
        words = ("run", "r.jsonl", *LIVE, "--max-concurrent", "8", "-o", "o.jsonl", *RAY)
        with started(tmp_path, keys(server), *words) as run:
            wait_until(lambda: sum(server.answered.values()) > 50)
            run.kill()
        done = command(tmp_path, *words, env=keys(server), timeout=SECONDS)

    assert done.code == 0, done.err
    assert len(read_lines(tmp_path / "o.jsonl")) == 300
    assert server.peak <= 16  # the actors of the dead driver may end their rows while the new ones begin
    assert sum(server.answered.values()) <= 300 + 3 * 8  # in flight, and those that waited at the actors
    assert Counter(server.answered).most_common(1)[0][1] <= 2


def test_a_stop_keeps_what_was_answered_and_ends_the_cluster(tmp_path: Path) -> None:
    requests(tmp_path, 400, "gpt-4o-mini")

    def slowly(_came: Came) -> Says:
        return Says(seconds=0.1)

    with LiveServer(slowly) as server:
        words = ("run", "r.jsonl", *LIVE, "--max-concurrent", "8", "-o", "o.jsonl", *RAY)
        with started(tmp_path, keys(server), *words) as run:
            wait_until(lambda: sum(server.answered.values()) > 20)
            run.send_signal(signal.SIGTERM)
            _, err = run.communicate(timeout=SECONDS)
        status = command(tmp_path, "status", "--json", env=keys(server)).json

    assert run.returncode == 143, err
    assert status["batch"]["counts"]["completed"] == sum(server.answered.values())


def test_nothing_of_ray_is_said_on_either_stream(tmp_path: Path) -> None:
    requests(tmp_path, 5, "simulate")
    submit = ("submit", "r.jsonl", "-m", "local/simulate", "--wait", "--again")
    here = command(tmp_path, *submit, timeout=SECONDS)

    there = command(tmp_path, *submit, *RAY, timeout=SECONDS)
    quiet = command(
        tmp_path, "run", "r.jsonl", "-m", "local/simulate", "--again", "-q", *RAY, timeout=SECONDS
    )

    def steady(text: str) -> list[str]:
        lines = [line for line in text.splitlines() if not line.startswith("running:")]
        return [re.sub(r"\b[\d.]+ ?(?:s|/s)\b|local_\w+", "_", line) for line in lines]

    assert (there.code, there.out.count("\n")) == (0, 1)
    assert (steady(there.out), steady(there.err)) == (steady(here.out), steady(here.err))
    assert (quiet.code, quiet.err) == (0, "")
    assert [row["custom_id"] for row in map(json.loads, quiet.out.splitlines())] == [
        "r0",
        "r1",
        "r2",
        "r3",
        "r4",
    ]


def test_a_live_batch_is_submitted_to_a_cluster_and_waited_for_with_one(tmp_path: Path) -> None:
    requests(tmp_path, 60, "gpt-4o-mini")

    def slowly(_came: Came) -> Says:
        return Says(seconds=0.2)

    with LiveServer(slowly) as server:
        submit = ("submit", "r.jsonl", *LIVE, "--max-concurrent", "4", "--results", "o.jsonl", *RAY)
        cut = command(tmp_path, *submit, "--max-wait", "1s", env=keys(server), timeout=SECONDS)
        waited = command(tmp_path, "wait", *RAY, env=keys(server), timeout=SECONDS)
        written = command(tmp_path, *submit, env=keys(server), timeout=SECONDS)

    assert cut.code == 8, cut.err
    assert waited.code == 0, waited.err
    assert written.code == 0, written.err
    assert len(read_lines(tmp_path / "o.jsonl")) == 60
    assert server.peak <= 4


def test_nobody_at_the_address_is_an_error_that_says_how_to_begin(tmp_path: Path) -> None:
    requests(tmp_path, 1, "simulate")

    done = command(tmp_path, "run", "r.jsonl", "-o", "o.jsonl", "-m", "local/simulate", *RAY,
                   "--ray-address", "127.0.0.1:9", timeout=SECONDS)  # fmt: skip

    assert done.code == 6
    assert "no Ray cluster answers at '127.0.0.1:9'" in done.err
    assert "ray start --head" in done.err


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh ray\n(.*?)```", (ROOT / "docs/cluster.md").read_text("utf-8"), re.DOTALL)
    requests(tmp_path, 2, "simulate")
    (tmp_path / "r.jsonl").rename(tmp_path / "requests.jsonl")

    done = command(tmp_path, *block.split()[1:], timeout=SECONDS)

    assert done.code == 0, done.err
    assert len(read_lines(tmp_path / "answers-ray.jsonl")) == 2
