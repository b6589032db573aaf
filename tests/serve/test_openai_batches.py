"""The official OpenAI client takes the server for the real thing: the life of a batch."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import Completion, CreateEmbeddingResponse, ModerationCreateResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from tests.serving import ServerProcess, ended, wait_until
from tests.support import chat


def lines(*requests: Any) -> tuple[str, bytes]:
    return "requests.jsonl", "".join(json.dumps(request) + "\n" for request in requests).encode()


def upload(client: OpenAI, *requests: Any) -> str:
    return client.files.create(file=lines(*requests), purpose="batch").id


def create(client: OpenAI, *requests: Any, **options: Any) -> Any:
    given = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **options}
    return client.batches.create(input_file_id=upload(client, *requests), **given)


def rows(client: OpenAI, file_id: str | None) -> list[Any]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).text.split("\n") if line]


def completed(client: OpenAI, batch_id: str) -> int:
    counts = client.batches.retrieve(batch_id).request_counts
    assert counts is not None
    return counts.completed


def test_a_batch_goes_from_validating_to_its_output_file(client: OpenAI) -> None:
    created = create(client, chat("a", "Hi"), chat("b", "Ho"), metadata={"run": "7"})
    assert (created.status, created.output_file_id, created.metadata) == ("validating", None, {"run": "7"})

    batch = ended(client, created.id)

    assert batch.status == "completed"
    assert batch.model == "simulate"
    assert batch.metadata == {"run": "7"}
    assert batch.request_counts.model_dump() == {"total": 2, "completed": 2, "failed": 0}
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert batch.expires_at == batch.created_at + 86_400
    assert batch.error_file_id is None
    found = rows(client, batch.output_file_id)
    assert [row["custom_id"] for row in found] == ["a", "b"]
    assert [(row["response"]["status_code"], row["error"]) for row in found] == [(200, None)] * 2
    usages = [row["response"]["body"]["usage"] for row in found]
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in usages)
    assert batch.usage.total_tokens == sum(usage["total_tokens"] for usage in usages)
    output = client.files.retrieve(batch.output_file_id)
    assert (output.purpose, output.filename) == ("batch_output", f"{batch.id}_output.jsonl")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": 7}, "temperature"),
        ({"stream": True}, "stream"),
        ({"messages": []}, "messages"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
    ],
)
def test_a_wrong_body_fails_its_own_row_as_it_fails_live(
    client: OpenAI, server: ServerProcess, body: dict[str, Any], param: str
) -> None:
    batch = ended(client, create(client, chat("good"), chat("bad", **body)).id)

    assert batch.status == "completed"
    assert [row["custom_id"] for row in rows(client, batch.output_file_id)] == ["good"]
    (row,) = rows(client, batch.error_file_id)
    assert (row["custom_id"], row["response"]["status_code"], row["error"]) == ("bad", 400, None)
    error = row["response"]["body"]["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    with server.http() as http:
        live = http.post("/v1/chat/completions", json=chat("bad", **body)["body"])
    assert param == "stream" or (live.status_code, live.json()["error"]) == (400, error)


def test_rows_say_when_they_were_made_and_are_the_same_otherwise(client: OpenAI) -> None:
    batches = [ended(client, create(client, chat("a"), chat("b")).id) for _ in range(2)]

    bodies = [[row["response"]["body"] for row in rows(client, one.output_file_id)] for one in batches]
    for batch, found in zip(batches, bodies, strict=True):
        assert all(batch.created_at <= body.pop("created") <= batch.completed_at for body in found)
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("url", "body", "kind"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}, ChatCompletion),
        ("/v1/completions", {"prompt": "Hi"}, Completion),
        ("/v1/responses", {"input": "Hi", "max_output_tokens": 3}, Response),
        ("/v1/embeddings", {"input": "Hi"}, CreateEmbeddingResponse),
        ("/v1/moderations", {"input": "Hi"}, ModerationCreateResponse),
    ],
)
def test_every_endpoint_is_batched_with_rows_of_its_published_type(
    client: OpenAI, url: str, body: dict[str, Any], kind: type[BaseModel]
) -> None:
    asked = {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "m", **body}}

    batch = ended(client, create(client, asked, endpoint=url).id)

    (row,) = rows(client, batch.output_file_id)
    kind.model_validate(row["response"]["body"], strict=True)


def test_rows_that_fail_stand_in_the_error_file_with_the_answer_they_got(client: OpenAI) -> None:
    bad = chat("bad")
    bad["body"]["messages"] = [{"role": "user", "content": "x"}]
    bad["body"]["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "string", "pattern": "(?<=a)b(?!c)^$z"}},
    }
    batch = ended(client, create(client, chat("good"), bad).id)

    assert batch.status == "completed"
    assert batch.request_counts.model_dump() == {"total": 2, "completed": 1, "failed": 1}
    assert [row["custom_id"] for row in rows(client, batch.output_file_id)] == ["good"]
    (failed,) = rows(client, batch.error_file_id)
    assert (failed["custom_id"], failed["error"]) == ("bad", None)
    assert failed["response"]["status_code"] == 400
    assert failed["response"]["body"]["error"]["message"]


@pytest.mark.parametrize(
    ("request_lines", "code", "line", "param"),
    [
        ([chat("a"), chat("a")], "duplicate_custom_id", 2, "custom_id"),
        ([chat("a"), {**chat("b"), "url": "/v1/embeddings"}], "url_mismatch", 2, "url"),
        ([chat("a"), chat("b", model="other")], "model_mismatch", 2, None),
        ([{**chat("a"), "method": "GET"}], "invalid_request", 1, "method"),
        ([{"custom_id": "a", "method": "POST", "body": {}}], "missing_required_parameter", 1, None),
        ([{**chat("a"), "body": []}], "invalid_request", 1, "body"),
    ],
)
def test_a_wrong_file_fails_its_batch_later_with_code_line_and_field(
    client: OpenAI, request_lines: list[Any], code: str, line: int, param: str | None
) -> None:
    created = create(client, *request_lines)
    assert created.status == "validating"

    batch = ended(client, created.id)

    assert batch.status == "failed"
    assert batch.failed_at is not None
    assert (batch.output_file_id, batch.error_file_id) == (None, None)
    assert (code, line, param) in [(error.code, error.line, error.param) for error in batch.errors.data]
    assert all(error.message for error in batch.errors.data)


def test_a_file_that_is_no_json_fails_its_batch(client: OpenAI) -> None:
    file = client.files.create(file=("x.jsonl", b'{"custom_id": nonsense}\n'), purpose="batch")

    created = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    batch = ended(client, created.id)
    assert batch.status == "failed"
    assert [(error.code, error.line) for error in batch.errors.data] == [("invalid_json_line", 1)]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"endpoint": "/v1/nothing"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"input_file_id": "file-none"}, "input_file_id"),
        ({"metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"metadata": "x"}, "metadata"),
        ({"output_expires_after": 3600}, "output_expires_after"),
        ({"output_expires_after": {}}, "output_expires_after.anchor"),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 2_592_001}},
            "output_expires_after.seconds",
        ),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 5}}, "output_expires_after.seconds"),
    ],
)
def test_what_can_be_judged_at_once_is_refused_at_once(
    client: OpenAI, given: dict[str, Any], param: str
) -> None:
    valid: dict[str, Any] = {
        "input_file_id": upload(client, chat("a")),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }

    with pytest.raises(openai.BadRequestError) as refused:
        client.batches.create(**{**valid, **given})

    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id


def test_an_unknown_batch_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_none")


def test_lists_go_page_by_page_from_the_newest_to_the_oldest(client: OpenAI) -> None:
    made = [create(client, chat("a")).id for _ in range(5)]

    first = client.batches.list(limit=2)
    every = [batch.id for batch in client.batches.list(limit=2)]

    assert [batch.id for batch in first.data] == made[:-3:-1]
    assert first.has_more
    assert every[:5] == made[::-1]
    assert len(every) == len(set(every))
    assert client.batches.list(limit=1, after=every[-1]).data == []
    assert not client.batches.list(limit=100).has_more
    for limit in (0, 101, -1):
        with pytest.raises(openai.BadRequestError):
            client.batches.list(limit=limit)
    with pytest.raises(openai.NotFoundError):
        client.batches.list(after="batch_none")


def test_output_files_expire_when_it_was_asked_for(client: OpenAI) -> None:
    stay = {"anchor": "created_at", "seconds": 3600}
    batch = ended(client, create(client, chat("a"), output_expires_after=stay).id)

    output = client.files.retrieve(batch.output_file_id)

    assert output.expires_at is not None
    assert output.expires_at - output.created_at == 3600


def test_an_ended_batch_cannot_be_cancelled(client: OpenAI) -> None:
    batch = ended(client, create(client, chat("a")).id)

    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_the_ledger_knows_what_was_executed_and_billed_how_often(
    server: ServerProcess, client: OpenAI
) -> None:
    batch = ended(client, create(client, *(chat(f"r{n}") for n in range(3))).id)

    ledger = server.ledger()

    (entry,) = [entry for entry in ledger["data"] if entry["id"] == batch.id]
    assert (entry["requests"], entry["executed"], entry["attempts"], entry["billed"]) == (3, 3, 3, 3)
    with server.http() as http:
        text = http.get(f"/_emulator/ledger/{batch.id}").text
    assert [json.loads(line) for line in text.splitlines()] == [
        {"custom_id": f"r{n}", "attempts": 1, "billed": 1} for n in range(3)
    ]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a client of a server whose model takes half an hour, of which 18,000 s pass in a second.

    A day is over in 4.8 s, so its executor runs already: under load it may take seconds to start.
    """
    words = ("--speed", "18000", "--simulate-latency", "1800000")
    with ServerProcess(tmp_path_factory.mktemp("slow"), *words) as running, running.client() as connected:
        ended(connected, create(connected, chat("first")).id)
        yield connected


