"""``list-models --remote``: what providers say they have, each on its wire, a page after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Hosted
from tests.conftest import Cli
from tests.prediction_server import Said, answering

REMOTE = ("list-models", "--remote")


def page(route: str, nth: int, value: Any) -> dict[str, Any]:
    return {"route": route, "nth": nth, "fault": "body", "text": json.dumps(value)}


@pytest.fixture
def everywhere(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    """Three providers, all of them this one server."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any-key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", hosted.server.url)
    monkeypatch.setenv("GOOGLE_API_KEY", "any-key")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", hosted.server.url)
    return hosted


def test_all_providers_with_a_key_are_asked(everywhere: Hosted) -> None:
    done = everywhere(*REMOTE)

    assert done.code == 0
    names = [line.split("\t")[0] for line in done.out.splitlines()]
    assert {name.partition("/")[0] for name in names} == {"openai", "anthropic", "google"}
    assert {"openai/gpt-4o-mini", "anthropic/claude-3-haiku-20240307", "google/gemini-pro"} <= set(names)
    assert "google/gemini-pro\t" in done.out
    assert "1,048,576 tokens" in done.out


def test_the_document_says_what_is_known_of_each(everywhere: Hosted) -> None:
    rules = [
        page(
            "GET /v1beta/models",
            1,
            {
                "models": [
                    {
                        "name": "models/gemini-x",
                        "displayName": "Gemini X",
                        "inputTokenLimit": 10,
                        "supportedGenerationMethods": ["batchGenerateContent"],
                    },
                    {"name": "models/aqa", "supportedGenerationMethods": ["generateAnswer"]},
                    {"name": "models/silent"},
                ]
            },
        )
    ]
    everywhere.play(rules=rules)

    done = everywhere(*REMOTE, "--provider", "google", "--json")

    assert done.code == 0
    assert (done.json["source"], done.json["failed"]) == ("remote", [])
    assert [one["name"] for one in done.json["providers"]] == ["google"]
    known = {"provider": "google", "created_at": None}
    assert done.json["models"] == [
        {"id": "google/aqa", **known, "batch": False, "note": "", "context": None},
        {"id": "google/gemini-x", **known, "batch": True, "note": "Gemini X", "context": 10},
        {"id": "google/silent", **known, "batch": None, "note": "", "context": None},
    ]


@pytest.mark.parametrize(
    ("provider", "route", "first", "second"),
    [
        (
            "anthropic",
            "GET /v1/models",
            {"data": [{"id": "claude-a"}], "has_more": True, "last_id": "claude-a"},
            {"data": [{"id": "claude-b"}], "has_more": False, "last_id": "claude-b"},
        ),
        (
            "google",
            "GET /v1beta/models",
            {"models": [{"name": "models/claude-a"}], "nextPageToken": "t"},
            {"models": [{"name": "models/claude-b"}]},
        ),
    ],
)
def test_every_page_is_read(everywhere: Hosted, provider: str, route: str, first: Any, second: Any) -> None:
    everywhere.play(rules=[page(route, 1, first), page(route, 2, second)])

    done = everywhere(*REMOTE, "--provider", provider, "--json")

    assert [one["id"] for one in done.json["models"]] == [f"{provider}/claude-a", f"{provider}/claude-b"]


def test_a_provider_that_fails_hides_no_other(everywhere: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")

    done = everywhere(*REMOTE, "--json")

    assert done.code == 6
    assert {one["provider"] for one in done.json["models"]} == {"openai", "google"}
    assert [one["provider"] for one in done.json["failed"]] == ["anthropic"]
    assert "Warning: the models of anthropic could not be listed" in done.err


def test_the_only_one_that_is_asked_says_by_its_code_why_it_failed(
    everywhere: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = "GET /v1/models"
    everywhere.play(rules=[{"route": route, "fault": "status", "status": 401}])
    assert everywhere(*REMOTE, "--provider", "openai").code == 4

    everywhere.play(rules=[{"route": route, "fault": "status", "status": 404}])
    done = everywhere(*REMOTE, "--provider", "openai")
    assert done.code == 5
    assert "OpenAI cannot list its models" in done.err

    monkeypatch.delenv("GOOGLE_API_KEY")
    done = everywhere(*REMOTE, "--provider", "google")
    assert done.code == 4
    assert "GOOGLE_API_KEY environment variable is not set" in done.err


def test_what_runs_here_and_what_is_unknown_are_refused(everywhere: Hosted) -> None:
    assert everywhere(*REMOTE, "--provider", "local").code == 2
    assert everywhere(*REMOTE, "--provider", "nope").code == 2


def test_a_service_that_the_user_has_named_is_asked_as_well(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-acme")
    path = tmp_path / ".config" / "batch-cli" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[providers.acme]\nbase_url = "{hosted.server.url}/v1"\n')
    path.chmod(0o644)
    models = [{"id": "one", "max_model_len": 4096}, {"id": "\x1b[31mred"}]
    hosted.play(rules=[page("GET /v1/models", n, {"object": "list", "data": models}) for n in (1, 2)])

    done = hosted(*REMOTE, "--provider", "acme")

    assert "acme/one\t\t4,096 tokens\n" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("provider", "path", "said", "models"),
    [
        (
            "spice",
            "/v1/models?status=true",
            {"object": "list", "data": [{"id": "m1", "status": "Ready"}, {"id": "m2", "status": "Error"}]},
            [("spice/m1", "Ready"), ("spice/m2", "Error")],
        ),
        ("spice", "/v1/models?status=true", [{"name": "m1", "from": "file:m.onnx"}], [("spice/m1", "")]),
        ("torch", "/models", {"models": ["a", {"name": "b"}, 7]}, [("torch/a", ""), ("torch/b", "")]),
        ("torch", "/models", {"models": {"a": {}, "b": None}}, [("torch/a", ""), ("torch/b", "")]),
    ],
)
def test_prediction_servers_are_asked_for_their_models(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, provider: str, path: str, said: Any, models: list[Any]
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", "secret-key-123")
    with answering(lambda _: Said(said)) as server:
        monkeypatch.setenv(f"{provider.upper()}_BASE_URL", server.url)
        done = cli(*REMOTE, "--provider", provider, "--json")

    assert done.code == 0, done.err
    assert [(one["id"], one["note"]) for one in done.json["models"]] == models
    assert [(asked.path, asked.headers["x-api-key"]) for asked in server.asked] == [(path, "secret-key-123")]


def test_a_prediction_server_that_is_away_is_6_and_a_model_of_this_process_has_no_list(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPICE_BASE_URL", "http://127.0.0.1:9")

    assert cli(*REMOTE, "--provider", "spice").code == 6
    assert cli(*REMOTE, "--provider", "onnx").code == 2
