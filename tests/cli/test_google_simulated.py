"""Google without a key: simulated from end to end, said everywhere, refused where that is wished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.contract.grounds import generate
from tests.support import read_lines, write_lines

MODEL = "google/gemini-2.0-flash"


@pytest.fixture(autouse=True)
def _requests(tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [generate(f"r{n}", f"Alice is {n}") for n in range(3)])


def test_a_batch_goes_from_create_to_results_and_says_that_it_is_simulated(cli: Cli, tmp_path: Path) -> None:
    created = cli("create-from-file", "-i", "r.jsonl", "-m", MODEL)

    assert created.code == 0
    assert created.err.startswith("Warning: GOOGLE_API_KEY not set - will run in simulation mode\n")
    assert created.out.startswith("Batch job created with ID: batches/sim-")
    assert (tmp_path / "google_batch_id.txt").read_text().startswith("batches/sim-")
    assert "google (simulated)" in cli("status").out
    assert "completed, 3 requests" in (waited := cli("wait")).err
    assert waited.err.rstrip().endswith("(simulated)")
    saved = cli("results", "-o", "out.jsonl")
    assert (saved.code, saved.err) == (
        0,
        "Results saved to: out.jsonl (3 ok, 0 failed, 0 missing) (simulated)\n",
    )
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in rows] == ["r0", "r1", "r2"]
    assert "Simulated answer" in rows[0]["response"]["body"]["candidates"][0]["content"]["parts"][0]["text"]
    assert json.loads((tmp_path / "out.jsonl.meta.json").read_text())["simulated"] is True
    assert cli("list").out.rstrip().endswith("\tsimulated")
    assert "(simulated)" in cli("cancel").err
    assert "batch\tbatches/sim-" in cli("delete", "--yes").out


@pytest.mark.parametrize("words", [("status", "--json"), ("wait", "--json"), ("list", "--json")])
def test_every_document_carries_simulated(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli("submit", "r.jsonl", "-m", MODEL, "--json").json["batch"]["simulated"] is True

    document = cli(*words).json

    batches = [document["batch"]] if "batch" in document else document["batches"]
    assert [batch["simulated"] for batch in batches] == [True]


def test_cancelling_stops_what_has_not_started(cli: Cli, tmp_path: Path) -> None:
    cli("submit", "r.jsonl", "-m", MODEL)

    assert cli("cancel").out.endswith("\tcancelled\n")
    assert cli("results", "-o", "out.jsonl").code == 10
    assert {row["error"]["type"] for row in read_lines(tmp_path / "out.jsonl")} == {"cancelled"}


@pytest.mark.parametrize(
    "command", [("submit", "r.jsonl"), ("create-from-file", "-i", "r.jsonl"), ("create",)]
)
def test_no_simulate_makes_a_missing_key_an_error(cli: Cli, command: tuple[str, ...]) -> None:
    done = cli(*command, "-m", MODEL, "--no-simulate")

    assert done.code == 4
    assert done.err.splitlines()[-2] == "Error: GOOGLE_API_KEY environment variable is not set"
    assert cli("list").out == ""


def test_a_variable_says_no_simulate_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_CLI_NO_SIMULATE", "1")

    assert cli("submit", "r.jsonl", "-m", MODEL).code == 4


def test_a_batch_that_was_begun_simulated_stays_so_when_a_key_appears(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = cli("submit", "r.jsonl", "-m", MODEL).out.strip()
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-test")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")

    assert cli("wait", batch_id).code == 0
    assert cli("results", batch_id, "-o", "out.jsonl").code == 0


def test_what_was_simulated_is_not_taken_for_submitted_when_a_key_appears(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("submit", "r.jsonl", "-m", MODEL)
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-test")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")

    done = cli("submit", "r.jsonl", "-m", MODEL)

    assert done.code == 6, "it is sent to the real service, which is not there"
    assert "127.0.0.1:9" in done.err


def test_a_real_batch_needs_a_key(cli: Cli) -> None:
    done = cli("status", "batches/abc")

    assert done.code == 4
    assert "GOOGLE_API_KEY environment variable is not set" in done.err


def test_a_version_that_is_none_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-test")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "../v1")

    done = cli("status", "batches/abc")

    assert done.code == 4
    assert "GOOGLE_GENAI_API_VERSION is no version of the Gemini API" in done.err
