"""A server of Gemini's wire that is killed at any moment: what was acknowledged is there, nothing is done twice."""

from __future__ import annotations

import os
import random
import socket
import time
from pathlib import Path
from typing import Any

from tests.serve.google_client import (
    begin,
    create,
    create_from,
    ended,
    http,
    inline,
    line,
    rows,
    send,
    upload,
)
from tests.serving import ServerProcess, wait_until


def again(running: ServerProcess, url: str = "") -> str:
    """Kill the server, start it, and give the address as it is now."""
    running.kill()
    running.start()
    return f"{running.url}/{url.split('/', 3)[-1]}"


def entry(running: ServerProcess, name: str) -> Any:
    (found,) = [each for each in running.ledger()["data"] if each["id"] == name.removeprefix("batches/")]
    return found


def test_killed_between_the_pieces_an_upload_goes_on_where_the_last_answer_left_it(tmp_path: Path) -> None:
    piece = 8 << 20
    data = os.urandom(2 * piece + 1_000)
    with ServerProcess(tmp_path) as running:
        with http(running) as on:
            url = begin(on, len(data))
        for start in (0, piece):
            send(url, "upload", data[start : start + piece], start)
            url = again(running, url)
            assert send(url, "query").headers["x-goog-upload-size-received"] == str(start + piece)
        file = send(url, "upload, finalize", data[2 * piece :], 2 * piece).json()["file"]
        url = again(running, url)

        assert send(url, "query").json()["file"]["name"] == file["name"], "it is known for what it became"
        with http(running) as on:
            assert on.get(f"/v1/{file['name']}").json() == {
                **file,
                "uri": f"{running.url}/v1beta/{file['name']}",
            }
        (stored,) = (tmp_path / "data" / "files").iterdir()
        assert stored.read_bytes() == data


def test_killed_within_a_piece_it_says_how_much_has_come(tmp_path: Path) -> None:
    data = os.urandom(4_000_000)
    with ServerProcess(tmp_path) as running:
        with http(running) as on:
            url = begin(on, len(data))
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            path = url.split("/", 3)[3]
            raw.sendall(
                f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nX-Goog-Upload-Command: upload, finalize\r\n"
                f"X-Goog-Upload-Offset: 0\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                + data[:2_000_000]
            )
            uploads = tmp_path / "data" / "uploads"
            wait_until(lambda: sum(each.stat().st_size for each in uploads.iterdir()) > 1_000_000)
            url = again(running, url)

        have = int(send(url, "query").headers["x-goog-upload-size-received"])
        assert 1_000_000 < have <= 2_000_000
        send(url, "upload, finalize", data[have:], have)

        (stored,) = (tmp_path / "data" / "files").iterdir()
        assert stored.read_bytes() == data


def test_killed_at_random_moments_batches_end_complete_and_are_billed_once(tmp_path: Path) -> None:
    dice = random.Random(5)
    with ServerProcess(tmp_path) as running:
        with http(running) as on:
            names = [
                create_from(on, *(line(f"k{at}") for at in range(8_000)))["name"],
                create(on, inline(*(f"{at}" for at in range(4_000))))["name"],
            ]
        for _ in range(6):
            time.sleep(dice.uniform(0.0, 0.4))
            again(running)

        with http(running) as on:
            by_file, inlined = (ended(on, name) for name in names)
            assert [row["key"] for row in rows(on, by_file)] == [f"k{at}" for at in range(8_000)]
            answers = inlined["response"]["inlinedResponses"]["inlinedResponses"]
            assert [each["metadata"]["key"] for each in answers] == [f"r{at}" for at in range(4_000)]
        assert [entry(running, name)["billed"] for name in names] == [8_000, 4_000]
        assert running.ledger()["batches"] == 2


def test_what_has_ended_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running:
        with http(running) as on:
            kept = upload(on, b"x", displayName="mine")
            names = [create(on, inline("one"))["name"], create_from(on, line("a"))["name"]]
            before = [ended(on, name) for name in names]
            file = on.get(f"/v1/{kept}").json()
            ledger = running.ledger()
        again(running)

        with http(running) as on:
            assert [on.get(f"/v1/{name}").json() for name in names] == before
            assert on.get(f"/v1/{kept}").json()["sha256Hash"] == file["sha256Hash"]
            assert rows(on, before[1])[0]["key"] == "a"
        assert running.ledger() == ledger


def test_a_cancel_survives_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--simulate-latency", "1000") as running:
        with http(running) as on:
            name = create(on, inline(*["x"] * 400))["name"]
            wait_until(lambda: entry(running, name)["status"] == "in_progress")
            on.post(f"/v1/{name}:cancel")
        again(running)

        with http(running) as on:
            assert ended(on, name)["metadata"]["state"] == "BATCH_STATE_CANCELLED"
        assert entry(running, name)["executed"] < 400
