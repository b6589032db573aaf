"""The detached worker, as programs start it that live longer than it does."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from batch_cli.clock import SystemClock
from batch_cli.engine.daemon import ensure_worker, stop_worker, worker_pid
from tests.serving import is_running, wait_until
from tests.support import clean_environment


@pytest.mark.filterwarnings("error")
def test_a_worker_that_has_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    root = tmp_path / "state" / "engine"
    root.mkdir(parents=True, mode=0o700)

    assert ensure_worker(root, clean_environment(tmp_path))
    gc.collect()
    wait_until(lambda: worker_pid(root))
    pid = worker_pid(root)
    assert pid is not None
    assert stop_worker(root, SystemClock(), grace=30).has_ended

    wait_until(lambda: not is_running(pid))  # a zombie would stay as long as this process
