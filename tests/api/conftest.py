"""Fixtures of the Python interface: a place for batches, where no detached worker is ever started."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli import Surroundings
from tests.support import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def surroundings(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    monkeypatch.setattr("batch_cli.engine.daemon.ensure_worker", lambda *_args, **_options: False)
    return Surroundings(tmp_path / "state", {"HOME": str(tmp_path)}, recorder)
