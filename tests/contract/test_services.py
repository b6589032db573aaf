"""What is special about services on OpenAI's wire, played by a real server: through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.grounds import Servers
from tests.serving import ServerProcess
from tests.support import Done, chat, command, read_lines, write_lines


@pytest.fixture
def server(servers: Servers) -> Iterator[ServerProcess]:
    running = servers.get()
    assert isinstance(running, ServerProcess)
    yield running
    play(running)


def play(server: ServerProcess, *rules: dict[str, Any]) -> None:
    """Let a running server play these rules from now on."""
    httpx.post(f"{server.url}/_emulator/scenario", json={"rules": rules}).raise_for_status()


def edited(route: str, **members: Any) -> dict[str, Any]:
    return {"route": route, "fault": "edit", "set": members}


def requests(directory: Path, count: int = 2) -> str:
    write_lines(directory / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(count)])
    return "r.jsonl"


def azure(server: ServerProcess, directory: Path, *words: str) -> Done:
    environment = {"AZURE_OPENAI_BASE_URL": f"{server.url}/v1", "AZURE_OPENAI_API_KEY": "k"}
    return command(directory, *words, env=environment)


class TestAzure:
    def test_a_file_that_is_still_looked_at_is_waited_for(
        self, server: ServerProcess, tmp_path: Path
    ) -> None:
        play(
            server,
            edited("POST /v1/files", status="pending"),
            {**edited("GET /v1/files/*", status="Running"), "nth": [1, 2]},
            {"route": "POST /v1/batches", "nth": 2, "fault": "status", "status": 500},
        )

        done = azure(server, tmp_path, "submit", requests(tmp_path), "-m", "azure/simulate", "-q")

        assert done.code == 0, done.err

    def test_a_file_that_is_refused_in_the_end_makes_no_batch(
        self, server: ServerProcess, tmp_path: Path
    ) -> None:
        play(
            server,
            edited("POST /v1/files", status="pending"),
            edited("GET /v1/files/*", status="error", status_details="line 1 is no request"),
        )

        done = azure(server, tmp_path, "submit", requests(tmp_path), "-m", "azure/simulate")

        assert done.code == 5
        assert "Azure OpenAI refused the uploaded file: line 1 is no request" in done.err

    def test_capitals_dates_and_an_empty_error_file_do_no_harm(
        self, server: ServerProcess, tmp_path: Path
    ) -> None:
        words = ("submit", requests(tmp_path), "-m", "azure/simulate", "-q", "--wait")
        assert azure(server, tmp_path, *words).code == 0
        play(
            server,
            edited(
                "GET /v1/batches/*",
                status="Completed",
                created_at="2026-03-04T05:06:07Z",
                error_file_id="file-empty",
                **{"request_counts.total": None},
            ),
            {"route": "GET /v1/files/file-empty/content", "fault": "body", "text": ""},
        )

        status = azure(server, tmp_path, "status", "--json").json["batch"]
        fetched = azure(server, tmp_path, "results", "-o", "out.jsonl")

        assert (status["status"], status["raw_status"]) == ("completed", "Completed")
        assert status["created_at"].startswith("2026-03-04T05:06:07")
        assert fetched.code == 0, fetched.err
        assert len(read_lines(tmp_path / "out.jsonl")) == 2


REGOLO_500 = "files_settings is not set, set it on your config.yaml file."


class TestRegolo:
    def regolo(self, server: ServerProcess, directory: Path, *words: str) -> Done:
        environment = {"REGOLO_BASE_URL": f"{server.url}/v1", "REGOLO_API_KEY": "k"}
        return command(directory, *words, env=environment)

    def assert_offers_the_live_way(self, done: Done, url: str) -> None:
        assert done.code == 5
        first, where, hint = done.err.strip().splitlines()[-3:]
        assert first.endswith("this regolo account has no batch service")
        assert "answered HTTP" in where
        assert f"batch-cli serve --backend {url}/v1 --backend-key-env REGOLO_API_KEY" in hint
        assert "REGOLO_BASE_URL=http://127.0.0.1:8000/v1" in hint

    def test_an_account_without_routes_is_told_how_to_go_on_and_nothing_else_is_done(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        server = servers.get("--flavour", "regolo-no-batch")
        assert isinstance(server, ServerProcess)

        done = self.regolo(server, tmp_path, "submit", requests(tmp_path), "-m", "regolo/simulate")

        self.assert_offers_the_live_way(done, server.url)
        assert server.ledger()["billed"] == 0

    def test_the_way_that_is_offered_leads_to_the_answers(self, servers: Servers, tmp_path: Path) -> None:
        model_server = servers.get("--flavour", "regolo-no-batch")
        assert isinstance(model_server, ServerProcess)
        words = ("submit", requests(tmp_path), "-m", "regolo/simulate", "--wait", "--results", "out.jsonl")
        assert self.regolo(model_server, tmp_path, *words).code == 5
        backend = ("--backend", f"{model_server.url}/v1", "--backend-key-env", "REGOLO_API_KEY")
        place = tmp_path / "serve"
        place.mkdir()

        with ServerProcess(place, *backend, env={"REGOLO_API_KEY": "k"}) as server:
            done = self.regolo(server, tmp_path, *words)

        assert done.code == 0, done.err
        assert len(read_lines(tmp_path / "out.jsonl")) == 2

    @pytest.mark.parametrize(
        ("route", "status"), [("POST /v1/files", 500), ("POST /v1/batches", 500), ("POST /v1/batches", 400)]
    )
    def test_a_proxy_that_nobody_set_up_for_files_is_such_an_account(
        self, server: ServerProcess, tmp_path: Path, route: str, status: int
    ) -> None:
        play(server, {"route": route, "fault": "status", "status": status, "message": REGOLO_500})

        done = self.regolo(server, tmp_path, "submit", requests(tmp_path), "-m", "regolo/simulate")

        self.assert_offers_the_live_way(done, server.url)

    def test_the_words_of_its_pages_stand_beside_the_raw_ones(self, servers: Servers, tmp_path: Path) -> None:
        server = servers.get("--flavour", "regolo")
        assert isinstance(server, ServerProcess)
        submitted = self.regolo(
            server, tmp_path, "submit", requests(tmp_path), "-m", "regolo/simulate", "--json"
        )
        assert self.regolo(server, tmp_path, "wait").code == 0
        ended = self.regolo(server, tmp_path, "status", "--json").json["batch"]

        assert submitted.json["batch"]["stage"] == "Submitted"
        assert submitted.json["batch"]["raw_status"] == "validating"
        assert (ended["stage"], ended["raw_status"]) == ("Completed", "completed")
        assert "completed (Completed)" in self.regolo(server, tmp_path, "status").out


CONFIG = """
[providers.acme]
base_url = "{url}/v1"
key_env = "LLM_KEY"
windows = ["24h", "7d"]
max_requests = 3
"""


class TestNamed:
    @pytest.fixture
    def home(self, server: ServerProcess, tmp_path: Path) -> Path:
        path = tmp_path / ".config" / "batch-cli" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text(CONFIG.format(url=server.url))
        path.chmod(0o644)
        return tmp_path

    def test_the_commands_take_its_name(self, home: Path) -> None:
        env = {"LLM_KEY": "canary-51c7"}
        write_lines(home / "m.jsonl", [[{"role": "user", "content": "Hi"}]])
        done = [
            command(home, "create", "-i", "m.jsonl", "-m", "acme/simulate", "-o", "r.jsonl"),
            command(home, "validate", "r.jsonl", "--provider", "acme"),
            command(home, "submit", "r.jsonl", "-m", "acme/simulate", env=env),
            command(home, "wait", env=env),
            command(home, "status", "--json", env=env),
            command(home, "results", "-o", "out.jsonl", env=env),
        ]

        assert [one.code for one in done] == [0] * 6, done
        assert done[4].json["batch"]["provider"] == "acme"
        assert (home / "acme_batch_id.txt").is_file()
        assert [row["error"] for row in read_lines(home / "out.jsonl")] == [None]
        assert "canary" not in "".join(one.out + one.err for one in done)

    def test_its_limits_hold(self, home: Path) -> None:
        done = command(home, "validate", requests(home, 4), "--provider", "acme")

        assert done.code == 3
        assert "too many requests: the limit is 3" in done.out

    def test_its_key_is_asked_for_where_a_variable_is_named(self, home: Path) -> None:
        done = command(home, "submit", requests(home), "-m", "acme/simulate")

        assert done.code == 4
        assert "LLM_KEY environment variable is not set" in done.err

    def test_a_variable_moves_it(self, home: Path) -> None:
        env = {"LLM_KEY": "k", "ACME_BASE_URL": "http://127.0.0.1:9/v1"}

        done = command(home, "submit", requests(home), "-m", "acme/simulate", env=env)

        assert done.code == 6
        assert "127.0.0.1:9" in done.err

    def test_variables_alone_make_a_service_on_this_machine_without_a_key_or_a_file(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        server = servers.get("--no-auth")
        env = {"MY_LLM_BASE_URL": f"{server.url}/v1"}
        submitted = command(tmp_path, "submit", requests(tmp_path), "-m", "my-llm/simulate", env=env)

        assert submitted.code == 0, submitted.err
        assert (tmp_path / "my-llm_batch_id.txt").is_file()

    def test_a_base_url_that_would_show_the_key_is_refused(self, home: Path) -> None:
        path = home / ".config" / "batch-cli" / "config.toml"
        path.write_text('[providers.acme]\nbase_url = "http://llm.example/v1"\n')

        done = command(home, "submit", requests(home), "-m", "acme/simulate")

        assert done.code == 4
        assert "base_url of acme in the config file would send your key to llm.example" in done.err

    def test_a_faulty_file_stops_every_submit_with_all_its_faults(self, home: Path) -> None:
        path = home / ".config" / "batch-cli" / "config.toml"
        path.write_text('[providers.openai]\napi_key = "sk-SECRET"\n[providers.b]\nbase_ulr = 1\n')

        done = command(
            home, "submit", requests(home), "-m", "openai/simulate", "--json", env={"OPENAI_API_KEY": "k"}
        )

        assert done.code == 4
        assert len(json.loads(done.err.splitlines()[-1])["where"]) == 3
        assert "SECRET" not in done.err

    def test_an_unknown_name_lists_it_among_the_known_ones(self, home: Path) -> None:
        done = command(home, "status", "x", "-m", "acne/x")

        assert done.code == 2
        assert "did you mean 'acme'?" in done.err
