"""Batches of Gemini: from a file and inline, and what becomes of what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.genai import errors

from tests.serve.google_client import (
    MODEL,
    begin,
    connect,
    create,
    create_from,
    ended,
    http,
    inline,
    jsonl,
    line,
    rows,
    send,
    state,
    upload,
)
from tests.serving import ServerProcess, wait_until


@pytest.fixture
def on(server: ServerProcess) -> Iterator[httpx.Client]:
    with http(server) as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["status"]


def test_every_call_of_the_official_client_works(server: ServerProcess) -> None:
    script = Path(__file__).parent / "sdk_scripts" / "google_lifecycle.py"

    done = subprocess.run([sys.executable, script, server.url], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_a_file_becomes_a_result_file_in_its_order(server: ServerProcess, version: str) -> None:
    client = connect(server, version=version)
    with http(server) as on:
        name = upload(on, jsonl(line("b"), line("a"), line("c")))
        created = client.batches.create(model=MODEL, src=name, config={"display_name": "mine"})
        assert (created.state.name, created.model) == ("JOB_STATE_PENDING", f"models/{MODEL}")

        operation = ended(on, created.name)

        job = client.batches.get(name=created.name)
        assert (job.state.name, job.display_name) == ("JOB_STATE_SUCCEEDED", "mine")
        assert job.create_time <= job.end_time == job.update_time
        assert job.dest.file_name == f"files/batch-{job.name.removeprefix('batches/')}"
        metadata = operation["metadata"]
        assert metadata["batchStats"] == {"requestCount": "3", "successfulRequestCount": "3"}
        assert metadata["inputConfig"] == {"fileName": name}
        assert operation["done"] is True
        assert metadata["output"] == {"responsesFile": job.dest.file_name}
        assert operation["response"]["responsesFile"] == job.dest.file_name
        found = rows(on, operation)
        assert [row["key"] for row in found] == ["b", "a", "c"]
        assert [set(row) for row in found] == [{"key", "response"}] * 3
        assert (
            client.files.download(file=job.dest.file_name)
            == on.get(f"/download/{version}/{job.dest.file_name}:download?alt=media").content
        )


def test_inline_answers_come_in_order_with_the_metadata_of_their_requests(
    server: ServerProcess, on: httpx.Client
) -> None:
    name = create(on, inline("one", "two", "three"))["name"]

    operation = ended(on, name)

    found = operation["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert [each["metadata"] for each in found] == [{"key": f"r{at}"} for at in range(3)]
    texts = [each["response"]["candidates"][0]["content"]["parts"][0]["text"] for each in found]
    assert [text.rpartition(" ")[2] for text in texts] == ["one", "two", "three"]
    assert operation["response"]["inlinedResponses"]["inlinedResponses"] == found
    (listed,) = [each for each in on.get("/v1/batches").json()["operations"] if each["name"] == name]
    assert "output" not in listed["metadata"]
    assert "response" not in listed
    assert on.get(f"/v1/files/batch-{name.removeprefix('batches/')}:download?alt=media").status_code == 404
    client = connect(server)
    job = client.batches.get(name=name)
    assert [each.metadata["key"] for each in job.dest.inlined_responses] == ["r0", "r1", "r2"]


def test_thousands_of_inline_answers_arrive_whole(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, http(running) as on:
        texts = [f"{at} " + "x" * 500 for at in range(5_000)]
        operation = ended(on, create(on, inline(*texts))["name"])

    found = operation["response"]["inlinedResponses"]["inlinedResponses"]
    assert [each["metadata"]["key"] for each in found] == [f"r{at}" for at in range(5_000)]
    assert operation["metadata"]["batchStats"]["successfulRequestCount"] == "5000"


def test_a_running_operation_has_neither_done_nor_zeros(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "1500") as running, http(running) as on:
        name = create(on, inline("one", "two"))["name"]
        first = on.get(f"/v1/{name}").json()
        wait_until(lambda: state(on, name) == "RUNNING")
        operation = on.get(f"/v1/{name}").json()

        for each in (first, operation):
            assert set(each) == {"name", "metadata"}
            assert each["metadata"]["batchStats"] == {"requestCount": "2", "pendingRequestCount": "2"}
            assert "endTime" not in each["metadata"]
        client = connect(running)
        with pytest.raises(errors.ClientError) as running_still:
            client.batches.delete(name=name)
        assert running_still.value.status == "FAILED_PRECONDITION"

        assert on.post(f"/v1/{name}:cancel").json() == {}
        assert state(on, name) in {"RUNNING", "CANCELLED"}, "there is no state in between"
        operation = ended(on, name)

        assert operation["metadata"]["state"] == "BATCH_STATE_CANCELLED"
        assert operation["error"] == {"code": 13, "message": "Batch was cancelled"}
        assert "output" not in operation["metadata"]
        assert "response" not in operation
        assert on.delete(f"/v1/{name}").json() == {}
        assert refused(on.get(f"/v1/{name}")) == (404, "NOT_FOUND")


def test_a_batch_expires_after_two_days_of_the_server_s_clock(tmp_path: Path) -> None:
    words = "--speed", "86400", "--simulate-latency", "43200000"
    with ServerProcess(tmp_path, *words) as running, http(running) as on:
        operation = ended(on, create(on, inline(*["one"] * 600))["name"])

        assert operation["metadata"]["state"] == "BATCH_STATE_EXPIRED"
        assert operation["error"] == {"code": 4, "message": "Batch expired"}
        client = connect(running)
        assert client.batches.get(name=operation["name"]).state.name == "JOB_STATE_EXPIRED"


def test_rows_that_fail_stand_in_the_same_file_with_rpc_codes(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-errors", "0.5") as running, http(running) as on:
        operation = ended(on, create_from(on, *(line(f"k{at}") for at in range(60)))["name"])
        found = rows(on, operation)

    bad = [row for row in found if "error" in row]
    assert [row["key"] for row in found] == [f"k{at}" for at in range(60)]
    assert operation["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    stats = operation["metadata"]["batchStats"]
    assert (stats["failedRequestCount"], stats["successfulRequestCount"]) == (
        str(len(bad)),
        str(60 - len(bad)),
    )
    assert {row["error"]["code"] for row in bad} == {8, 13, 14}
    assert {frozenset(row["error"]) for row in bad} == {frozenset({"code", "message"})}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line("a"), line("a")], "line 2: "),
        ([{"request": line("a")["request"]}], "line 1: missing key"),
        ([{"key": "a"}], "line 1: missing request"),
        ([line("a"), {"custom_id": "b", "body": {}}], "line 2: "),
        (
            [{"key": "a", "request": {"content": {"parts": [{"text": "x"}]}}}],
            "line 1: missing request.contents",
        ),
        ([line("a", generationConfig={"temperature": 7})], "line 1: request.generationConfig.temperature"),
    ],
    ids=["twice", "no-key", "no-request", "other-format", "an-embedding", "temperature"],
)
def test_a_file_with_a_wrong_line_fails_as_a_whole(on: httpx.Client, lines: list[Any], message: str) -> None:
    operation = ended(on, create_from(on, *lines)["name"])

    assert operation["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert operation["done"] is True
    assert operation["error"]["code"] == 3
    assert operation["error"]["message"].startswith(message)
    assert "output" not in operation["metadata"]


def test_damaged_and_empty_files_fail(on: httpx.Client) -> None:
    for data in (b'{"key": "a", "requ\n', b"\n"):
        operation = ended(on, create(on, {"fileName": upload(on, data)})["name"])
        assert (operation["metadata"]["state"], operation["error"]["code"]) == ("BATCH_STATE_FAILED", 3)


def test_both_spellings_are_understood_and_one_is_written(on: httpx.Client) -> None:
    snake = {
        "key": "a",
        "request": {
            "contents": [{"parts": [{"text": "Bob is 42 years old"}]}],
            "generation_config": {
                "response_mime_type": "application/json",
                "response_schema": {
                    "type": "OBJECT",
                    "properties": {"max_age": {"type": "INTEGER"}},
                    "property_ordering": ["max_age"],
                    "required": ["max_age"],
                },
            },
        },
    }
    body = {"batch": {"display_name": "d", "input_config": {"file_name": upload(on, jsonl(snake))}}}

    created = on.post(f"/v1beta/models/{MODEL}:batchGenerateContent", json=body).json()
    operation = ended(on, created["name"])

    assert operation["metadata"]["displayName"] == "d"
    (row,) = rows(on, operation)
    (candidate,) = row["response"]["candidates"]
    assert set(json.loads(candidate["content"]["parts"][0]["text"])) == {"max_age"}


def test_embeddings_come_from_a_file_and_inline(server: ServerProcess, on: httpx.Client) -> None:
    content = {"parts": [{"text": "hello there"}]}
    asked = {"key": "a", "request": {"content": content, "outputDimensionality": 3}}
    config = {"file_name": upload(on, jsonl(asked))}

    by_file = ended(on, create(on, config, method="asyncBatchEmbedContent")["name"])

    kind = "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch"
    assert (by_file["metadata"]["@type"], by_file["response"]["@type"]) == (kind, f"{kind}Output")
    (row,) = rows(on, by_file)
    assert len(row["response"]["embedding"]["values"]) == 3
    client = connect(server)
    source = {"inlined_requests": {"contents": [content, content], "config": {"output_dimensionality": 5}}}
    with pytest.warns(match="experimental"):
        job = client.batches.create_embeddings(model="gemini-embedding-001", src=source)
    inlined = ended(on, job.name)["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert [len(each["response"]["embedding"]["values"]) for each in inlined] == [5, 5]
    found = client.batches.get(name=job.name).dest.inlined_embed_content_responses
    assert [each.response.embedding.values for each in found] == [
        each["response"]["embedding"]["values"] for each in inlined
    ]


@pytest.mark.parametrize(
    ("batch", "status", "word"),
    [
        ({}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": {"fileName": "files/nothing"}}, 403, "PERMISSION_DENIED"),
        ({"inputConfig": {"fileName": 5}}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": {"fileName": "files/a", "requests": {}}}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": {"requests": {"requests": []}}}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": {"requests": [{}]}}, 400, "INVALID_ARGUMENT"),
        (
            {"inputConfig": {"requests": {"requests": [{"request": {"contents": []}}]}}},
            400,
            "INVALID_ARGUMENT",
        ),
        ({"inputConfig": {"requests": {"requests": [{"key": "a"}]}}}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": inline("x"), "priority": "high"}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": inline("x"), "display": "x"}, 400, "INVALID_ARGUMENT"),
        ({"inputConfig": inline("x"), "displayName": ["x"]}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_what_is_wrong_with_a_create_is_said_at_once(
    on: httpx.Client, batch: Any, status: int, word: str
) -> None:
    answer = on.post(f"/v1beta/models/{MODEL}:batchGenerateContent", json={"batch": batch})

    assert refused(answer) == (status, word)


def test_an_unknown_field_is_named_as_the_live_api_names_it(on: httpx.Client) -> None:
    answer = on.post(f"/v1/models/{MODEL}:batchGenerateContent", json={"bach": {}})

    message = 'Invalid JSON payload received. Unknown name "bach": Cannot find field.'
    assert answer.json()["error"]["message"] == message


def test_requests_of_more_than_20_mib_have_to_come_in_a_file(on: httpx.Client) -> None:
    body = {"batch": {"inputConfig": inline("x" * (20 << 20))}}

    answer = on.post(f"/v1/models/{MODEL}:batchGenerateContent", json=body)

    assert refused(answer) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"] == "Request payload size exceeds the limit: 20971520 bytes."


def test_inline_requests_need_room_as_files_do(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-data", "100kB") as running, http(running) as on:
        answer = on.post(
            f"/v1beta/models/{MODEL}:batchGenerateContent",
            json={"batch": {"inputConfig": inline("x" * 200_000)}},
        )

    assert refused(answer) == (429, "RESOURCE_EXHAUSTED")


def test_with_a_seed_every_run_makes_the_same_ids(tmp_path: Path) -> None:
    names = []
    for each in ("a", "b"):
        (tmp_path / each).mkdir()
        with ServerProcess(tmp_path / each, "--seed", "7") as running, http(running) as on:
            names.append((create(on, inline("x"))["name"], upload(on, b"x")))

    assert names[0] == names[1]


def test_the_list_comes_in_pages_newest_first(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, http(running) as on:
        names = [create(on, inline("x"))["name"] for _ in range(5)]
        client = connect(running)

        assert [job.name for job in client.batches.list(config={"page_size": 2})] == names[::-1]

        page = on.get("/v1/batches", params={"pageSize": 5}).json()
        assert set(page) == {"operations"}
        assert refused(on.get("/v1/batches?pageToken=x")) == (400, "INVALID_ARGUMENT")
        assert refused(on.get("/v1/batches?pageSize=-1")) == (400, "INVALID_ARGUMENT")


def test_a_deleted_batch_takes_its_files_along_and_stays_in_the_ledger(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, http(running) as on:
        operation = ended(on, create(on, inline("x"))["name"])
        assert list((tmp_path / "data" / "files").iterdir())

        client = connect(running)
        client.batches.delete(name=operation["name"])

        assert list((tmp_path / "data" / "files").iterdir()) == []
        assert on.get("/v1/batches").json() == {}
        (entry,) = running.ledger()["data"]
        assert (entry["wire"], entry["billed"]) == ("google", 1)


def test_wires_do_not_see_each_other_s_batches(server: ServerProcess, on: httpx.Client) -> None:
    name = create(on, inline("x"))["name"]

    with server.http() as other:
        assert other.get(f"/v1/{name}").status_code == 404
        assert name.removeprefix("batches/") not in other.get("/v1/batches").text


TOKEN = "0123456789abcdef0123"


def test_a_key_in_the_address_is_any_key_and_never_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    with ServerProcess(tmp_path) as running:
        assert httpx.get(f"{running.url}/v1beta/models?key=any").status_code == 200
        missing = httpx.get(f"{running.url}/v1beta/models")
        assert refused(missing) == (403, "PERMISSION_DENIED")
        assert "www-authenticate" not in missing.headers
    with ServerProcess(tmp_path, "--token-file", "token") as running:
        assert refused(httpx.get(f"{running.url}/v1beta/models?key={TOKEN}")) == (403, "PERMISSION_DENIED")
        wrong = httpx.get(f"{running.url}/v1beta/models", headers={"x-goog-api-key": "x"})
        assert refused(wrong) == (400, "INVALID_ARGUMENT")
        assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
        with http(running, headers={"x-goog-api-key": TOKEN}) as on:
            assert send(begin(on, 1), "upload, finalize", b"x", 0).status_code == 200
