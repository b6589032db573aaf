"""A server that is killed while it serves Anthropic's clients: nothing is lost, nothing is billed twice."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import anthropic

from tests.serve.anthropic_client import connect, counts, create, ended, request, results
from tests.serving import ServerProcess, wait_until


def entry(running: ServerProcess, batch_id: str) -> Any:
    (found,) = [one for one in running.ledger()["data"] if one["id"] == batch_id]
    return found


def test_killed_while_it_executes_it_goes_on_and_bills_every_row_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "20") as running:
        with connect(running) as client:
            batch_id = create(client, 300).id
        for _ in range(3):
            before = entry(running, batch_id)["billed"]
            wait_until(lambda seen=before: entry(running, batch_id)["billed"] > seen)  # type: ignore[misc]
            running.kill()
            running.start()

        with connect(running) as client:
            batch = ended(client, batch_id)
            found = results(client, batch_id)

        assert batch.request_counts.model_dump() == counts(succeeded=300)
        assert set(found) == {f"r{n}" for n in range(300)}
        ledger = entry(running, batch_id)
        assert (ledger["executed"], ledger["billed"]) == (300, 300)
        assert ledger["attempts"] < 2 * 300, "only what was in flight is tried again"


def test_killed_at_random_moments_of_a_batch_it_ends_complete_and_stays_the_same(tmp_path: Path) -> None:
    """Queueing, execution and the writing of the results are all hit by some of the kills."""
    dice = random.Random(7)
    with ServerProcess(tmp_path) as running:
        with connect(running) as client:
            batch_id = create(client, 5_000).id
        for _ in range(6):
            time.sleep(dice.uniform(0.0, 0.4))
            running.kill()
            running.start()

        with connect(running) as client:
            before = ended(client, batch_id), results(client, batch_id)
        assert set(before[1]) == {f"r{n}" for n in range(5_000)}
        assert {result.type for result in before[1].values()} == {"succeeded"}
        assert entry(running, batch_id)["billed"] == 5_000
        running.kill()
        running.start()
        with connect(running) as client:
            batch, found = ended(client, batch_id), results(client, batch_id)
        assert found == before[1]
        assert batch.model_dump(exclude={"results_url"}) == before[0].model_dump(exclude={"results_url"})


def test_killed_while_a_body_arrives_it_knows_nothing_of_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running:
        host, port = running.url.removeprefix("http://").split(":")
        files = tmp_path / "data" / "files"
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"POST /v1/messages/batches HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: x\r\n"
                b"Anthropic-Version: 2023-06-01\r\nContent-Type: application/json\r\n"
                b'Content-Length: 9000000\r\n\r\n{"requests":[' + b" " * 4_000_000
            )
            wait_until(lambda: any(path.stat().st_size for path in files.iterdir()))
            running.kill()
        assert list(files.iterdir())

        running.start()

        assert list(files.iterdir()) == []
        with connect(running) as client:
            assert client.messages.batches.list().data == []


def test_a_body_that_is_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running:
        host, port = running.url.removeprefix("http://").split(":")
        files = tmp_path / "data" / "files"
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"POST /v1/messages/batches HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: x\r\n"
                b"Anthropic-Version: 2023-06-01\r\nContent-Type: application/json\r\n"
                b'Content-Length: 9000000\r\n\r\n{"requests":[' + b" " * 2_000_000
            )
            wait_until(lambda: list(files.iterdir()))

        wait_until(lambda: not list(files.iterdir()))
        assert running.ledger()["batches"] == 0


def test_a_cancel_survives_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "2000") as running:
        with connect(running) as client:
            batch_id = create(client, 200).id
            client.messages.batches.cancel(batch_id)
        running.kill()
        running.start()

        with connect(running) as client:
            batch = ended(client, batch_id)

        assert batch.cancel_initiated_at is not None
        assert batch.request_counts.canceled > 0
        assert entry(running, batch_id)["executed"] < 200


def test_whoever_got_an_answer_to_a_create_finds_the_batch_after_a_kill(tmp_path: Path) -> None:
    """Clients create batches while the server is killed: what was answered is there, once, and ends complete."""
    answered: list[str] = []
    with ServerProcess(tmp_path) as running:

        def keep_creating() -> None:
            with connect(running) as client, contextlib.suppress(anthropic.APIError):
                while True:
                    answered.append(create(client, 3).id)

        clients = [threading.Thread(target=keep_creating) for _ in range(4)]
        for one in clients:
            one.start()
        wait_until(lambda: len(answered) > 20)
        running.kill()
        for one in clients:
            one.join()
        running.start()

        known = [one["id"] for one in running.ledger()["data"]]
        assert set(answered) <= set(known)
        assert len(known) - len(answered) <= len(clients), "at most one lost answer for each client"
        with connect(running) as client:
            for batch_id in answered:
                assert ended(client, batch_id).request_counts.succeeded == 3
        assert {one["billed"] for one in running.ledger()["data"] if one["id"] in answered} == {3}


def test_a_request_with_wrong_parameters_is_refused_once_however_often_the_server_is_killed(
    tmp_path: Path,
) -> None:
    body = {"requests": [request("good"), request("bad", max_tokens=0)]}
    with ServerProcess(tmp_path) as running:
        with running.http(headers={"anthropic-version": "2023-06-01"}) as http:
            batch_id = http.post("/v1/messages/batches", json=body).json()["id"]
        for _ in range(3):
            running.kill()
            running.start()

        with connect(running) as client:
            assert ended(client, batch_id).request_counts.model_dump() == counts(succeeded=1, errored=1)
            rows = list(client.messages.batches.results(batch_id))
        assert json.loads(rows[1].to_json())["result"]["error"]["error"]["message"].startswith("max_tokens")
