"""A disk that fails at any moment of a submit, or of fetching results: the same command again mends it all."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.contract.grounds import generate, message
from tests.faults.disk import run_on_faulty_disk
from tests.serving import ServerProcess
from tests.support import chat, read_lines, write_lines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="open files are told by /proc")

MODELS = {"openai": "openai/simulate", "anthropic": "anthropic/claude-x", "google": "google/gemini-2.0-flash"}
LINES = {"openai": chat, "anthropic": message, "google": generate}
RESULTS = ("results", "-o", "out.jsonl")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


class Life:
    """Batches of one provider, each in a directory of its own, and what the server knows of them."""

    def __init__(self, provider: str, root: Path, server: ServerProcess, cli: Cli, patch: Any) -> None:
        self.provider, self._root, self._server, self._cli, self._patch = provider, root, server, cli, patch
        self.submit = ("submit", "r.jsonl", "-m", MODELS[provider])

    def begin(self) -> Path:
        number = next(_NUMBERS)
        directory = self._root / str(number)
        directory.mkdir()
        self.ids = [f"n{number}-{at}" for at in range(3)]
        write_lines(directory / "r.jsonl", [LINES[self.provider](one, "Hi") for one in self.ids])
        self._patch.chdir(directory)
        self._patch.setenv("BATCH_CLI_STATE_DIR", str(directory / "state"))
        self._before = self._batches()
        return directory

    def run(self, *words: str) -> str:
        done = self._cli(*words)
        assert done.code == 0, done.err
        return str(done.out)

    def _batches(self) -> set[str]:
        prefix = "batches/" if self.provider == "google" else ""
        return {prefix + one["id"] for one in self._server.ledger()["data"]}

    def check(self, directory: Path) -> None:
        (batch,) = self._batches() - self._before
        assert (directory / f"{self.provider}_batch_id.txt").read_text() == f"{batch}\n"
        self.run("wait")
        self.run(*RESULTS)
        rows = read_lines(directory / "out.jsonl")
        assert [row["custom_id"] for row in rows] == self.ids
        assert [row["error"] for row in rows] == [None] * 3


@pytest.fixture(params=MODELS)
def life(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    server: ServerProcess,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> Life:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "any-key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    return Life(request.param, tmp_path, server, cli, monkeypatch)


FAULTS = ("kill", "EIO", "ENOSPC", "short")
STEP = 7
"""Each fault meets every so many-th operation, each another one, so that together they meet most of them."""


@pytest.mark.parametrize("at", range(len(FAULTS)), ids=FAULTS)
def test_a_submit_is_mended_by_the_same_line(life: Life, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_mended(life, (), life.submit, at, monkeypatch)


@pytest.mark.parametrize("at", range(len(FAULTS)), ids=FAULTS)
def test_fetching_is_mended_by_the_same_line(life: Life, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_mended(life, (life.submit, ("wait",)), RESULTS, at, monkeypatch)


def assert_mended(
    life: Life,
    before: tuple[tuple[str, ...], ...],
    words: tuple[str, ...],
    at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let the operations at + 1, at + 1 + STEP, … of a command fail, until it has no more; each is mended."""
    met = 0
    for nth in itertools.count(at + 1, STEP):
        directory = life.begin()
        for earlier in before:
            life.run(*earlier)

        code, count = run_on_faulty_disk(directory, words, nth, FAULTS[at], monkeypatch)

        if nth > count and code != -9:
            assert code == 0
            break
        assert code in (0, 12, -9)
        met += 1
        life.run(*words)
        life.check(directory)
    assert met >= 2  # else it is not our files that it stands in front of
