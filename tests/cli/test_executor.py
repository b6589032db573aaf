from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import chat, write_lines


def test_ray_that_is_not_installed_is_named_with_its_extra(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("run", "r.jsonl", "-o", "o.jsonl", "-m", "local/simulate", "--executor", "ray")

    assert done.code == 4
    assert "pip install 'batch-cli[ray]'" in done.err


def test_an_address_without_a_cluster_is_an_error_of_usage(cli: Cli) -> None:
    done = cli("wait", "--ray-address", "127.0.0.1:6379")

    assert done.code == 2
    assert "--ray-address is for --executor ray" in done.err


def test_a_batch_of_a_provider_cannot_be_worked_at_by_a_cluster(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("run", "r.jsonl", "-o", "o.jsonl", "-m", "openai/gpt-4o-mini", "--executor", "ray")

    assert done.code == 2
    assert "add --via direct" in done.err


def test_a_submit_that_does_not_wait_refuses_a_cluster_before_anything_is_submitted(
    cli: Cli, tmp_path: Path
) -> None:
    write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("submit", "r.jsonl", "-m", "local/simulate", "--executor", "ray")

    assert done.code == 2
    assert "add --wait or --results FILE" in done.err
    assert cli("list", "--json").json["batches"] == []


def test_a_submit_that_waits_asks_for_ray(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    write_lines(tmp_path / "r.jsonl", [chat("a")])

    done = cli("submit", "r.jsonl", "-m", "local/simulate", "--executor", "ray", "--wait")

    assert done.code == 4
    assert "pip install 'batch-cli[ray]'" in done.err


def test_predictions_are_not_submitted_to_a_cluster(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\n", encoding="utf-8")

    done = cli("submit", "names.txt", "-m", "spice/any", "--wait", "--executor", "ray")

    assert done.code == 2
    assert "--executor ray does not work at predictions" in done.err


def test_wait_refuses_a_cluster_for_a_batch_that_runs_elsewhere(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    done = cli("wait", "batch_abc123", "--provider", "openai", "--executor", "ray")

    assert done.code == 2
    assert "--executor ray cannot work at batch_abc123: it runs at openai" in done.err
