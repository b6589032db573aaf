"""A client that is killed at any moment of a submit leaves one batch at most, and the same command finds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import KEY, RESULTS, SUBMIT, WAIT, Life
from tests.serving import ServerProcess, wait_until
from tests.support import clean_environment, command

SLOWLY = {"fault": "delay", "seconds": 1.5}


@pytest.mark.parametrize(
    ("route", "when", "commands"),
    [
        pytest.param("POST /v1/files", "before", (SUBMIT,), id="before-the-upload-is-kept"),
        pytest.param("POST /v1/files", "after", (SUBMIT,), id="when-the-upload-is-kept"),
        pytest.param("POST /v1/batches", "before", (SUBMIT,), id="before-the-batch-is-made"),
        pytest.param("POST /v1/batches", "after", (SUBMIT,), id="when-the-batch-is-made"),
        pytest.param("GET /v1/batches/*", "before", (SUBMIT, WAIT), id="while-waiting"),
        pytest.param("GET /v1/files/*/content", "after", (SUBMIT, WAIT, RESULTS), id="while-fetching"),
    ],
)
def test_a_killed_command_is_picked_up_by_the_same_line(
    life: Life,
    tmp_path: Path,
    server: ServerProcess,
    route: str,
    when: str,
    commands: tuple[tuple[str, ...], ...],
) -> None:
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/v1"}
    for words in commands[:-1]:
        assert command(tmp_path, *words, env=environment).code == 0
    life.play({"route": route, "when": when, **SLOWLY})
    running = subprocess.Popen(
        [sys.executable, "-m", "batch_cli", *commands[-1]],
        cwd=tmp_path,
        env=clean_environment(tmp_path, environment),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_until(lambda: life.hits > 0)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    life.play()

    for words in (SUBMIT, WAIT, RESULTS):
        done = command(tmp_path, *words, env=environment)
        assert done.code == 0, done.err
    life.check()
