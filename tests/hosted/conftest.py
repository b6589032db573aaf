"""A server of Anthropic's wire, and a command line that runs its batches there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Cli
from tests.contract.grounds import message
from tests.serving import ServerProcess
from tests.support import Done, write_lines


class Account:
    """An account at a server whose ledger is believed, and a file to submit there."""

    def __init__(self, server: ServerProcess, cli: Cli, directory: Path) -> None:
        self.server, self.cli, self.directory = server, cli, directory
        self.before = self._batches()

    def _batches(self) -> dict[str, Any]:
        return {batch["id"]: batch for batch in self.server.ledger()["data"]}

    def play(self, *names: str, **document: Any) -> None:
        body = {"play": names} if names else {"rules": [], **document}
        sent = httpx.post(f"{self.server.url}/_emulator/scenario", json=body)
        assert sent.status_code == 200, sent.text

    def fault(self, **rule: Any) -> None:
        """Let something happen to what creates batches."""
        self.play(rules=[{"route": "POST /v1/messages/batches", "nth": 1, **rule}])

    def file(self, count: int, prefix: str = "r") -> str:
        name = f"{prefix}{count}.jsonl"
        lines = [message(f"{prefix}{n}", f"text {n}") for n in range(count)]
        write_lines(self.directory / name, lines)
        return name

    def submit(self, count: int = 5, *words: str, prefix: str = "r") -> Done:
        return self.cli("submit", self.file(count, prefix), "-m", "anthropic/claude-x", *words)

    def batches(self) -> list[Any]:
        """Give the batches that came to be since this test began, the newest first."""
        return [batch for name, batch in self._batches().items() if name not in self.before]


@pytest.fixture(scope="session")
def anthropic_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def account(
    anthropic_server: ServerProcess, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", anthropic_server.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    opened = Account(anthropic_server, cli, tmp_path)
    yield opened
    opened.play("ok")
