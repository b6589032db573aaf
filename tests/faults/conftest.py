"""The life of a batch through the command line, against a real server that does wrong on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Cli
from tests.serving import ServerProcess
from tests.support import Done, chat, read_lines, write_lines

KEY = "sk-canary/7f+93Zq\\0aXw51=4kLm"
_NUMBERS = itertools.count(1)

SUBMIT = ("submit", "r.jsonl", "-m", "openai/simulate")
WAIT = ("wait", "--max-wait", "60s")
RESULTS = ("results", "-o", "out.jsonl")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


class Life:
    """One batch of six requests, from the command line's side and from the server's."""

    def __init__(self, directory: Path, server: ServerProcess, cli: Cli) -> None:
        self.directory, self.server, self._cli = directory, server, cli
        self._tag = f"n{next(_NUMBERS)}"
        self.ids = [f"{self._tag}-{at}" for at in range(6)]
        self._before = {entry["id"] for entry in server.ledger()["data"]}
        write_lines(directory / "r.jsonl", [chat(one, f"Hi, {one}") for one in self.ids])

    def play(self, *rules: dict[str, Any]) -> None:
        """Let the server play these rules from now on."""
        sent = httpx.post(f"{self.server.url}/_emulator/scenario", json={"rules": rules})
        assert sent.status_code == 200, sent.text

    def run(self, *words: str) -> Done:
        """Run a command, which may fail but must not break."""
        done = self._cli(*words)
        assert "Traceback" not in done.err
        assert done.code != 1, done.err
        return done

    @property
    def hits(self) -> int:
        """How many requests met one of the rules that are played."""
        state = httpx.get(f"{self.server.url}/_emulator/scenario").json()
        return sum(rule["hits"] for rule in state["rules"])

    @property
    def batches(self) -> list[str]:
        """The batches that were made of this life's requests, the newest first, by the server's ledger."""
        since = [entry["id"] for entry in self.server.ledger()["data"] if entry["id"] not in self._before]
        return [batch_id for batch_id in since if self.rows(batch_id)]

    def rows(self, batch_id: str) -> list[Any]:
        """The ledger's rows of a batch, if they are of this life's requests."""
        lines = httpx.get(f"{self.server.url}/_emulator/ledger/{batch_id}").text.split("\n")
        rows = [httpx.Response(200, text=line).json() for line in lines if line]
        return rows if rows and rows[0]["custom_id"].startswith(f"{self._tag}-") else []

    def check(self) -> None:
        """Nothing was made or billed twice, nothing was lost, and everything that names the batch names it."""
        (batch_id,) = self.batches
        assert [row["billed"] for row in self.rows(batch_id)] == [1] * 6
        assert (self.directory / "openai_batch_id.txt").read_text() == f"{batch_id}\n"
        rows = read_lines(self.directory / "out.jsonl")
        assert [row["custom_id"] for row in rows] == self.ids
        assert [row["error"] for row in rows] == [None] * 6


@pytest.fixture
def life(tmp_path: Path, server: ServerProcess, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    lived = Life(tmp_path, server, cli)
    yield lived
    lived.play()
