"""The scenarios on Gemini's wire, by its official client where it looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.genai import errors

from tests.serve.google_client import MODEL, connect, create, create_from, ended, http, inline, line, rows
from tests.serving import ServerProcess

LINES = [line(f"r{n}") for n in range(10)]


def play(server: ServerProcess, *names: str) -> None:
    sent = httpx.post(f"{server.url}/_emulator/scenario", json={"play": names})
    assert sent.status_code == 200, sent.text


@pytest.fixture(autouse=True)
def _nothing_stays(server: ServerProcess) -> Iterator[None]:
    yield
    play(server, "ok")


@pytest.fixture
def on(server: ServerProcess) -> Iterator[httpx.Client]:
    with http(server) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "state", "good"),
    [
        ("partial", "SUCCEEDED", 7),
        ("all-failed", "SUCCEEDED", 0),
        ("expired-partial", "EXPIRED", 5),
        ("cancelled-partial", "CANCELLED", 5),
        ("rejected", "FAILED", 0),
    ],
)
def test_a_batch_ends_in_the_state_of_its_scenario(
    server: ServerProcess, on: httpx.Client, name: str, state: str, good: int
) -> None:
    play(server, name)

    operation = ended(on, create_from(on, *LINES)["name"])

    metadata = operation["metadata"]
    assert metadata["state"] == f"BATCH_STATE_{state}"
    assert int(metadata["batchStats"].get("successfulRequestCount", 0)) == good
    assert ("response" in operation) == (state == "SUCCEEDED")
    if state == "FAILED":
        assert "not parseable" in operation["error"]["message"]


@pytest.mark.parametrize(
    ("name", "count", "known"), [("shuffled", 10, 10), ("duplicated-rows", 11, 10), ("missing-rows", 9, 9)]
)
def test_result_rows_are_as_the_scenario_wants_them(
    server: ServerProcess, on: httpx.Client, name: str, count: int, known: int
) -> None:
    play(server, name)

    found = [row["key"] for row in rows(on, ended(on, create_from(on, *LINES)["name"]))]

    assert (len(found), len(set(found))) == (count, known)
    assert name != "shuffled" or found != sorted(found)


@pytest.mark.parametrize(
    ("name", "count"), [("shuffled", 10), ("duplicated-rows", 11), ("missing-rows", 9), ("torn", 9)]
)
def test_every_inline_answer_keeps_the_metadata_of_its_own_request(
    server: ServerProcess, on: httpx.Client, name: str, count: int
) -> None:
    play(server, name)

    operation = ended(on, create(on, inline(*(f"text-{n}" for n in range(10))))["name"])

    answers: list[Any] = operation["response"]["inlinedResponses"]["inlinedResponses"]
    found = [
        (answer["metadata"]["key"], answer["response"]["candidates"][0]["content"]["parts"][0]["text"])
        for answer in answers
    ]
    assert len(found) == count
    assert all(text.endswith(f"text-{key.removeprefix('r')}") for key, text in found)


def test_a_full_queue_is_refused_at_once(server: ServerProcess) -> None:
    play(server, "token-limit")
    client = connect(server)

    with pytest.raises(errors.ClientError) as refused:
        client.batches.create(model=MODEL, src=[{"contents": "Hi"}])

    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_lists_give_the_same_token_again(server: ServerProcess, on: httpx.Client) -> None:
    for _ in range(2):
        create(on, inline("x"))
    play(server, "page-loop")

    first = on.get("/v1/batches?pageSize=1").json()
    second = on.get(f"/v1/batches?pageSize=1&pageToken={first['nextPageToken']}").json()

    assert first["operations"][0]["name"] == second["operations"][0]["name"]
    assert first["nextPageToken"] == second["nextPageToken"]


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    found = []
    for name in "ab":
        (tmp_path / name).mkdir()
        words = ("--scenario", "partial", "--scenario", "shuffled", "--seed", "7")
        with ServerProcess(tmp_path / name, *words) as server, http(server) as on:
            found.append(rows(on, ended(on, create_from(on, *LINES)["name"])))

    assert found[0] == found[1]
