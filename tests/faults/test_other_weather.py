"""The faults of `weather.py` on the other wires: one batch, billed once, whatever befell its create or lasted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.contract.grounds import generate, message
from tests.faults.conftest import Life
from tests.faults.weather import CREATES, GOOGLE_ROUTES, LASTING, TEMPORARY, UNKNOWN, Fault
from tests.serving import ServerProcess
from tests.support import chat, read_lines, write_lines

MODELS = {"openai": "openai/simulate", "anthropic": "anthropic/claude-x", "google": "google/gemini-2.0-flash"}
LINES = {"openai": chat, "anthropic": message, "google": generate}
MANY = 120
"""More requests than Google takes inline, so that its batches are made of files."""
_NUMBERS = itertools.count(1)
ONCE = [fault for fault in LASTING if fault.name != "twice"]
"""A create that the network delivers twice makes two batches where a wire has no key for it, whatever a client does."""

pytestmark = pytest.mark.soak


class OtherLife(Life):
    """One batch of any of the three wires."""

    def __init__(self, provider: str, count: int, directory: Path, server: ServerProcess, cli: Cli) -> None:
        super().__init__(directory, server, cli)
        self.provider = provider
        self.submit = ("submit", "r.jsonl", "-m", MODELS[provider])
        self.ids = [f"o{next(_NUMBERS)}-{at}" for at in range(count)]
        write_lines(directory / "r.jsonl", [LINES[provider](one, f"Hi, {one}") for one in self.ids])

    def check(self) -> None:
        """Nothing was made or billed twice, nothing was lost."""
        (batch,) = [one for one in self.server.ledger()["data"] if one["id"] not in self._before]
        assert (batch["requests"], batch["billed"], batch["attempts"]) == (len(self.ids),) * 3
        prefix = "batches/" if self.provider == "google" else ""
        assert (self.directory / f"{self.provider}_batch_id.txt").read_text() == f"{prefix}{batch['id']}\n"
        rows = read_lines(self.directory / "out.jsonl")
        assert [row["custom_id"] for row in rows] == self.ids
        assert [row["error"] for row in rows] == [None] * len(self.ids)

    def go_on(self) -> None:
        """Run every command once more, without any fault."""
        self.play()
        for words in (self.submit, ("wait", "--max-wait", "60s"), ("results", "-o", "out.jsonl")):
            done = self.run(*words)
            assert done.code == 0, (words, done.err)


@pytest.fixture
def begin(
    tmp_path: Path, server: ServerProcess, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], OtherLife]:
    for provider in MODELS:
        monkeypatch.setenv(f"{provider.upper()}_API_KEY", "any-key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    return lambda provider, count: OtherLife(provider, count, tmp_path, server, cli)


@pytest.mark.parametrize("provider", CREATES)
@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name)
def test_a_create_that_fails_for_long_makes_one_batch_when_it_is_over(
    begin: Callable[[str, int], OtherLife], provider: str, fault: Fault
) -> None:
    life = begin(provider, 3)
    life.play({"route": CREATES[provider], **fault.rule})

    done = life.run(*life.submit)

    allowed = {fault.ends.get("create", 0), *((UNKNOWN, TEMPORARY) if "create" in fault.ends else ())}
    assert done.code in allowed, done.err
    life.go_on()
    life.check()


@pytest.mark.parametrize("place", GOOGLE_ROUTES)
@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name)
def test_google_goes_on_when_a_lasting_fault_is_over(
    begin: Callable[[str, int], OtherLife], fault: Fault, place: str
) -> None:
    life = begin("google", MANY)
    rule = {"route": GOOGLE_ROUTES[place], **fault.rule}
    commands = {"upload": life.submit, "create": life.submit, "poll": ("wait", "--max-wait", "2s")}
    if place in ("poll", "results"):
        assert life.run(*life.submit).code == 0
    if place == "results":
        assert life.run("wait", "--max-wait", "60s").code == 0
    life.play(rule)

    done = life.run(*commands.get(place, ("results", "-o", "out.jsonl")))

    if done.code:
        assert done.code in (fault.ends.get(place), TEMPORARY, UNKNOWN), done.err
        assert "  fix: " in done.err or done.code == 5, done.err
    life.go_on()
    life.check()
