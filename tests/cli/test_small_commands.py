from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli.models import MODELS
from tests.conftest import Cli
from tests.support import ROOT

NINE = [
    "openai/gpt-4o-mini", "openai/gpt-4o", "openai/gpt-4-turbo",
    "anthropic/claude-3-5-sonnet-20241022", "anthropic/claude-3-opus-20240229", "anthropic/claude-3-haiku-20240307",
    "google/gemini-2.0-flash-001", "google/gemini-pro", "google/gemini-pro-vision",
]  # fmt: skip


class TestListModels:
    def test_the_nine_come_first(self, cli: Cli) -> None:
        assert [line.split("\t")[0] for line in cli("list-models").out.splitlines()][:9] == NINE

    def test_one_provider_can_be_chosen(self, cli: Cli) -> None:
        document = cli("list-models", "--provider", "local", "--json").json

        assert [model["id"] for model in document["models"]] == ["local/simulate"]
        assert cli("list-models", "--provider", "nope").code == 2

    def test_what_a_batch_may_hold_and_saves_stands_beside_its_models(self, cli: Cli) -> None:
        shown = cli("list-models", "--provider", "regolo").out
        document = cli("list-models", "--provider", "regolo", "--json").json

        assert "10,000 requests, 500.0 MB, 10 at once, 10% off" in shown
        assert document["providers"] == [
            {
                "name": "regolo",
                "max_requests": 10_000,
                "max_bytes": 500_000_000,
                "max_batches": 10,
                "discount": 0.1,
            }
        ]

    def test_every_entry_can_be_used_as_it_is_printed(self) -> None:
        from batch_cli.cli.inputs import chosen_model

        for model in MODELS:
            assert str(chosen_model(model.id)) == model.id


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_generated_completions_equal_the_code(cli: Cli, shell: str) -> None:
    assert cli("completion", shell).out == (ROOT / "completions" / f"batch-cli.{shell}").read_text()


def test_powershell_has_a_script_too(cli: Cli) -> None:
    assert "Register-ArgumentCompleter" in cli("completion", "powershell").out


class TestWorker:
    def test_status_without_a_worker(self, cli: Cli) -> None:
        done = cli("worker", "status", "--json")

        assert done.json == {**done.json, "workers": [], "queued": 0, "running": 0, "done": 0, "failed": 0}
        assert "0 workers" in cli("worker", "status").err

    def test_stop_without_a_worker_is_fine(self, cli: Cli) -> None:
        assert cli("worker", "stop").code == 0
        assert cli("worker", "stop", "--json").json["pid"] is None

    def test_logs_without_a_worker(self, cli: Cli) -> None:
        assert "no worker has run here yet" in cli("worker", "logs").err

    def test_one_in_the_foreground_works_until_nothing_is_left(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "p.txt").write_text("One\nTwo\n")
        cli("submit", "p.txt", "-m", "local/simulate")

        assert cli("worker", "start", "--linger", "0").code == 0
        assert cli("status", "--exit-status", "-q").code == 0

    def test_one_in_the_foreground_names_itself_as_json(self, cli: Cli) -> None:
        document = cli("worker", "start", "--linger", "0", "--json").json

        assert document["pid"] > 0
        assert document["detached"] is False


class TestSchema:
    def test_the_list_names_every_schema(self, cli: Cli) -> None:
        done = cli("schema")

        assert done.code == 0
        assert "openai-request\tA line of an OpenAI request file" in done.out.splitlines()
        names = [row["name"] for row in cli("schema", "--json").json["schemas"]]
        assert names == [line.partition("\t")[0] for line in done.out.splitlines()]

    def test_a_schema_is_the_document(self, cli: Cli) -> None:
        for words in (("schema", "results"), ("schema", "results", "--json")):
            assert cli(*words).json["$id"] == "urn:batch-cli:schema:results:1"

    def test_an_unknown_one_is_exit_2(self, cli: Cli) -> None:
        done = cli("schema", "openai")

        assert (done.code, done.out) == (2, "")
        assert "did you mean 'openai-request'?" in done.err
