"""Files of the OpenAI wire, by the official client and by hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from tests.serving import ServerProcess, wait_until

LINE = b'{"custom_id": "a"}\n'


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, dict[str, str]]:
    """Write a multipart body by hand: name, filename, content of each part in the order given."""
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += f"--xyz\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + b"--xyz--\r\n", {"content-type": "multipart/form-data; boundary=xyz"}


def post(server: ServerProcess, body: object, headers: dict[str, str]) -> httpx.Response:
    with server.http() as http:
        return http.post("/v1/files", content=body, headers=headers)  # type: ignore[arg-type]  # bytes, or pieces


def stored(server: ServerProcess) -> list[str]:
    return sorted(path.name for path in (server.directory / "data" / "files").iterdir())


def test_a_file_comes_back_byte_for_byte_until_it_is_deleted(client: OpenAI) -> None:
    content = LINE * 1000 + '{"custom_id": "é\u2028"}'.encode()

    file = client.files.create(file=("r é.jsonl", content), purpose="batch")

    assert (file.bytes, file.filename, file.purpose, file.status) == (
        len(content),
        "r é.jsonl",
        "batch",
        "processed",
    )
    assert client.files.content(file.id).content == content
    assert client.files.retrieve(file.id) == file
    assert client.files.delete(file.id).deleted
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            gone(file.id)


def test_a_file_expires_when_it_was_asked_for_and_a_batch_input_after_30_days(client: OpenAI) -> None:
    asked = client.files.create(
        file=("a.jsonl", LINE), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    unasked = client.files.create(file=("a.jsonl", LINE), purpose="batch")
    other = client.files.create(file=("a.txt", LINE), purpose="user_data")

    stays = [file.expires_at and file.expires_at - file.created_at for file in (asked, unasked, other)]
    assert stays == [3600, 30 * 86_400, None]


def test_an_expired_file_is_gone(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "1000000") as running, running.client() as client:
        file = client.files.create(
            file=("a.jsonl", LINE), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
        )
        with pytest.raises(openai.NotFoundError):
            while True:
                client.files.retrieve(file.id)


def test_lists_follow_purpose_order_and_cursor(client: OpenAI) -> None:
    made = [client.files.create(file=(f"{n}.txt", LINE), purpose="assistants").id for n in range(5)]

    newest = [file.id for file in client.files.list(purpose="assistants", limit=2)]
    oldest = [file.id for file in client.files.list(purpose="assistants", order="asc", limit=3)]
    page = client.files.list(purpose="assistants", limit=2, after=made[2])

    assert newest == made[::-1]
    assert oldest == made
    assert ([file.id for file in page.data], page.has_more) == (made[1::-1], False)


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=4-2", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        pytest.param(f"bytes={'9' * 5000}-", 200, b"0123456789", id="no number at all"),
    ],
)
def test_content_comes_in_the_range_that_is_asked_for(
    client: OpenAI, server: ServerProcess, asked: str, status: int, expected: bytes | None
) -> None:
    file = client.files.create(file=("n.txt", b"0123456789"), purpose="user_data")

    with server.http() as http:
        answer = http.get(f"/v1/files/{file.id}/content", headers={"range": asked})

    assert answer.status_code == status
    if expected is None:
        assert answer.headers["content-range"] == "bytes */10"
        assert answer.json()["error"]["type"] == "invalid_request_error"
    else:
        assert answer.content == expected
    if status == 206:
        start = b"0123456789".index(expected or b"")
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected or b'') - 1}/10"


def test_parts_may_come_in_any_order_and_in_chunks(server: ServerProcess) -> None:
    body, headers = form(
        ("file", "late.jsonl", LINE * 3000),
        ("expires_after.anchor", None, b"created_at"),
        ("expires_after.seconds", None, b"7200"),
        ("purpose", None, b"batch"),
    )

    def chunks() -> Iterator[bytes]:
        yield from (body[at : at + 777] for at in range(0, len(body), 777))

    answer = post(server, chunks(), headers)

    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert file["bytes"] == len(LINE) * 3000
    assert file["expires_at"] - file["created_at"] == 7200


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([("purpose", None, b"batch")], "file"),
        ([("file", "a.jsonl", LINE)], "purpose"),
        ([("file", "a.jsonl", LINE), ("purpose", None, b"fun")], "purpose"),
        ([("file", "a.csv", LINE), ("purpose", None, b"batch")], "file"),
        ([("file", "a.jsonl", b""), ("purpose", None, b"batch")], "file"),
        ([("file", "a.jsonl", LINE), ("file", "b.jsonl", LINE)], "file"),
        ([("file", "a.jsonl", LINE), ("purpose", None, b"x" * 5000)], "purpose"),
        ([("x", None, b"")] * 11, None),
        ([("n" * 300, None, b"")], None),
        (
            [
                ("purpose", None, b"batch"),
                ("file", "a.jsonl", LINE),
                ("expires_after[anchor]", None, b"created_at"),
                ("expires_after[seconds]", None, b"60"),
            ],
            "expires_after.seconds",
        ),
    ],
)
def test_a_wrong_upload_is_refused_and_leaves_nothing(
    server: ServerProcess, parts: list[tuple[str, str | None, bytes]], param: str | None
) -> None:
    before = stored(server)

    answer = post(server, *form(*parts))

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert stored(server) == before


def test_an_upload_that_is_cut_off_is_refused_and_leaves_nothing(server: ServerProcess) -> None:
    before = stored(server)
    body, headers = form(("purpose", None, b"batch"), ("file", "a.jsonl", LINE))

    assert post(server, body[:-8], headers).status_code == 400
    assert post(server, b"--abc\r\n", headers).status_code == 400
    assert post(server, body, {"content-type": "application/json"}).status_code == 415
    assert stored(server) == before


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_file_above_the_limit_is_refused(server: ServerProcess, is_chunked: bool) -> None:
    before = stored(server)
    body, headers = form(("purpose", None, b"batch"), ("file", "a.jsonl", b"x" * 1_000_001))

    answer = post(server, iter([body[:500_000], body[500_000:]]) if is_chunked else body, headers)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "file_too_large"
    assert stored(server) == before


def test_a_full_storage_refuses_until_something_is_deleted(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-data", "1kB") as running, running.client() as client:
        file = client.files.create(file=("a.txt", b"x" * 600), purpose="user_data")

        with pytest.raises(openai.APIStatusError) as refused:
            client.files.create(file=("b.txt", b"x" * 600), purpose="user_data")

        assert (refused.value.status_code, refused.value.code) == (413, "storage_full")
        client.files.delete(file.id)
        client.files.create(file=("b.txt", b"x" * 600), purpose="user_data")


def test_uploads_at_the_same_time_share_the_room_that_is_left(tmp_path: Path) -> None:
    body, headers = form(("purpose", None, b"user_data"), ("file", "a.txt", b"x" * 400_000))
    with ServerProcess(tmp_path, "--max-data", "1MB") as running:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post(running, body, headers).status_code, range(8)))
        kept = stored(running)

    assert answers.count(200) == len(kept)
    assert 1 <= len(kept) <= 2
    assert set(answers) == {200, 413}


def test_an_upload_whose_client_goes_away_leaves_nothing(tmp_path: Path) -> None:
    body, _ = form(("file", "a.jsonl", b"x" * 3_000_000))
    with ServerProcess(tmp_path) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
                b"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9000000\r\n\r\n" + body
            )
            wait_until(lambda: stored(running))

        wait_until(lambda: not stored(running))
        wait_until(lambda: " gone " in running.log)
