"""What is sent to Anthropic is what its official client sends for the same call, apart from a written list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic

from batch_cli.clock import SystemClock
from batch_cli.errors import ConfigError, OutcomeUnknown
from batch_cli.jsonl import dumps
from batch_cli.model import CHAT, Secret
from batch_cli.providers import open_provider
from batch_cli.providers.base import BatchOptions, Input, Place, Provider
from tests.contract.grounds import message
from tests.faulty import Asked, FaultyServer, Script, answer

ID = "msgbatch_1"
KEY = "sk-ant-test"
DIFFERENT = {
    "user-agent": "ours says who we are",
    "accept": "results: the SDK asks for application/binary, which the service does not send",
    "accept-encoding": "ours asks for no packing: a small answer must not become a huge one",
    "connection": "the SDK keeps connections; a create of ours has one of its own",
    "content-type": "the SDK names a type on calls without a body as well",
    "host": "the port of the listener",
    "anthropic-beta": "not used",
}
"""Headers in which we mean to differ; those that tell of the SDK itself (x-stainless-…) are left out, too."""


def batch(url: str, status: str = "ended") -> dict[str, Any]:
    counts = {"processing": 0, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 0}
    return {
        "id": ID,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "created_at": "2026-11-21T10:00:00Z",
        "expires_at": "2026-11-22T10:00:00Z",
        "ended_at": "2026-11-21T11:00:00Z",
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": f"{url}/v1/messages/batches/{ID}/results",
    }


def script(asked: Asked) -> Iterable[object]:
    if asked.path.endswith("/results"):
        row = {"custom_id": "a", "result": {"type": "expired"}}
        yield answer(json.dumps(row) + "\n", kind="application/x-jsonl")
    elif asked.path.split("?")[0] == "/v1/messages/batches" and asked.method == "GET":
        yield answer({"data": [], "has_more": False, "first_id": None, "last_id": None})
    elif asked.method == "DELETE":
        yield answer({"id": ID, "type": "message_batch_deleted"})
    else:
        yield answer(batch(f"http://{asked.headers['host']}"))


@pytest.fixture
def listener() -> Iterator[FaultyServer]:
    with FaultyServer(script) as server:
        yield server


LINES = [message("a", "Grüße \u2028 🇬🇧"), message("b", "18446744073709551616")]


def ours(url: str, state: Path, **environment: str) -> Provider:
    place = Place(state, {"ANTHROPIC_BASE_URL": url, **environment}, Secret(KEY))
    return open_provider("anthropic", place, SystemClock())


def create(provider: Provider) -> None:
    encoded = [dumps(line) for line in LINES]
    source = Input(lambda: iter(encoded), 2, sum(len(line) + 1 for line in encoded), "")
    staged = provider.stage("bci_1", source)
    provider.create("bci_1", staged, BatchOptions(CHAT, "claude-x", 2))


def sent(asked: Asked) -> dict[str, Any]:
    """Give what was sent, field by field."""
    headers = {
        name: value
        for name, value in asked.headers.items()
        if name not in DIFFERENT and not name.startswith("x-stainless-") and name != "content-length"
    }
    body = json.loads(asked.body) if asked.body else None
    return {"method": asked.method, "path": asked.path, "headers": headers, "body": body}


CALLS: dict[str, tuple[Callable[[Provider], object], Callable[[Anthropic], object]]] = {
    "create": (create, lambda sdk: sdk.messages.batches.create(requests=LINES)),
    "retrieve": (lambda our: our.retrieve(ID), lambda sdk: sdk.messages.batches.retrieve(ID)),
    "cancel": (lambda our: our.cancel(ID), lambda sdk: sdk.messages.batches.cancel(ID)),
    "delete": (lambda our: our.delete(ID), lambda sdk: sdk.messages.batches.delete(ID)),
    "results": (lambda our: list(our.results(ID)), lambda sdk: list(sdk.messages.batches.results(ID))),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_sent_as_the_official_client_sends_it(
    listener: FaultyServer, tmp_path: Path, call: str
) -> None:
    by_us, by_them = CALLS[call]
    provider = ours(listener.url, tmp_path, ANTHROPIC_VERSION="2026-10-21")
    by_us(provider)
    provider.close()
    our_calls = [sent(asked) for asked in listener.asked]
    listener.asked.clear()
    with Anthropic(api_key=KEY, base_url=listener.url, max_retries=0) as sdk:
        by_them(sdk)
    their_calls = [sent(asked) for asked in listener.asked]

    if call == "create":
        assert our_calls.pop(0)["path"] == "/v1/messages/batches?limit=1"  # what was there before
    assert our_calls == their_calls


def test_the_list_that_is_searched_is_paged_as_the_official_client_does_it(
    listener: FaultyServer, tmp_path: Path
) -> None:
    def two_pages() -> Script:
        first = {"data": [batch(listener.url)], "has_more": True, "first_id": ID, "last_id": ID}
        last = {"data": [], "has_more": False, "first_id": None, "last_id": None}
        return lambda asked: iter([answer(last if "after_id" in asked.path else first)])

    listener.script = two_pages()
    provider = ours(listener.url, tmp_path, ANTHROPIC_VERSION="2026-10-21")
    provider.find("bci_1", '{"requests": 7, "newest": null, "created": null}', 0.0)
    provider.close()
    our_calls = [sent(asked) for asked in listener.asked]
    listener.asked.clear()
    with Anthropic(api_key=KEY, base_url=listener.url, max_retries=0) as sdk:
        list(sdk.messages.batches.list(limit=100))
    their_calls = [sent(asked) for asked in listener.asked]

    assert our_calls == their_calls * 2  # read twice, because lists may be behind


def test_a_list_that_goes_in_circles_is_no_proof_that_there_is_no_batch(
    listener: FaultyServer, tmp_path: Path
) -> None:
    page = {"data": [batch(listener.url)], "has_more": True, "first_id": ID, "last_id": ID}
    listener.script = lambda _: iter([answer(page)])
    provider = ours(listener.url, tmp_path)

    with pytest.raises(OutcomeUnknown, match="was lost") as caught:
        provider.find("bci_1", '{"requests": 7, "newest": null, "created": null}', 0.0)
    provider.close()

    assert "does not come to an end" in caught.value.where[0]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"x-api-key": KEY, "anthropic-version": "2023-06-01"}),
        (
            {"ANTHROPIC_VERSION": "2026-10-21"},
            {"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"},
        ),
        (
            {"ANTHROPIC_AUTH_TOKEN": KEY},
            {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"},
        ),
        (
            {"ANTHROPIC_AUTH_TOKEN": "another"},
            {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        ),
    ],
    ids=["key", "newer version", "token", "key beside a token"],
)
def test_the_key_goes_in_the_one_header_that_belongs_to_its_kind_and_the_version(
    listener: FaultyServer, tmp_path: Path, environment: dict[str, str], expected: dict[str, str]
) -> None:
    provider = ours(listener.url, tmp_path, **environment)
    provider.retrieve(ID)
    provider.close()

    found = listener.asked[0].headers
    names = ("x-api-key", "authorization", "anthropic-version")
    assert {name: found[name] for name in names if name in found} == expected


@pytest.mark.parametrize("version", ["latest", "2026-10-21\r\nx: y", "2026-1-1"])
def test_a_version_that_cannot_be_one_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_VERSION is not a version"):
        ours("http://127.0.0.1:9", tmp_path, ANTHROPIC_VERSION=version)


def test_a_base_url_with_a_path_is_kept_in_front_of_the_results(
    listener: FaultyServer, tmp_path: Path
) -> None:
    def behind(asked: Asked) -> Iterable[object]:
        asked_url = f"http://{asked.headers['host']}/gateway"
        if asked.path.endswith("/results"):
            yield answer('{"custom_id": "a", "result": {"type": "expired"}}\n')
        else:
            yield answer(batch(asked_url))

    listener.script = behind
    provider = ours(f"{listener.url}/gateway", tmp_path)
    rows = list(provider.results(ID))
    provider.close()

    assert [row.custom_id for row in rows] == ["a"]
    assert [asked.path for asked in listener.asked] == [
        f"/gateway/v1/messages/batches/{ID}",
        f"/gateway/v1/messages/batches/{ID}/results",
    ]