def test_counts_move_and_a_cancel_keeps_what_is_done(slow: OpenAI) -> None:
    created = create(slow, *(chat(f"r{n}") for n in range(100)))
    wait_until(lambda: completed(slow, created.id) > 0)

    asked = slow.batches.cancel(created.id)
    batch = ended(slow, created.id)

    assert asked.status in ("cancelling", "cancelled")
    assert batch.status == "cancelled"
    assert batch.cancelling_at <= batch.cancelled_at
    done, left = rows(slow, batch.output_file_id), rows(slow, batch.error_file_id)
    assert 0 < len(done) < 100
    assert {row["custom_id"] for row in done + left} == {f"r{n}" for n in range(100)}
    assert len(done + left) == 100
    assert {(row["response"], row["error"]["code"]) for row in left} == {(None, "batch_cancelled")}
    assert batch.request_counts.model_dump() == {"total": 100, "completed": len(done), "failed": len(left)}


def test_a_batch_that_takes_longer_than_its_window_expires_with_what_it_has(slow: OpenAI) -> None:
    created = create(slow, *(chat(f"r{n}") for n in range(800)))

    batch = ended(slow, created.id)

    assert batch.status == "expired"
    assert batch.expired_at >= batch.expires_at == batch.created_at + 86_400
    done, left = rows(slow, batch.output_file_id), rows(slow, batch.error_file_id)
    assert 0 < len(done) < 800
    assert len(done) + len(left) == 800
    assert {row["error"]["code"] for row in left} == {"batch_expired"}
