"""Fixtures of commands that speak to a provider elsewhere: a real server, reached by the commands of one directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Cli
from tests.serving import ServerProcess
from tests.support import Done


class Hosted:
    """OpenAI as a server on this machine, and the command line that uses it."""

    def __init__(self, server: ServerProcess, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self._cli = server, cli
        self.name = "openai"
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def __call__(self, *words: str) -> Done:
        done: Done = self._cli(*words)
        return done

    def play(self, *names: str, **scenario: Any) -> None:
        """Play built-in scenarios, or one of your own, from now on."""
        body = {"play": list(names)} if names else scenario
        assert httpx.post(f"{self.server.url}/_emulator/scenario", json=body).status_code == 200

    def batches(self) -> list[Any]:
        """Give what the ledger knows of each batch, the oldest first."""
        found: list[Any] = self.server.ledger()["data"]
        return found[::-1]


@pytest.fixture
def hosted(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    (tmp_path / "server").mkdir()
    with ServerProcess(tmp_path / "server") as server:
        yield Hosted(server, cli, monkeypatch)
