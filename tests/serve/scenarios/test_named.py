"""Each scenario that has a name shows its effect; those about batches are in test_effects."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from batch_cli.serve.scenarios.built_in import BUILT_IN
from tests.serving import ServerProcess, wait_until
from tests.support import chat

EVERY_SECOND = {
    **{name: name[:3] for name in ("408", "409", "429", "500", "502", "503", "529")},
    "429-seconds": "429 retry-after 1",
    "429-ms": "429 retry-after-ms 200",
    "429-absurd": "429 retry-after 1000000000",
    "429-garbage": "429 retry-after soon",
    "429-date": r"429 retry-after \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "reset": "ReadError",
    "reset-after": "ReadError",
    "closed": "RemoteProtocolError Server disconnected .*",
    "timeout": "ReadTimeout",
    "truncate": r"RemoteProtocolError peer closed connection .*received \d+ bytes, expected \d+.*",
    "truncate-unannounced": "200 no json",
    "chunk-cut": "RemoteProtocolError peer closed connection .*incomplete chunked read.*",
    "no-http": "RemoteProtocolError illegal status line.*",
    "html": "502 text/html",
    "login-page": "200 text/html",
    "empty": "200 no json",
    "garbage": "200 no json",
    "error-in-200": "200 error",
    "gzip-bomb": "200 gzip",
    "redirect-same": "307 location /v1/models/m",
    "redirect-other": "307 location http://redirect.invalid/v1/models/m",
}
"""What every second request meets; a regular expression for `outcome`."""
ELSEWHERE = {
    *("partial", "all-failed", "rejected", "token-limit", "slow-validation", "stuck", "torn", "shuffled"),
    *("expired-partial", "expired-empty", "cancelled-partial", "duplicated-rows", "missing-rows"),
    *("file-not-yet-visible", "batch-not-yet-visible", "results-expired", "unknown-status", "null-counts"),
    "foreign-results",
}
"""Shown in test_effects; what OpenAI's wire has no member for, in the tests of the layer."""


def play(server: ServerProcess, *names: str) -> None:
    sent = httpx.post(f"{server.url}/_emulator/scenario", json={"play": names})
    assert sent.status_code == 200, sent.text


@pytest.fixture(autouse=True)
def _nothing_stays(server: ServerProcess) -> Iterator[None]:
    yield
    wait_until(lambda: is_let_in(server))
    play(server, "ok")


def is_let_in(server: ServerProcess) -> bool:
    try:
        return httpx.get(f"{server.url}/health").status_code == 200
    except httpx.TransportError:
        return False


def outcome(server: ServerProcess, seconds: float = 10) -> str:
    """Say in a few words what came of one request."""
    try:
        with server.http() as http, http.stream("GET", "/v1/models/m", timeout=seconds) as answer:
            said = _head(answer)
            if answer.headers.get("content-encoding"):
                return f"{answer.status_code} gzip"
            body = answer.read()
    except httpx.HTTPError as error:
        return f"{type(error).__name__} {error}".strip()
    try:
        return said or f"{answer.status_code}{' error' if 'error' in json.loads(body) else ' ok'}"
    except ValueError:
        return f"{answer.status_code} no json"


def _head(answer: httpx.Response) -> str:
    for name in ("retry-after", "retry-after-ms", "location"):
        if name in answer.headers:
            return f"{answer.status_code} {name} {answer.headers[name]}"
    page = answer.headers["content-type"].startswith("text/html")
    return f"{answer.status_code} text/html" if page else ""


@pytest.mark.parametrize(("name", "expected"), EVERY_SECOND.items())
def test_every_second_request_meets_it(server: ServerProcess, name: str, expected: str) -> None:
    play(server, name)

    found = [outcome(server, seconds=1 if name == "timeout" else 10) for _ in range(3)]

    assert found[::2] == ["200 ok"] * 2
    assert re.match(expected, found[1]), found[1]


