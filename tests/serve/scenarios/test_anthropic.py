"""The scenarios on Anthropic's wire, as its official client sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic

from tests.serve.anthropic_client import connect, counts, create, ended, results
from tests.serving import ServerProcess


def play(server: ServerProcess, *names: str) -> None:
    sent = httpx.post(f"{server.url}/_emulator/scenario", json={"play": names})
    assert sent.status_code == 200, sent.text


@pytest.fixture(autouse=True)
def _nothing_stays(server: ServerProcess) -> Iterator[None]:
    yield
    play(server, "ok")


@pytest.fixture(scope="module")
def claude(server: ServerProcess) -> Iterator[Anthropic]:
    with connect(server) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("partial", {"succeeded": 7, "errored": 3}),
        ("all-failed", {"errored": 10}),
        ("expired-partial", {"succeeded": 5, "expired": 5}),
        ("expired-empty", {"expired": 10}),
        ("cancelled-partial", {"succeeded": 5, "canceled": 5}),
    ],
)
def test_a_batch_ends_with_the_counts_of_its_scenario(
    server: ServerProcess, claude: Anthropic, name: str, expected: dict[str, int]
) -> None:
    play(server, name)

    batch = ended(claude, create(claude, 10).id)

    assert batch.request_counts.model_dump() == counts(**expected)
    found = [result.type for result in results(claude, batch.id).values()]
    assert {kind: found.count(kind) for kind in set(found)} == expected


@pytest.mark.parametrize(
    ("name", "rows", "known"), [("shuffled", 10, 10), ("duplicated-rows", 11, 10), ("missing-rows", 9, 9)]
)
def test_result_rows_are_as_the_scenario_wants_them(
    server: ServerProcess, claude: Anthropic, name: str, rows: int, known: int
) -> None:
    play(server, name)

    batch = ended(claude, create(claude, 10).id)

    found = [row.custom_id for row in claude.messages.batches.results(batch.id)]
    assert (len(found), len(set(found))) == (rows, known)
    assert name != "shuffled" or found != sorted(found)


@pytest.mark.parametrize(
    ("name", "error", "kind"),
    [
        ("rejected", anthropic.BadRequestError, "invalid_request_error"),
        ("token-limit", anthropic.RateLimitError, "rate_limit_error"),
    ],
)
def test_what_openai_fails_later_is_refused_at_once(
    server: ServerProcess, claude: Anthropic, name: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    play(server, name)

    with pytest.raises(error) as refused:
        create(claude, 1)

    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"]) == ("error", kind)


@pytest.mark.parametrize(("name", "kind"), [("529", "overloaded_error"), ("500", "api_error")])
def test_errors_have_the_shape_of_the_wire(
    server: ServerProcess, claude: Anthropic, name: str, kind: str
) -> None:
    play(server, name)
    claude.messages.batches.list()

    with pytest.raises(anthropic.InternalServerError) as refused:
        claude.messages.batches.list()

    body: Any = refused.value.body
    assert body["error"]["type"] == kind


def test_an_answer_that_is_lost_leaves_a_batch_behind(server: ServerProcess, claude: Anthropic) -> None:
    before = len(claude.messages.batches.list(limit=100).data)
    play(server, "answer-lost")

    with pytest.raises(anthropic.APIConnectionError):
        create(claude, 1)

    assert len(claude.messages.batches.list(limit=100).data) == before + 1


def test_the_last_line_of_the_results_is_torn(server: ServerProcess, claude: Anthropic) -> None:
    play(server, "torn")
    batch = ended(claude, create(claude, 3).id)

    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        list(claude.messages.batches.results(batch.id))


def test_results_on_another_host_are_asked_for_there(server: ServerProcess, claude: Anthropic) -> None:
    batch = ended(claude, create(claude, 1).id)
    play(server, "foreign-results")

    assert claude.messages.batches.retrieve(batch.id).results_url == "http://results.invalid/"


def test_a_list_goes_round_in_a_loop(server: ServerProcess, claude: Anthropic) -> None:
    for _ in range(2):
        create(claude, 1)
    play(server, "page-loop")
    pages = claude.messages.batches.list(limit=1).iter_pages()

    first, second = (next(pages).data[0].id for _ in range(2))

    assert first == second


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    texts = []
    for name in "ab":
        (tmp_path / name).mkdir()
        words = ("--scenario", "partial", "--scenario", "shuffled", "--seed", "7")
        with ServerProcess(tmp_path / name, *words) as server, connect(server) as client:
            batch = ended(client, create(client, 10).id)
            with server.http(headers={"anthropic-version": "2026-10-21"}) as http:
                texts.append((batch.id, http.get(f"/v1/messages/batches/{batch.id}/results").text))

    assert texts[0] == texts[1]
