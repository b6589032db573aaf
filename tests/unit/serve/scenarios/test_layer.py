"""The layer alone, around routes that answer as the wires of Anthropic and Google do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from batch_cli.serve.connection import EXTENSION
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.scenarios.layer import Layer
from batch_cli.serve.scenarios.reading import load
from batch_cli.serve.scenarios.stage import Stage
from tests.support import FakeClock

ANTHROPIC = {"processing_status": "ended", "request_counts": {"succeeded": 1}, "results_url": "http://here/r"}
GOOGLE = {
    "name": "batches/b",
    "metadata": {"state": "BATCH_STATE_SUCCEEDED", "batchStats": {"requestCount": "1"}},
}


class FakeConnection:
    """Notes what was done to it."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def reset(self) -> None:
        self.ends.append("reset")


class Client:
    """Sends requests through a layer that plays a named scenario, in front of one answer."""

    def __init__(self, name: str, document: Any) -> None:
        self.document, self.works = document, 0
        self.queries: list[str] = []
        self.connection = FakeConnection()
        self.layer = Layer(self._inner, Stage(load(name), 0, lambda _: None), FakeClock())

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.works += 1
        self.queries.append(scope["query_string"].decode())
        await JSONResponse(self.document)(scope, receive, send)

    def __call__(self, method: str, path: str, query: str = "") -> Any:
        """Give the JSON that comes back; None where nothing does."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [],
            "extensions": {EXTENSION: self.connection},
        }
        asyncio.run(self.layer(scope, receive, send))
        body = b"".join(message.get("body", b"") for message in sent)
        return json.loads(body) if body else None


@pytest.mark.parametrize(
    ("path", "document", "member"),
    [
        ("/v1/messages/batches/msgbatch_1", ANTHROPIC, "processing_status"),
        ("/v1beta/batches/b", GOOGLE, "metadata"),
    ],
)
def test_an_unknown_status_stands_where_the_wire_has_its_own(path: str, document: Any, member: str) -> None:
    client = Client("unknown-status", document)

    shown = client("GET", path)

    assert "hibernating" in str(shown[member]).lower()
    assert set(shown) == set(document)


def test_null_counts_are_null_on_every_wire() -> None:
    assert Client("null-counts", ANTHROPIC)("GET", "/v1/messages/batches/m")["request_counts"] is None
    assert Client("null-counts", GOOGLE)("GET", "/v1/batches/b")["metadata"]["batchStats"] is None


def test_foreign_results_are_on_a_host_that_is_none() -> None:
    shown = Client("foreign-results", ANTHROPIC)("GET", "/v1/messages/batches/msgbatch_1")

    assert shown == {**ANTHROPIC, "results_url": "http://results.invalid/"}


@pytest.mark.parametrize(
    ("path", "query", "document"),
    [
        ("/v1/messages/batches", "limit=1&after_id=m", {"data": [], "has_more": False}),
        ("/v1beta/batches", "pageSize=1&pageToken=t", {"operations": []}),
    ],
)
def test_a_page_loop_forgets_the_cursor_of_every_wire(path: str, query: str, document: Any) -> None:
    client = Client("page-loop", document)

    shown = client("GET", path, query)

    assert client.queries == [query.partition("&")[0]]
    assert shown.get("has_more") or shown.get("nextPageToken")


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("results-expired", "GET", "/v1/messages/batches/msgbatch_1/results", 404),
        ("results-expired", "GET", "/v1beta/files/batch-b:download", 404),
        ("rejected", "POST", "/v1/messages/batches", 400),
        ("token-limit", "POST", "/v1/messages/batches", 429),
        ("token-limit", "POST", "/v1beta/models/m:batchGenerateContent", 429),
        ("file-not-yet-visible", "POST", "/v1/models/m:batchGenerateContent", 404),
        ("batch-not-yet-visible", "GET", "/v1/messages/batches/msgbatch_1", 404),
    ],
)
def test_other_wires_refuse_what_openai_would_fail_later(
    name: str, method: str, path: str, status: int
) -> None:
    client = Client(name, {})

    with pytest.raises(Refusal) as refused:
        client(method, path)

    assert (refused.value.status, client.works) == (status, 0)


@pytest.mark.parametrize("path", ["/v1/messages/batches", "/v1beta/models/m:batchGenerateContent"])
def test_the_answer_to_the_first_batch_of_every_wire_is_lost_behind_its_work(path: str) -> None:
    client = Client("answer-lost", {"id": 1})

    assert [client("POST", path) for _ in range(2)] == [None, {"id": 1}]
    assert (client.works, client.connection.ends) == (2, ["reset"])
