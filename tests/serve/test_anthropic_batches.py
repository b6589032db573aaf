"""The official Anthropic client takes the server for the real thing: the life of a batch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic

from tests.serve.anthropic_client import HEADERS, connect, counts, create, ended, request, results
from tests.serving import ServerProcess, wait_until
from tests.support import SCHEMA

PATH = "/v1/messages/batches"


@pytest.fixture(scope="module")
def claude(server: ServerProcess) -> Iterator[Anthropic]:
    with connect(server) as connected:
        yield connected


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with server.http(headers=HEADERS) as connected:
        yield connected


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anthropic]:
    """Give a client of a server whose model takes six minutes, an hour of which is a second."""
    words = ("--speed", "3600", "--simulate-latency", "360000")
    with ServerProcess(tmp_path_factory.mktemp("slow"), *words) as running, connect(running) as connected:
        yield connected


def post(http: httpx.Client, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(PATH, content=content, headers={"content-type": "application/json", **headers})


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    """Give status, kind and words of an error that has the shape of the wire."""
    body = answer.json()
    assert (body["type"], body["request_id"]) == ("error", answer.headers["request-id"])
    assert answer.headers["request-id"].startswith("req_")
    return answer.status_code, body["error"]["type"], body["error"]["message"]


def test_a_batch_is_created_followed_and_read(server: ServerProcess, claude: Anthropic) -> None:
    created = create(claude, 3)

    assert created.id.startswith("msgbatch_")
    assert created.processing_status == "in_progress"
    assert created.request_counts.model_dump() == counts(processing=3)
    assert (created.ended_at, created.results_url, created.cancel_initiated_at) == (None, None, None)
    assert created.expires_at - created.created_at == timedelta(hours=24)

    batch = ended(claude, created.id)

    assert batch.request_counts.model_dump() == counts(succeeded=3)
    assert batch.ended_at >= batch.created_at
    assert batch.results_url == f"{server.url}{PATH}/{batch.id}/results"
    found = results(claude, batch.id)
    assert set(found) == {"r0", "r1", "r2"}
    assert {result.message.usage.service_tier for result in found.values()} == {"batch"}
    assert found["r0"].message.content[0].text.endswith("I am Ada, 36 years old.")


def test_results_are_lines_of_json_under_the_name_that_the_client_used(
    server: ServerProcess, claude: Anthropic
) -> None:
    batch = ended(claude, create(claude, 2).id)
    url = server.url.replace("127.0.0.1", "localhost")
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}

    seen = httpx.get(f"{url}{PATH}/{batch.id}?beta=true", headers=headers).json()
    answer = httpx.get(seen["results_url"], headers=headers)

    assert seen["results_url"].startswith(f"{url}/")
    assert answer.headers["content-type"] == "application/x-jsonl"
    assert answer.text.endswith("}\n")
    assert [json.loads(line)["result"]["type"] for line in answer.text.splitlines()] == ["succeeded"] * 2


def test_tools_and_output_formats_are_answered_in_batches(claude: Anthropic) -> None:
    tool = {"name": "save_user", "input_schema": SCHEMA}
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}}
    requests = [
        request("tool", tools=[tool], tool_choice={"type": "tool", "name": "save_user"}),
        request("format", output_config=wanted),
    ]

    found = results(claude, ended(claude, claude.messages.batches.create(requests=requests).id).id)

    assert found["tool"].message.stop_reason == "tool_use"
    assert found["tool"].message.content[0].input == {"name": "Ada", "age": 36}
    assert json.loads(found["format"].message.content[0].text) == {"name": "Ada", "age": 36}


NEWEST_ALONE = {
    "temperature": "temperature: Extra inputs are not permitted",
    "top_p": "top_p: Extra inputs are not permitted",
    "top_k": "top_k: Extra inputs are not permitted",
}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no-messages", {"messages": "-"}, "messages: Field required"),
    ("no-limit", {"max_tokens": "-"}, "max_tokens: Field required"),
    ("zero", {"max_tokens": 0}, "max_tokens: must be greater than or equal to 1"),
    ("stream", {"stream": True}, '"stream=True" is not supported in the Message Batches API'),
    ("betas", {"betas": ["x"]}, "betas: Extra inputs are not permitted"),
]


def test_wrong_parameters_become_lines_of_the_results(http: httpx.Client, claude: Anthropic) -> None:
    wrong = [request(custom_id, **params) for custom_id, params, _ in WRONG]
    created = post(http, {"requests": [request("good"), *wrong]}).json()

    batch = ended(claude, created["id"])

    assert batch.request_counts.model_dump() == counts(succeeded=1, errored=len(WRONG))
    rows = [json.loads(line) for line in http.get(f"{PATH}/{batch.id}/results").text.splitlines()]
    assert {row["custom_id"]: row["result"] for row in rows if row["custom_id"] != "good"} == {
        custom_id: {
            "type": "errored",
            "error": {
                "type": "error",
                "error": {
                    "details": {"error_visibility": "user_facing"},
                    "type": "invalid_request_error",
                    "message": message,
                },
                "request_id": None,
            },
        }
        for custom_id, _, message in WRONG
    }


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_sampling_is_refused_under_the_newest_version_alone(
    http: httpx.Client, claude: Anthropic, version: str
) -> None:
    requests = [request(name, "Hi.", **{name: 1}) for name in NEWEST_ALONE]
    created = post(http, {"requests": requests}, **{"anthropic-version": version}).json()

    found = results(claude, ended(claude, created["id"]).id)

    if version == "2023-06-01":
        assert {result.type for result in found.values()} == {"succeeded"}
    else:
        assert {name: result.error.error.message for name, result in found.items()} == NEWEST_ALONE


FAULTS: list[tuple[Any, str]] = [
    ({"requests": []}, "requests: List should have at least 1 item after validation, not 0"),
    ({}, "requests: Field required"),
    ({"requests": {}}, "requests: Input should be a valid list"),
    ({"requests": [7]}, "requests.0: Input should be a valid dictionary"),
    ({"requests": [{"params": {}}]}, "requests.0.custom_id: Field required"),
    ({"requests": [{"custom_id": 5, "params": {}}]}, "requests.0.custom_id: Input should be a valid string"),
    (
        {"requests": [request("")]},
        "requests.0.custom_id: String should have at least 1 character",
    ),
    (
        {"requests": [request("a"), request("b" * 65)]},
        "requests.1.custom_id: String should have at most 64 characters",
    ),
    (
        {"requests": [request("a b")]},
        "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
    ),
    (
        {"requests": [request("a\n")]},
        "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
    ),
    (
        {"requests": [request("dup"), request("dup")]},
        "requests: custom_id's must be unique within a batch. Duplicate custom_id found: dup",
    ),
    ({"requests": [{"custom_id": "a", "body": {}}]}, "requests.0.params: Field required"),
    (
        {"requests": [{"custom_id": "a", "params": []}]},
        "requests.0.params: Input should be a valid dictionary",
    ),
    (
        b'{"requests":[{"custom_id":"a","params":{"x":NaN}}]}',
        "The request body is not valid JSON: requests.0: ",
    ),
    (b'{"requests":[{"custom_id":"a","params":{}}]', "The request body is not valid JSON: "),
    (b"[]", "The request body is not valid JSON: "),
]


@pytest.mark.parametrize(("body", "message"), FAULTS)
def test_a_wrong_envelope_is_refused_at_once(
    server: ServerProcess, http: httpx.Client, body: Any, message: str
) -> None:
    before = server.ledger()["batches"]

    status, kind, said = error_of(post(http, body))

    assert (status, kind) == (400, "invalid_request_error")
    assert said.startswith(message)
    assert server.ledger()["batches"] == before
    files = {path.name for path in (server.directory / "data" / "files").iterdir()}
    assert not [name for name in files if name.startswith("body-") or name.endswith(".part")]


def test_more_requests_than_a_batch_may_have_are_refused(tmp_path: Path) -> None:
    body = json.dumps({"requests": [{"custom_id": str(n), "params": {}} for n in range(100_001)]}).encode()
    with ServerProcess(tmp_path) as running, running.http(headers=HEADERS) as http:
        status, kind, said = error_of(post(http, body))

    assert (status, kind) == (400, "invalid_request_error")
    assert "100000" in said


def test_a_body_that_is_too_large_is_refused(http: httpx.Client) -> None:
    """The server of this module takes one megabyte."""
    status, kind, _ = error_of(post(http, {"requests": [request("a", "x" * 1_100_000)]}))

    assert (status, kind) == (413, "request_too_large")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it reads the peak memory from /proc")
def test_a_large_body_is_not_held_in_memory(tmp_path: Path) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"requests":['
        for n in range(1_000):
            yield (b"," if n else b"") + json.dumps(request(f"r{n}", "word " * 12_800)).encode()
        yield b"]}"

    def peak(running: ServerProcess) -> int:
        text = Path(f"/proc/{running.process.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in text.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    with ServerProcess(tmp_path) as running, running.http(headers=HEADERS) as http:
        before = peak(running)
        headers = {"content-type": "application/json"}
        answer = http.post(PATH, content=body(), headers=headers, timeout=120)

        assert answer.status_code == 200
        assert answer.json()["request_counts"]["processing"] == 1_000
        assert peak(running) - before < 40_000_000, "of 64 MB"


def test_lists_go_page_by_page_from_the_newest_to_the_oldest(claude: Anthropic) -> None:
    made = [create(claude, 1).id for _ in range(25)]

    first = claude.messages.batches.list()
    every = [batch.id for batch in claude.messages.batches.list()]
    newer = [batch.id for batch in claude.messages.batches.list(limit=3, before_id=made[4])]

    assert [batch.id for batch in first.data] == made[:4:-1]
    assert (first.has_more, first.first_id, first.last_id) == (True, made[-1], made[5])
    assert every[:25] == made[::-1]
    assert len(every) == len(set(every))
    assert sorted(newer) == sorted(made[5:])
    last = claude.messages.batches.list(after_id=every[-1])
    assert (last.data, last.has_more, last.first_id, last.last_id) == ([], False, None, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "after_id=msgbatch_none", "after_id=a&before_id=b"]
)
def test_a_wrong_page_is_refused(http: httpx.Client, query: str) -> None:
    assert error_of(http.get(f"{PATH}?{query}"))[:2] == (400, "invalid_request_error")


def test_an_ended_batch_is_deleted_with_its_files_and_stays_in_the_ledger(
    server: ServerProcess, claude: Anthropic
) -> None:
    batch = ended(claude, create(claude, 2).id)
    files = server.directory / "data" / "files"
    before = len(list(files.iterdir()))

    deleted = claude.messages.batches.delete(batch.id)

    assert (deleted.id, deleted.type) == (batch.id, "message_batch_deleted")
    assert len(list(files.iterdir())) == before - 2
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.batches.retrieve(batch.id)
    assert batch.id not in [one.id for one in claude.messages.batches.list()]
    (entry,) = [one for one in server.ledger()["data"] if one["id"] == batch.id]
    assert (entry["wire"], entry["billed"]) == ("anthropic", 2)


def test_an_unknown_batch_is_not_found(http: httpx.Client) -> None:
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        status, kind, message = error_of(http.request(method, f"{PATH}/msgbatch_none{path}"))

        assert (status, kind) == (404, "not_found_error")
        assert message == "Message Batch msgbatch_none not found."


def test_a_client_of_another_wire_does_not_see_it(server: ServerProcess, claude: Anthropic) -> None:
    batch = ended(claude, create(claude, 1).id)

    with server.client() as openai:
        assert batch.id not in [one.id for one in openai.batches.list()]
        assert openai.files.list().data == []


def test_a_batch_in_progress_has_no_results_and_cannot_be_deleted(slow: Anthropic) -> None:
    batch = create(slow, 50)

    with pytest.raises(anthropic.NotFoundError, match="has no available results"):
        slow.get(f"{PATH}/{batch.id}/results", cast_to=object)
    with pytest.raises(anthropic.BadRequestError, match="In progress batches cannot be deleted"):
        slow.messages.batches.delete(batch.id)
    raw = slow.messages.batches.with_raw_response.retrieve(batch.id)
    assert int(raw.headers["retry-after"]) == 1, "ten seconds of the server's clock are rounded up"


def test_all_requests_are_processing_until_the_batch_has_ended(slow: Anthropic) -> None:
    created = create(slow, 20)
    seen = []
    wait_until(lambda: seen.append(slow.messages.batches.retrieve(created.id)) or seen[-1].ended_at)  # type: ignore[func-returns-value]

    assert {batch.request_counts.processing for batch in seen[:-1]} == {20}
    assert seen[-1].request_counts.model_dump() == counts(succeeded=20)


def test_a_cancel_keeps_what_is_done_and_may_be_repeated(slow: Anthropic) -> None:
    created = create(slow, 100)
    wait_until(lambda: done(slow) > 0)

    asked = slow.messages.batches.cancel(created.id)
    again = slow.messages.batches.cancel(created.id)
    batch = ended(slow, created.id)
    late = slow.messages.batches.cancel(created.id)

    assert asked.processing_status in ("canceling", "ended")
    assert asked.cancel_initiated_at == again.cancel_initiated_at == batch.cancel_initiated_at
    assert late == batch
    found = results(slow, batch.id)
    kinds = [result.type for result in found.values()]
    assert set(found) == {f"r{n}" for n in range(100)}
    assert set(kinds) == {"succeeded", "canceled"}
    assert batch.request_counts.model_dump() == counts(
        succeeded=kinds.count("succeeded"), canceled=kinds.count("canceled")
    )


def done(client: Anthropic) -> int:
    """Give how many requests of the newest batch are answered, which the wire does not tell."""
    ledger = httpx.get(f"{str(client.base_url).rstrip('/')}/_emulator/ledger").json()
    return int(ledger["data"][0]["billed"])


def test_a_batch_that_takes_longer_than_a_day_expires_with_what_it_has(tmp_path: Path) -> None:
    words = ("--speed", "14400", "--simulate-latency", "1440000")  # a day takes six seconds, a request 0.1
    with ServerProcess(tmp_path, *words) as running, connect(running) as client:
        batch = ended(client, create(client, 3_000).id)
        found = results(client, batch.id)

    kinds = [result.type for result in found.values()]
    assert set(found) == {f"r{n}" for n in range(3_000)}
    assert set(kinds) == {"succeeded", "expired"}
    assert batch.request_counts.model_dump() == counts(
        succeeded=kinds.count("succeeded"), expired=kinds.count("expired")
    )
    assert batch.ended_at >= batch.expires_at


def test_results_are_archived_29_days_after_the_creation(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "1000000") as running, connect(running) as client:
        created = create(client, 1)
        wait_until(lambda: client.messages.batches.retrieve(created.id).archived_at)

        batch = client.messages.batches.retrieve(created.id)

        assert batch.archived_at is not None
        assert batch.archived_at - batch.created_at == timedelta(days=29)
        assert (batch.processing_status, batch.results_url) == ("ended", None)
        with pytest.raises(anthropic.NotFoundError, match="has no available results"):
            client.get(f"{PATH}/{batch.id}/results", cast_to=object)
        assert [one.id for one in client.messages.batches.list()] == [batch.id]


def test_simulated_failures_are_lines_of_the_results_with_the_kinds_of_the_wire(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-errors", "0.5") as running, connect(running) as client:
        batch = ended(client, create(client, 100).id)

        found = results(client, batch.id)

    errors = [result.error.error.type for result in found.values() if result.type == "errored"]
    assert set(errors) == {"rate_limit_error", "api_error", "overloaded_error"}
    assert batch.request_counts.model_dump() == counts(succeeded=100 - len(errors), errored=len(errors))


def test_a_request_that_failed_by_chance_may_be_answered_in_another_batch(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path, "--simulate-errors", "0.5", "--seed", "3") as running,
        connect(running) as client,
    ):
        first, second = (results(client, ended(client, create(client, 60).id).id) for _ in range(2))

    failed = {name for name, result in first.items() if result.type == "errored"}
    again = {name for name, result in second.items() if result.type == "errored"}
    assert failed - again
    assert again - failed


def test_with_a_seed_of_its_own_the_same_creates_fail_alike_on_every_server(tmp_path: Path) -> None:
    failed = []
    for each in ("a", "b"):
        (tmp_path / each).mkdir()
        words = ("--simulate-errors", "0.5", "--simulate-seed", "3")
        with ServerProcess(tmp_path / each, *words) as running, connect(running) as client:
            batches = [ended(client, create(client, 30).id).id for _ in range(2)]
            rows = [results(client, batch_id) for batch_id in batches]
        failed.append([{name for name, result in some.items() if result.type == "errored"} for some in rows])

    assert failed[0] == failed[1]
    assert failed[0][0] != failed[0][1]


def test_with_a_seed_every_run_makes_the_same_ids(tmp_path: Path) -> None:
    made = []
    for each in ("a", "b"):
        (tmp_path / each).mkdir()
        with ServerProcess(tmp_path / each, "--seed", "7") as running, connect(running) as connected:
            made.append(create(connected, 1).id)

    assert made[0] == made[1]