def test_what_is_longer_than_it_said_breaks_the_next_request_on_its_connection(server: ServerProcess) -> None:
    play(server, "wrong-length")

    with server.http() as http:
        for _ in range(2):
            assert http.get("/v1/models/m").json()["id"] == "m"

    assert [outcome(server) for _ in range(2)] == ["200 ok"] * 2


def test_no_request_gets_over_an_exhausted_quota(server: ServerProcess) -> None:
    play(server, "429-quota")

    with (
        server.client().with_options(max_retries=1) as client,
        pytest.raises(openai.RateLimitError) as refused,
    ):
        client.models.list()

    assert refused.value.code == "insufficient_quota"


def test_nothing_goes_wrong_where_all_is_ok(server: ServerProcess) -> None:
    play(server, "ok")

    assert [outcome(server) for _ in range(3)] == ["200 ok"] * 3


def test_slow_answers_come_after_two_seconds(server: ServerProcess) -> None:
    play(server, "slow")

    began = time.monotonic()
    assert outcome(server) == "200 ok"
    assert time.monotonic() - began >= 2


def test_a_dripping_answer_comes_byte_by_byte(server: ServerProcess) -> None:
    play(server, "drip")

    with server.http() as http, http.stream("GET", "/v1/models/m") as answer:
        pieces = list(answer.iter_raw())

    assert len(pieces) > 20
    assert json.loads(b"".join(pieces))["id"] == "m"


def test_every_third_request_shuts_the_door_for_a_while(server: ServerProcess) -> None:
    play(server, "refuse")

    found = [outcome(server).partition(" ")[0] for _ in range(4)]

    assert found[:2] == ["200", "200"]
    assert set(found[2:]) <= {"ReadError", "ConnectError", "WriteError"}
    wait_until(lambda: outcome(server) == "200 ok")


def test_a_flaky_server_fails_a_tenth_of_the_requests(server: ServerProcess) -> None:
    play(server, "flaky")

    found = [outcome(server) for _ in range(60)]

    assert 2 <= sum(said != "200 ok" for said in found) <= 15
    assert len(set(found)) > 2


@pytest.mark.parametrize(
    ("name", "error", "made"),
    [
        ("502-after-work", openai.InternalServerError, 1),
        ("answer-lost", openai.APIConnectionError, 1),
        ("answer-late", openai.APITimeoutError, 0),
        ("delivered-twice", None, 2),
    ],
)
def test_the_first_batch_is_made_otherwise_than_it_is_told(
    server: ServerProcess, client: OpenAI, name: str, error: type[Exception] | None, made: int
) -> None:
    def batches() -> int:
        return len(list(client.batches.list(limit=100)))

    before = batches()
    play(server, name)

    if error is None:
        assert create(client).status == "validating"
    else:
        with pytest.raises(error):
            create(client.with_options(timeout=1))

    assert batches() == before + made
    if name == "answer-late":
        wait_until(lambda: batches() == before + 1)
    created = create(client)
    assert created.id in [batch.id for batch in client.batches.list()]


def test_lists_never_end(server: ServerProcess, client: OpenAI) -> None:
    for _ in range(2):
        create(client)
    play(server, "page-loop")
    pages = client.batches.list(limit=2).iter_pages()

    first, second, third = ([batch.id for batch in next(pages).data] for _ in range(3))

    assert first == second == third


def test_every_name_is_shown() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    there = (Path(__file__).parent / "test_effects.py").read_text(encoding="utf-8")

    assert all(f'"{name}"' in there for name in ELSEWHERE - {"foreign-results"})
    assert set(BUILT_IN) - ELSEWHERE - set(EVERY_SECOND) == {
        name for name in re.findall(r'(?:play\(server, |\(|\[\()"([\w-]+)"', here) if name in BUILT_IN
    } - ELSEWHERE - set(EVERY_SECOND)


def create(client: OpenAI) -> Any:
    content = json.dumps(chat("a")).encode() + b"\n"
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
