"""Exchanges that others have had with the real service: the server answers with the same fields of the same types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import ServerProcess, wait_until

RECORDED = sorted((Path(__file__).parent / "anthropic").glob("*.json"))
PATH = "/v1/messages/batches"
GOOD = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi."}]}
WRONG = {"model": "claude-haiku-4-5", "max_tokens": 5}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a server whose model takes two seconds, so that there are batches in progress."""
    with ServerProcess(tmp_path_factory.mktemp("server"), "--simulate-latency", "2000") as running:
        headers = {"anthropic-version": "2023-06-01"}
        with running.http(headers=headers) as connected:
            yield connected


def create(http: httpx.Client) -> str:
    requests = [{"custom_id": "ok-1", "params": GOOD}, {"custom_id": "no-messages", "params": WRONG}]
    return str(http.post(PATH, json={"requests": requests}).json()["id"])


@pytest.fixture(scope="module")
def ended(http: httpx.Client) -> str:
    """Give a batch that has ended."""
    batch_id = create(http)
    wait_until(lambda: http.get(f"{PATH}/{batch_id}").json()["processing_status"] == "ended")
    return batch_id


def shape(value: Any) -> Any:
    """Give the names and types in a value; words that programs look at stand for themselves."""
    if isinstance(value, dict):
        named = {"type", "processing_status", "message"}
        return {
            name: inner if name in named and isinstance(inner, str) else shape(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def moments(body: Any) -> list[str]:
    return [name for name, value in body.items() if name.endswith("_at") and value and "+00:00" in value]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_server_answers_as_the_service_did(http: httpx.Client, ended: str, path: Path) -> None:
    exchange = json.loads(path.read_text(encoding="utf-8"))
    asked, recorded = exchange["request"], exchange["response"]
    where = asked["path"].replace("{ended}", ended)
    if "{running}" in where:
        where = where.replace("{running}", create(http))
    request = http.build_request(asked["method"], where, json=asked.get("body"))
    for name in asked.get("headers", {}):
        del request.headers[name]

    answer = http.send(request)

    assert answer.status_code == recorded["status"]
    assert answer.headers["content-type"] == recorded["headers"]["content-type"]
    assert recorded["headers"].keys() <= answer.headers.keys()
    if "lines" in recorded:
        lines = {line["custom_id"]: line for line in map(json.loads, answer.text.splitlines())}
        assert [shape(lines[line["custom_id"]]) for line in recorded["lines"]] == shape(recorded["lines"])
        return
    assert shape(answer.json()) == shape(recorded["body"])
    assert moments(answer.json()) == moments(recorded["body"])


def test_there_are_exchanges_with_their_source_and_date() -> None:
    assert len(RECORDED) >= 6
    for path in RECORDED:
        exchange = json.loads(path.read_text(encoding="utf-8"))
        assert exchange.keys() == {"source", "date", "request", "response"}
        assert exchange["source"]
        assert exchange["date"][:2] == "20"
