"""Fixtures for all tests."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from batch_cli.cli.main import run
from batch_cli.engine.store import Store
from batch_cli.jobs.workspace import Workspace
from tests.support import Done, FakeClock, Recorder, command

Cli = Callable[..., Done]

# How fast examples come depends on what else the machine does.
settings.register_profile("project", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("project")


def pytest_configure() -> None:
    """Hear Ctrl-C, also where a shell started the tests in the background and so made them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    opened = Store(tmp_path / "state" / "engine", clock)
    yield opened
    opened.close()


@pytest.fixture
def workspace(tmp_path: Path, clock: FakeClock) -> Workspace:
    return Workspace(
        directory=tmp_path, state=tmp_path / "state", environment={}, clock=clock, listener=Recorder()
    )


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Run a command line in this process, in an empty directory with an empty home.

    No worker is ever started: a submit leaves its batch queued, and `wait` works at it.
    """
    monkeypatch.chdir(tmp_path)
    keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")
    for name in (*keys, "CI", "NO_COLOR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("BATCH_CLI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("batch_cli.engine.daemon.ensure_worker", lambda *_args, **_options: False)

    def call(*words: str) -> Done:
        capsysbinary.readouterr()
        code = run(list(words))
        out, err = capsysbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return call


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Cli]:
    """Run a command as a process of its own; a worker that it started is stopped at the end."""

    def call(*words: str, **options: object) -> Done:
        return command(tmp_path, *words, **options)  # type: ignore[arg-type]  # passed on as given

    yield call
    if (tmp_path / "state").is_dir():
        command(tmp_path, "worker", "stop", "--grace", "5")
