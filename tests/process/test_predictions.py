"""Predictions as batches, by processes that can die at any moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.onnx_files import doubling
from tests.prediction_server import Asked, PredictionServer, Said, answering
from tests.support import clean_environment, read_lines, write_lines

COUNT = 240


def started(directory: Path, env: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "batch_cli", *words],
        cwd=directory,
        env=clean_environment(directory, env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def doubled(asked: Asked) -> Said:
    values = [2 * value for value in asked.json["inputs"]]
    return Said({"success": True, "predictions": values}, seconds=0.05)


def asked_for(server: PredictionServer) -> Counter[int]:
    """Count how often each input was sent."""
    return Counter(value for asked in server.asked for value in json.loads(asked.body)["inputs"])


def predictions(directory: Path) -> list[object]:
    return [row["response"]["body"]["prediction"] for row in read_lines(directory / "o.jsonl")]


def test_the_same_line_goes_on_after_kill_9_and_asks_for_no_finished_row_again(
    tmp_path: Path, process: Cli
) -> None:
    write_lines(tmp_path / "in.jsonl", [*range(COUNT)])
    pace = ("--chunk-size", "4", "--max-concurrent", "2")
    line = ("submit", "in.jsonl", "-m", "torch/m", *pace, "--wait", "--results", "o.jsonl")
    kills = 0
    with answering(doubled) as server:
        env = {"TORCH_BASE_URL": server.url}
        for enough in (10, 30):
            running = started(tmp_path, env, *line)
            wait_until(lambda enough=enough: len(server.asked) >= enough)
            running.kill()
            running.communicate()
            kills += 1
        done = process(*line, env=env)

    assert done.code == 0, done.err
    assert predictions(tmp_path) == [2 * value for value in range(COUNT)]
    found = asked_for(server)
    assert set(found) == set(range(COUNT))
    assert sum(found.values()) <= COUNT + kills * 2 * 4, "only what was in flight is asked for again"


SLOW = """
import os, time
def double(value):
    time.sleep(0.02)
    with open("seen.txt", "a") as seen:
        seen.write(f"{value}\\n")
    return 2 * value
def deadly(value):
    if value == 5:
        os._exit(1)
    return value
"""


def test_a_function_goes_on_after_kill_9_and_every_row_has_its_prediction(
    tmp_path: Path, process: Cli
) -> None:
    (tmp_path / "m.py").write_text(SLOW)
    write_lines(tmp_path / "in.jsonl", [*range(COUNT)])
    pace = ("--chunk-size", "4")
    line = ("submit", "in.jsonl", "-m", "function/m.py:double", *pace, "--wait", "--results", "o.jsonl")
    seen = tmp_path / "seen.txt"
    running = started(tmp_path, {}, *line)
    wait_until(lambda: seen.exists() and seen.read_text().count("\n") >= 60)
    running.kill()
    running.communicate()
    before = seen.read_text().count("\n")

    done = process(*line)

    assert done.code == 0, done.err
    assert predictions(tmp_path) == [[2.0 * value] for value in range(COUNT)]
    assert seen.read_text().count("\n") - before < COUNT - 40, "what was answered is not predicted again"


def test_a_row_that_kills_its_process_fails_alone_in_the_end(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "m.py").write_text(SLOW)
    write_lines(tmp_path / "in.jsonl", [*range(8)])
    line = ("submit", "in.jsonl", "-m", "function/m.py:deadly", "--wait", "--results", "o.jsonl")
    for _ in range(12):
        done = process(*line)
        if done.code == 7:
            break

    assert done.code == 7, done.err
    found = {row["custom_id"]: row["error"] for row in read_lines(tmp_path / "o.jsonl")}
    assert [name for name, error in found.items() if error] == ["request-5"]
    assert found["request-5"]["code"] == "abandoned"


def test_a_cancel_stops_a_model_in_the_background_and_names_the_rest(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "m.py").write_text(SLOW)
    write_lines(tmp_path / "in.jsonl", [*range(1_000)])
    process("submit", "in.jsonl", "-m", "function/m.py:double", "--chunk-size", "2")
    wait_until(lambda: (tmp_path / "seen.txt").exists() or (tmp_path / "state/engine/seen.txt").exists())

    assert process("cancel").code == 0
    process("wait", "--max-wait", "60s")

    assert '"cancelled"' in process("status", "--json").out
    process("results", "-o", "o.jsonl")
    rows = read_lines(tmp_path / "o.jsonl")
    assert len(rows) == 1_000
    assert {row["error"]["code"] for row in rows if row["error"]} == {"batch_cancelled"}


def test_ctrl_c_waits_for_the_run_of_a_model_and_keeps_it(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "m.py").write_text(SLOW)
    write_lines(tmp_path / "in.jsonl", [*range(400)])
    line = ("submit", "in.jsonl", "-m", "function/m.py:double", "--chunk-size", "2", "--wait")
    running = started(tmp_path, {}, *line)
    wait_until((tmp_path / "seen.txt").exists)
    running.send_signal(signal.SIGINT)
    _, talk = running.communicate(timeout=40)

    assert running.returncode == 130, talk
    assert b"is paused" in talk
    assert process("wait").code == 0


def test_an_onnx_file_answers_rows_of_numbers(tmp_path: Path, process: Cli) -> None:
    pytest.importorskip("onnxruntime")
    doubling(tmp_path / "double.onnx")
    (tmp_path / "n.csv").write_text("a,b\n1,2\n3.5,-1\n7\n")

    done = process("submit", "n.csv", "-m", "onnx/double.onnx", "--wait", "--results", "o.jsonl")

    assert done.code == 7, done.err
    rows = read_lines(tmp_path / "o.jsonl")
    assert [row["response"]["body"].get("prediction") for row in rows] == [[2.0, 4.0], [7.0, -2.0], None]
    assert rows[2]["error"]["retryable"] is False
