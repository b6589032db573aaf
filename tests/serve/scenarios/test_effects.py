"""What befalls batches, as the official client sees it; and that a seed repeats all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.serve import anthropic_client, google_client
from tests.serving import ServerProcess, ended, wait_until
from tests.support import chat

IDS = [f"r{n}" for n in range(10)]


def play(server: ServerProcess, *names: str, **document: Any) -> None:
    sent = httpx.post(
        f"{server.url}/_emulator/scenario", json={"play": names} if names else document or {"rules": []}
    )
    assert sent.status_code == 200, sent.text


@pytest.fixture(autouse=True)
def _nothing_stays(server: ServerProcess) -> Iterator[None]:
    yield
    play(server)


def create(client: OpenAI, ids: list[str] = IDS) -> Any:
    content = "".join(json.dumps(chat(name)) + "\n" for name in ids).encode()
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def content(client: OpenAI, file_id: str | None) -> str:
    return "" if file_id is None else client.files.content(file_id).text


def ids_of(text: str) -> list[str]:
    return [json.loads(line)["custom_id"] for line in text.splitlines()]


def counts(batch: Any) -> tuple[int, int, int]:
    found = batch.request_counts
    return found.total, found.completed, found.failed


def test_partial_fails_exactly_three_in_ten(server: ServerProcess, client: OpenAI) -> None:
    play(server, "partial")

    batch = ended(client, create(client).id)

    assert (batch.status, counts(batch)) == ("completed", (10, 7, 3))
    assert len(ids_of(content(client, batch.output_file_id))) == 7
    failed = [json.loads(line) for line in content(client, batch.error_file_id).splitlines()]
    assert {row["response"]["status_code"] for row in failed} <= {429, 500, 503}


def test_all_failed_is_completed_without_an_output_file(server: ServerProcess, client: OpenAI) -> None:
    play(server, "all-failed")

    batch = ended(client, create(client).id)

    assert (batch.status, batch.output_file_id, counts(batch)) == ("completed", None, (10, 0, 10))
    assert ids_of(content(client, batch.error_file_id)) == IDS


@pytest.mark.parametrize(
    ("name", "code"), [("rejected", "invalid_json_line"), ("token-limit", "token_limit_exceeded")]
)
def test_a_rejected_batch_fails_later_with_its_reason(
    server: ServerProcess, client: OpenAI, name: str, code: str
) -> None:
    play(server, name)

    created = create(client)
    batch = ended(client, created.id)

    assert (created.status, batch.status) == ("validating", "failed")
    assert [error.code for error in batch.errors.data] == [code]
    assert (batch.output_file_id, batch.error_file_id) == (None, None)


@pytest.mark.parametrize(
    ("name", "status", "done"),
    [
        ("expired-partial", "expired", 5),
        ("expired-empty", "expired", 0),
        ("cancelled-partial", "cancelled", 5),
    ],
)
def test_a_batch_that_stops_early_keeps_the_first_rows_and_names_the_others(
    server: ServerProcess, client: OpenAI, name: str, status: str, done: int
) -> None:
    play(server, name)

    batch = ended(client, create(client).id)

    assert (batch.status, counts(batch)) == (status, (10, done, 10 - done))
    assert ids_of(content(client, batch.output_file_id)) == IDS[:done]
    errors = [json.loads(line) for line in content(client, batch.error_file_id).splitlines()]
    assert [row["custom_id"] for row in errors] == IDS[done:]
    assert {row["error"]["code"] for row in errors} == {f"batch_{status}"}
    (entry,) = [entry for entry in server.ledger()["data"] if entry["id"] == batch.id]
    assert (entry["executed"], entry["billed"]) == (done, done)


def test_a_stuck_batch_stays_over_a_kill_and_the_end_of_its_window_until_it_is_cancelled(
    tmp_path: Path,
) -> None:
    with ServerProcess(tmp_path, "--scenario", "stuck") as server:
        with server.client() as client:
            created = create(client)
            wait_until(lambda: counts(client.batches.retrieve(created.id))[1] == 5)
        server.kill()
        server.words = ("--speed", "1000000")
        server.start()
        with server.client() as client:
            wait_until(lambda: create(client, ["later"]).created_at > created.expires_at)
            assert ended(client, create(client, ["latest"]).id)
            assert client.batches.retrieve(created.id).status == "in_progress"

            client.batches.cancel(created.id)

            batch = ended(client, created.id)
            assert (batch.status, counts(batch)) == ("cancelled", (10, 5, 5))


def test_validation_takes_its_time_on_the_servers_clock(tmp_path: Path) -> None:
    words = ("--scenario", "slow-validation", "--speed", "600")
    with ServerProcess(tmp_path, *words) as server, server.client() as client:
        batch = ended(client, create(client).id)

    assert batch.status == "completed"
    assert batch.in_progress_at - batch.created_at >= 600


def test_shuffled_rows_are_all_there_in_another_order(server: ServerProcess, client: OpenAI) -> None:
    play(server, "shuffled")

    batch = ended(client, create(client).id)

    found = ids_of(content(client, batch.output_file_id))
    assert sorted(found) == IDS
    assert found != IDS


@pytest.mark.parametrize(("name", "rows"), [("duplicated-rows", 11), ("missing-rows", 9)])
def test_rows_are_there_twice_or_not_at_all_and_the_counts_say_nothing_of_it(
    server: ServerProcess, client: OpenAI, name: str, rows: int
) -> None:
    play(server, name)

    batch = ended(client, create(client).id)

    found = ids_of(content(client, batch.output_file_id))
    assert (len(found), len(set(found))) == (rows, min(rows, 10))
    assert counts(batch) == (10, 10, 0)


def test_the_last_line_of_each_file_is_torn(server: ServerProcess, client: OpenAI) -> None:
    play(server, "partial", "torn")

    batch = ended(client, create(client).id)

    for file_id, rows in ((batch.output_file_id, 7), (batch.error_file_id, 3)):
        *whole, last = content(client, file_id).split("\n")
        assert len(whole) == rows - 1
        assert all(json.loads(line) for line in whole)
        with pytest.raises(json.JSONDecodeError):
            json.loads(last)
        assert client.files.retrieve(file_id).bytes == len(content(client, file_id).encode())


def test_a_file_is_visible_only_at_the_third_try(server: ServerProcess) -> None:
    play(server, "file-not-yet-visible")
    with server.client() as client:
        for _ in range(2):
            with pytest.raises(openai.BadRequestError) as refused:
                create(client)
            assert refused.value.param == "input_file_id"

        assert create(client).status == "validating"


def test_a_new_batch_is_not_found_at_first(server: ServerProcess, client: OpenAI) -> None:
    play(server, "batch-not-yet-visible")
    created = create(client)

    for _ in range(2):
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve(created.id)

    assert client.batches.retrieve(created.id).id == created.id


def test_results_whose_time_is_over_are_not_found(server: ServerProcess, client: OpenAI) -> None:
    batch = ended(client, create(client).id)
    play(server, "results-expired")

    with pytest.raises(openai.NotFoundError):
        client.files.content(batch.output_file_id)


@pytest.mark.parametrize(
    ("name", "member", "value"),
    [("unknown-status", "status", "hibernating"), ("null-counts", "request_counts", None)],
)
def test_a_batch_is_shown_wrong_ten_times(
    server: ServerProcess, client: OpenAI, name: str, member: str, value: str | None
) -> None:
    batch = ended(client, create(client).id)
    play(server, name)
    with OpenAI(api_key="any", base_url=f"{server.url}/v1", max_retries=0) as lenient:
        shown = [getattr(lenient.batches.retrieve(batch.id), member) for _ in range(11)]

    assert shown == [value] * 10 + [getattr(batch, member)]


def test_what_befalls_a_batch_is_decided_when_it_is_made(server: ServerProcess, client: OpenAI) -> None:
    play(server, batches=[{"nth": 2, "failing": 1}])
    first, second, third = (create(client) for _ in range(3))
    wait_until(lambda: httpx.get(f"{server.url}/_emulator/scenario").json()["batches"] == 3)
    play(server, "all-failed")

    found = [counts(ended(client, batch.id))[1] for batch in (first, second, third)]

    assert found == [10, 0, 10]


class TestSeed:
    def run(self, directory: Path, *words: str) -> tuple[str, str, list[int]]:
        directory.mkdir()
        scenario = ("--scenario", "partial", "--scenario", "shuffled", "--scenario", "flaky")
        with ServerProcess(directory, *scenario, *words) as server:
            patient = server.client().with_options(max_retries=5)
            with patient as client:
                batch = ended(client, create(client).id)
                text = content(client, batch.output_file_id) + content(client, batch.error_file_id)
            play(server, rules=[{"route": "GET /v1/models", "share": 0.5, "fault": "status", "status": 500}])
            with server.http() as http:
                hit = [http.get("/v1/models").status_code for _ in range(20)]
            return batch.id, text, hit

    def test_the_same_seed_gives_the_same_bytes_and_hits_the_same_requests(self, tmp_path: Path) -> None:
        first, second, third = (
            self.run(tmp_path / name, "--seed", seed) for name, seed in (("a", "7"), ("b", "7"), ("c", "8"))
        )

        assert first == second
        assert first[1] != third[1]
        assert first[2] != third[2]

    def test_the_other_wires_repeat_their_ids_and_rows_as_well(self, tmp_path: Path) -> None:
        def seen(directory: Path) -> tuple[Any, ...]:
            directory.mkdir()
            with (
                ServerProcess(directory, "--seed", "7") as server,
                anthropic_client.connect(server) as claude,
            ):
                batch = anthropic_client.create(claude, 3)
                anthropic_client.ended(claude, batch.id)
                rows = [row.to_json() for row in claude.messages.batches.results(batch.id)]
                with google_client.http(server) as on:
                    made = google_client.create_from(on, google_client.line("a"), google_client.line("b"))
                    done = google_client.ended(on, made["name"])
                    file = done["metadata"]["inputConfig"]["fileName"]
                    return batch.id, rows, made["name"], file, google_client.rows(on, done)

        first, second = (seen(tmp_path / name) for name in "ab")

        assert first == second

    def test_without_a_seed_ids_cannot_be_foreseen(self, tmp_path: Path) -> None:
        first, second = (self.run(tmp_path / name) for name in "ab")

        assert first[0] != second[0]
