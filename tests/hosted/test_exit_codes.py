"""`docs/exit-codes.md`: how every end of a batch is told, for every wire; each cell of its table is one run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from batch_cli.serve.scenarios.built_in import BUILT_IN
from tests.conftest import Cli
from tests.contract.grounds import GROUNDS, Ground
from tests.serving import ServerProcess
from tests.support import ROOT, read_lines, write_lines

PAGE = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
NAMES = {"OpenAI": "openai", "regolo": "regolo", "Anthropic": "anthropic", "Google": "google"}
KEYS = {
    "openai": ("OPENAI_API_KEY", "sk-test-key"),
    "regolo": ("REGOLO_API_KEY", "sk-test-key"),
    "anthropic": ("ANTHROPIC_API_KEY", "sk-ant-test"),
    "google": ("GOOGLE_API_KEY", "AIza-test"),
}
MODELS = {"anthropic": "claude-x"}
OF = {ground.name: ground for ground in GROUNDS if not ground.case}


class Cell(NamedTuple):
    """One run: what the server plays, for whom, and the exit code of `results` that the page promises."""

    scenario: str
    provider: str
    code: int


def cells() -> list[Cell]:
    head, _, *rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    providers = [NAMES[cell.strip()] for cell in head.strip("|").split("|")[2:]]
    found = []
    for row in rows:
        scenario, _, *codes = (cell.strip() for cell in row.strip("|").split("|"))
        names = re.findall(r"`([\w-]+)`", scenario)
        found += [
            Cell(name, one, int(code)) for name in names for one, code in zip(providers, codes, strict=True)
        ]
    return found


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, ...], ServerProcess]]:
    running: dict[tuple[str, ...], ServerProcess] = {}
    for words in {OF[name].serve for name in NAMES.values()}:
        running[words] = ServerProcess(tmp_path_factory.mktemp("server"), "--speed", "600", *words)
    yield running
    for server in running.values():
        server.kill()


def play(server: ServerProcess, name: str) -> None:
    sent = httpx.post(f"{server.url}/_emulator/scenario", json={"play": [name]})
    assert sent.status_code == 200, sent.text


def point_at(server: ServerProcess, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ground.base_url is not None
    variable, path = ground.base_url
    monkeypatch.setenv(variable, server.url + path)
    monkeypatch.setenv(*KEYS[ground.name])


SLOW = {("token-limit", "anthropic")}
"""Where a command is as patient as the service asks it to be, which takes minutes."""


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(
            cell,
            id=f"{cell.scenario}-{cell.provider}",
            marks=[pytest.mark.soak] if (cell.scenario, cell.provider) in SLOW else [],
        )
        for cell in cells()
    ],
)
def test_the_exit_code_is_the_one_of_the_page_and_0_means_that_every_row_is_good(
    cli: Cli,
    servers: dict[tuple[str, ...], ServerProcess],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cell: Cell,
) -> None:
    ground, count = OF[cell.provider], 10
    server = servers[ground.serve]
    point_at(server, ground, monkeypatch)
    path = write_lines(tmp_path / "r.jsonl", [ground.line(f"r{n}", f"text {n}") for n in range(count)])
    play(server, cell.scenario)
    try:
        words = ("--wait", "--max-wait", "20s", "--results", "out.jsonl")
        done = cli(
            "submit", path.name, "-m", f"{ground.name}/{MODELS.get(ground.name, ground.model)}", *words
        )
    finally:
        play(server, "ok")

    assert done.code == cell.code, done.err
    output = tmp_path / "out.jsonl"
    rows = read_lines(output) if output.exists() else []
    is_good = [row["custom_id"] for row in rows if row["error"] is None] == [f"r{n}" for n in range(count)]
    assert is_good == (done.code == 0)
    if rows:
        assert cli("verify", "out.jsonl").code == (7 if done.code == 10 else done.code)


def test_every_scenario_that_changes_how_batches_end_is_in_the_table() -> None:
    about_batches = {name for name, document in BUILT_IN.items() if document.get("batches")}

    assert about_batches - {cell.scenario for cell in cells()} == set()
