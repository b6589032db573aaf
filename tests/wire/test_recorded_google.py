"""What others have recorded of the live Gemini API: the server answers the same requests in the same shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serve.google_client import ended, http
from tests.serving import ServerProcess

RECORDED = Path(__file__).parent / "google"
TOKEN = "0123456789abcdef0123"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def shape(value: Any, without: Any = ()) -> Any:
    """Give the fields and the types of a value; of a list, the shapes that occur in it."""
    if isinstance(value, dict):
        return {name: shape(part, without) for name, part in value.items() if name not in without}
    if isinstance(value, list):
        shapes = [shape(part, without) for part in value]
        return [each for at, each in enumerate(shapes) if each not in shapes[:at]]
    return type(value).__name__


@pytest.fixture
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a new server that knows its key, and whose model answers a part of each batch."""
    directory = tmp_path_factory.mktemp("faulty")
    (directory / "token").write_text(TOKEN)
    (directory / "token").chmod(0o600)
    words = ("--token-file", "token", "--simulate-errors", "0.4", "--simulate-seed", "2")
    with (
        ServerProcess(directory, *words, "--simulate-latency", "300") as running,
        http(running, headers={"x-goog-api-key": TOKEN}) as on,
    ):
        yield on


def ask(on: httpx.Client, request: Any) -> httpx.Response:
    return on.request(
        request["method"], request["path"], json=request.get("body"), headers=request.get("headers")
    )


@pytest.mark.parametrize("name", ["result_file_metadata", "file_not_there", "wrong_key"])
def test_a_recorded_error_is_answered_word_for_word(faulty: httpx.Client, name: str) -> None:
    exchange = recorded(name)

    answer = ask(faulty, exchange["request"])

    assert (answer.status_code, answer.json()) == (
        exchange["response"]["status"],
        exchange["response"]["body"],
    )


def test_the_recorded_life_of_a_batch_has_the_same_fields_and_types(faulty: httpx.Client) -> None:
    creation, end = recorded("batch_created"), recorded("batch_succeeded_inline")

    created = ask(faulty, creation["request"])

    assert created.status_code == creation["response"]["status"]
    assert shape(created.json()) == shape(creation["response"]["body"])
    operation = ended(faulty, created.json()["name"])
    assert shape(operation) == shape(end["response"]["body"], end["differs"])


def test_a_recorded_cancel_has_the_same_fields_and_types(faulty: httpx.Client) -> None:
    creation, end = recorded("batch_created"), recorded("batch_cancelled")
    name = ask(faulty, creation["request"]).json()["name"]

    assert faulty.post(f"/v1beta/{name}:cancel").json() == {}

    without = end["differs"]
    assert shape(ended(faulty, name), without) == shape(end["response"]["body"], without)


def test_every_exchange_says_where_it_comes_from() -> None:
    for path in RECORDED.iterdir():
        assert {"source", "date", "request", "response"} <= set(recorded(path.stem)), path
