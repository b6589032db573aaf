"""A server that is killed at any moment and started again: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serving import ServerProcess, ended, wait_until
from tests.support import chat


def requests(count: int) -> tuple[str, bytes]:
    return "r.jsonl", "".join(json.dumps(chat(f"r{n}")) + "\n" for n in range(count)).encode()


def submit(running: ServerProcess, count: int) -> str:
    with running.client() as client:
        file = client.files.create(file=requests(count), purpose="batch")
        created = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
    return created.id


def outcome(running: ServerProcess, batch_id: str) -> Any:
    """Wait for the end; give the batch and the ids in its output file."""
    with running.client() as client:
        batch = ended(client, batch_id)
        text = client.files.content(batch.output_file_id).text if batch.output_file_id else ""
    return batch, [json.loads(line)["custom_id"] for line in text.split("\n") if line]


def entry(running: ServerProcess, batch_id: str) -> Any:
    (found,) = [one for one in running.ledger()["data"] if one["id"] == batch_id]
    return found


def test_killed_while_it_executes_it_goes_on_and_bills_every_row_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "20") as running:
        batch_id = submit(running, 400)
        for _ in range(3):
            before = entry(running, batch_id)["billed"]
            wait_until(lambda seen=before: entry(running, batch_id)["billed"] > seen)  # type: ignore[misc]
            running.kill()
            running.start()

        batch, ids = outcome(running, batch_id)

        assert batch.status == "completed"
        assert ids == [f"r{n}" for n in range(400)]
        ledger = entry(running, batch_id)
        assert (ledger["executed"], ledger["billed"]) == (400, 400)
        assert ledger["attempts"] < 2 * 400, "only what was in flight is tried again"


def test_a_batch_that_has_ended_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "1000") as running:
        batch_id = submit(running, 50)
        before, ids = outcome(running, batch_id)
        ledger = entry(running, batch_id)

        running.kill()
        running.start()

        assert outcome(running, batch_id) == (before, ids)
        assert entry(running, batch_id) == ledger
        with running.client() as client:
            assert client.files.retrieve(before.output_file_id).created_at >= before.created_at
            later = client.files.create(file=requests(1), purpose="batch")
        assert later.created_at >= before.completed_at, "its clock never goes back"


def test_killed_at_random_moments_of_a_batch_it_ends_complete(tmp_path: Path) -> None:
    """Validation, queueing, execution and the writing of the results are all hit by some of the kills."""
    dice = random.Random(11)
    with ServerProcess(tmp_path) as running:
        batch_id = submit(running, 20_000)
        for _ in range(8):
            time.sleep(dice.uniform(0.0, 0.35))
            running.kill()
            running.start()

        batch, ids = outcome(running, batch_id)

        assert batch.status == "completed"
        assert ids == [f"r{n}" for n in range(20_000)]
        assert entry(running, batch_id)["billed"] == 20_000
        assert running.ledger()["batches"] == 1
        with running.client() as client:
            known = {file.id for file in client.files.list()}
        wait_until(lambda: {path.name for path in (tmp_path / "data" / "files").iterdir()} == known)


def test_killed_while_a_file_arrives_it_knows_nothing_of_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
                b"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9000000\r\n\r\n"
                b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
                + b"x"
                * 4_000_000
            )
            files = tmp_path / "data" / "files"
            wait_until(lambda: any(path.stat().st_size for path in files.iterdir()))
            running.kill()
        assert list(files.iterdir())

        running.start()

        assert list(files.iterdir()) == []
        with running.client() as client:
            assert client.files.list().data == []


def test_a_cancel_survives_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "2000") as running:
        batch_id = submit(running, 200)
        with running.client() as client:
            wait_until(lambda: client.batches.retrieve(batch_id).status == "in_progress")
            client.batches.cancel(batch_id)
        running.kill()
        running.start()

        batch, _ = outcome(running, batch_id)

        assert batch.status == "cancelled"
        assert entry(running, batch_id)["executed"] < 200


def test_whoever_got_an_answer_to_a_create_finds_the_batch_after_a_kill(tmp_path: Path) -> None:
    """Clients create batches while the server is killed: what was answered is there, once."""
    answered: list[str] = []
    with ServerProcess(tmp_path) as running:
        with running.client() as client:
            file = client.files.create(file=requests(1), purpose="batch")

        def create() -> None:
            with running.client() as client, contextlib.suppress(openai.APIError):
                while True:
                    made = client.batches.create(
                        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
                    )
                    answered.append(made.id)

        clients = [threading.Thread(target=create) for _ in range(4)]
        for one in clients:
            one.start()
        wait_until(lambda: len(answered) > 20)
        running.kill()
        for one in clients:
            one.join()
        running.start()

        ledger = running.ledger()
        known = [one["id"] for one in ledger["data"]]
        assert set(answered) <= set(known)
        assert len(known) - len(answered) <= len(clients), "at most one lost answer for each client"


def test_the_same_key_and_body_make_one_batch_even_after_a_kill(tmp_path: Path) -> None:
    def create(client: openai.OpenAI, key: str, **more: Any) -> str:
        return client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            extra_headers={"Idempotency-Key": key},
            **more,
        ).id

    with ServerProcess(tmp_path) as running:
        with running.client() as client:
            file = client.files.create(file=requests(1), purpose="batch")
            first = create(client, "one", metadata={"a": "1", "b": "2"})
        running.kill()
        running.start()

        with running.client() as client:
            client.files.delete(file.id)  # an answer that was given once does not depend on anything any more
            assert create(client, "one", metadata={"b": "2", "a": "1"}) == first
            with pytest.raises(openai.ConflictError) as refused:
                create(client, "one", metadata={"a": "other"})
            with pytest.raises(openai.BadRequestError):
                create(client, "two")
            with pytest.raises(openai.BadRequestError):
                create(client, "x" * 256)

        assert refused.value.code == "idempotency_key_reused"
        assert [one["id"] for one in running.ledger()["data"]] == [first]


def test_stopped_and_started_it_goes_on(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "20") as running:
        batch_id = submit(running, 300)
        for _ in range(2):
            before = entry(running, batch_id)["billed"]
            wait_until(lambda seen=before: entry(running, batch_id)["billed"] > seen)  # type: ignore[misc]
            assert running.stop() == 0
            running.start()

        _, ids = outcome(running, batch_id)

        assert ids == [f"r{n}" for n in range(300)]
        ledger = entry(running, batch_id)
        assert (ledger["attempts"], ledger["billed"]) == (300, 300), "a clean stop finishes what it began"


def test_a_disk_that_refuses_a_change_does_not_end_the_server(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "2000") as running:
        with running.client() as client:  # the time of the file is over in two seconds
            stay: Any = {"anchor": "created_at", "seconds": 3600}
            file = client.files.create(file=requests(1), purpose="batch", expires_after=stay)
        content = tmp_path / "data" / "files" / file.id
        content.unlink()
        content.mkdir()

        wait_until(lambda: "batches wait: " in running.log)

        batch, done = outcome(running, submit(running, 2))
        assert (batch.status, done) == ("completed", ["r0", "r1"])
