"""The File API of Gemini: uploads that can be resumed, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.genai import errors

from tests.serve.google_client import KEY, MODEL, begin, connect, http, inline, send, upload
from tests.serving import ServerProcess, wait_until


@pytest.fixture
def on(server: ServerProcess) -> Iterator[httpx.Client]:
    with http(server) as client:
        yield client


def received(answer: httpx.Response) -> tuple[int, str, str]:
    headers = answer.headers
    return answer.status_code, headers["x-goog-upload-status"], headers.get("x-goog-upload-size-received", "")


def test_the_official_client_uploads_more_than_two_chunks(tmp_path: Path) -> None:
    data = bytes(range(256)) * 80_000
    source = tmp_path / "requests.jsonl"
    source.write_bytes(data)
    with ServerProcess(tmp_path) as running:
        client = connect(running)

        file = client.files.upload(
            file=str(source), config={"display_name": "mine", "mime_type": "application/jsonl"}
        )

        digest = hashlib.sha256(data).hexdigest().encode()
        assert (file.size_bytes, file.display_name, file.mime_type) == (
            len(data),
            "mine",
            "application/jsonl",
        )
        assert base64.b64decode(file.sha256_hash) == digest
        assert (file.expiration_time - file.create_time).total_seconds() == 48 * 3600
        assert (file.state.name, file.source.name, file.download_uri) == ("ACTIVE", "UPLOADED", None)
        assert client.files.get(name=file.name) == file
        (stored,) = (tmp_path / "data" / "files").iterdir()
        assert stored.read_bytes() == data


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_a_file_comes_in_pieces_and_says_how_far_it_is(on: httpx.Client, version: str) -> None:
    url = begin(on, 10, version, mime_type="text/plain")
    assert url.startswith(f"{on.base_url}/upload/{version}/files?upload_id=".replace("//upload", "/upload"))

    assert received(send(url, "query")) == (200, "active", "0")
    assert received(send(url, "upload", b"01234", 0)) == (200, "active", "5")
    assert received(send(url, "query")) == (200, "active", "5")
    last = send(url, "upload, finalize", b"56789", 5)

    assert received(last) == (200, "final", "10")
    assert last.json()["file"]["sizeBytes"] == "10"
    assert received(send(url, "query")) == (200, "final", "10")


def test_the_last_request_of_an_upload_may_be_sent_again(on: httpx.Client) -> None:
    url = begin(on, 3)
    first = send(url, "upload, finalize", b"abc", 0)

    again = send(url, "upload, finalize", b"abc", 0)

    assert again.json() == first.json()


def test_bytes_that_are_there_may_come_again_and_lose_nothing(on: httpx.Client) -> None:
    url = begin(on, 6)
    send(url, "upload", b"abcd", 0)

    again = send(url, "upload", b"ab", 0)

    assert received(again) == (200, "active", "4")
    assert send(url, "upload, finalize", b"ef", 4).json()["file"]["sizeBytes"] == "6"


@pytest.mark.parametrize(
    ("command", "data", "offset"),
    [
        ("upload", b"abc", 1),
        ("upload", b"abc", None),
        ("upload", b"abcdef", 0),
        ("finalize", b"", 0),
        ("upload, finalize", b"abc", 0),
        ("start", b"", None),
        ("", b"", None),
        ("burn", b"", None),
    ],
    ids=["gap", "no-offset", "too-much", "nothing-yet", "too-little", "start", "none", "unknown"],
)
def test_a_request_that_does_not_fit_is_refused_and_the_upload_can_go_on(
    on: httpx.Client, command: str, data: bytes, offset: int | None
) -> None:
    url = begin(on, 5)

    answer = send(url, command, data, offset)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "x-goog-upload-status" not in answer.headers
    have = int(send(url, "query").headers["x-goog-upload-size-received"])
    assert received(send(url, "upload, finalize", b"abcde"[have:], have)) == (200, "final", "5")


def test_a_cancelled_upload_is_gone(server: ServerProcess, on: httpx.Client) -> None:
    uploads = server.directory / "data" / "uploads"
    before = set(uploads.iterdir())
    url = begin(on, 5)
    send(url, "upload", b"abc", 0)
    assert set(uploads.iterdir()) > before

    assert send(url, "cancel").headers["x-goog-upload-status"] == "cancelled"

    after = send(url, "query")
    assert (after.status_code, after.headers["x-goog-upload-status"]) == (404, "final")
    assert set(uploads.iterdir()) == before


@pytest.mark.parametrize("upload_id", ["0" * 32, "..%2f..%2fserve.db", "x"])
def test_nobody_comes_in_with_an_upload_that_is_not_there(server: ServerProcess, upload_id: str) -> None:
    url = f"{server.url}/upload/v1/files?upload_id={upload_id}"

    assert send(url, "query").status_code == 404
    assert send(url, "upload, finalize", b"abc", 0).status_code == 404
    assert send(f"{server.url}/upload/v1/files?upload_id=", "start").status_code == 403


def test_a_larger_file_than_allowed_is_refused_before_its_bytes_come(on: httpx.Client) -> None:
    headers = {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": "1000001",
    }

    answer = on.post("/upload/v1/files", headers=headers, json={"file": {}})

    assert answer.status_code == 400
    assert "1,000,000 bytes are allowed" in answer.json()["error"]["message"]


def test_uploads_take_room_until_they_end(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-data", "100kb") as running, http(running) as on:
        first, second = begin(on), begin(on)
        assert send(first, "upload", b"x" * 70_000, 0).status_code == 200
        running.kill()
        running.start()
        first, second = (f"{running.url}/{url.split('/', 3)[3]}" for url in (first, second))

        full = send(second, "upload", b"x" * 70_000, 0)

        assert (full.status_code, full.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
        with running.http() as other:
            form = {"file": ("a.jsonl", b"x" * 70_000)}
            assert other.post("/v1/files", files=form, data={"purpose": "batch"}).status_code == 413
        config = inline("x" * 70_000)
        create = f"{running.url}/v1/models/{MODEL}:batchGenerateContent"
        brought = httpx.post(create, headers=KEY, json={"batch": {"inputConfig": config}})
        assert (brought.status_code, brought.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
        send(first, "cancel")
        assert send(second, "upload", b"x" * 70_000, 0).status_code == 200


def test_the_list_comes_in_pages_and_holds_this_wire_s_uploads_alone(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, http(running) as on:
        names = [upload(on, b"x", displayName=f"f{at}") for at in range(5)]
        with running.http() as other:
            other.post("/v1/files", files={"file": ("a.jsonl", b"{}")}, data={"purpose": "batch"})

        client = connect(running)
        listed = [file.name for file in client.files.list(config={"page_size": 2})]
        page = on.get("/v1/files", params={"pageSize": 2}).json()

        assert listed == names[::-1]
        assert [file["name"] for file in page["files"]] == names[:-3:-1]
        assert set(page) == {"files", "nextPageToken"}
        last = on.get("/v1/files", params={"pageToken": page["nextPageToken"], "pageSize": 9}).json()
        assert [file["name"] for file in last["files"]] == names[2::-1]
        assert "nextPageToken" not in last


def test_a_name_can_be_chosen_once(on: httpx.Client) -> None:
    assert upload(on, b"x", name="files/my-file") == "files/my-file"

    headers = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    again = on.post("/upload/v1/files", headers=headers, json={"file": {"name": "files/my-file"}})
    wrong = on.post("/upload/v1/files", headers=headers, json={"file": {"name": "files/../serve.db"}})

    assert (again.status_code, again.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert wrong.status_code == 400


def test_an_uploaded_file_can_be_deleted_but_not_downloaded(server: ServerProcess, on: httpx.Client) -> None:
    client: Any = connect(server)
    name = upload(on, b"x")

    with pytest.raises(errors.ClientError) as refused:
        client.files.download(file=name)
    assert refused.value.status == "FAILED_PRECONDITION"

    client.files.delete(name=name)
    with pytest.raises(errors.ClientError) as gone:
        client.files.get(name=name)
    assert (gone.value.code, gone.value.status) == (403, "PERMISSION_DENIED")


def test_files_expire_after_two_days_of_the_server_s_clock(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "100000") as running, http(running) as on:
        name = upload(on, b"x")
        wait_until(lambda: on.get(f"/v1/{name}").status_code == 403)
        wait_until(lambda: not list((tmp_path / "data" / "files").iterdir()))


@pytest.mark.parametrize("protocol", ["raw", "multipart", ""])
def test_other_upload_protocols_are_refused_by_name(on: httpx.Client, protocol: str) -> None:
    answer = on.post("/upload/v1beta/files", headers={"x-goog-upload-protocol": protocol}, content=b"x")

    assert (answer.status_code, answer.json()["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert "resumable" in answer.json()["error"]["message"]


def test_an_upload_that_nobody_goes_on_with_makes_room_after_two_days(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "1000000") as running, http(running) as on:
        forgotten = begin(on)
        wait_until(lambda: send(forgotten, "query").status_code == 404)

        def is_swept() -> bool:
            send(begin(on), "cancel")
            return not list((tmp_path / "data" / "uploads").iterdir())

        wait_until(is_swept)
