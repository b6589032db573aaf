"""What we send to Google is what its official client sends for the same call, field by field, but for a written list."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google import genai
from google.genai import types

from batch_cli.clock import SystemClock
from batch_cli.jsonl import dumps
from batch_cli.model import Secret
from batch_cli.providers.base import BatchOptions, Input, Place
from batch_cli.providers.google import GOOGLE
from batch_cli.providers.hosted.google.batches import GoogleBatches
from tests.contract.grounds import generate
from tests.faulty import Asked, FaultyServer, answer

KEY = "bci_" + "5c" * 16
NAME = KEY.replace("_", "-")
FILE = {"name": f"files/{NAME}", "state": "ACTIVE", "mimeType": "application/jsonl"}
DISPLAY = f"batch-cli [{KEY}]"
OPERATION = {
    "name": "batches/b1",
    "metadata": {
        "state": "BATCH_STATE_SUCCEEDED",
        "displayName": DISPLAY,
        "output": {"responsesFile": "files/batch-b1"},
    },
}

OTHERWISE = {
    "user-agent": "we are another client",
    "accept-encoding": "we take nothing packed: its end could not be told from a cut",
    "content-length": "JSON is written with other white space",
}
"""Headers that both send and that differ on purpose, and why."""
THEIRS_ALONE = {
    "accept": "any kind of answer is what no header means",
    "connection": "what HTTP/1.1 means anyway",
    "x-goog-api-client": "facts about their client",
}
THEIRS_WITHOUT_A_BODY = {"content-type", "content-length"}
"""They call the body that a GET or DELETE does not have JSON."""
OF_THE_START = {
    "x-goog-upload-protocol",
    "x-goog-upload-header-content-length",
    "x-goog-upload-header-content-type",
    "x-goog-upload-file-name",
}
"""They repeat with every chunk what the start of the upload has said."""


@pytest.fixture
def recorder() -> Iterator[FaultyServer]:
    def script(asked: Asked) -> Iterator[bytes]:
        path = urlsplit(asked.path).path
        if asked.headers.get("x-goog-upload-command") == "start":
            url = f"{server.url}{asked.path}?upload_id=7&upload_protocol=resumable"
            yield answer("", x_goog_upload_url=url, x_goog_upload_status="active")
        elif path.startswith("/upload/"):
            size = str(len(asked.body))
            yield answer({"file": {**FILE, "sizeBytes": size}}, x_goog_upload_status="final")
        elif path.endswith(":download"):
            yield answer("", kind="application/octet-stream")
        elif "/files/" in path:
            yield answer({**FILE, "sizeBytes": str(SIZE)})
        elif path.endswith("/batches"):
            yield answer({"operations": [OPERATION]})
        else:
            yield answer(OPERATION)

    with FaultyServer(script) as server:
        yield server


LINES = [dumps(generate("a", "ü")), dumps(generate("b", "x"))]
SIZE = sum(len(line) + 1 for line in LINES)


def ours(recorder: FaultyServer, directory: Path, *, inline: int = 0) -> GoogleBatches:
    place = Place(directory, {"GOOGLE_GEMINI_BASE_URL": recorder.url}, Secret("AIza-test"))
    return GoogleBatches(GOOGLE, place, SystemClock(), inline_bytes=inline)


@pytest.fixture
def theirs(recorder: FaultyServer) -> Any:
    options = types.HttpOptions(base_url=recorder.url, api_version="v1beta")
    return genai.Client(api_key="AIza-test", http_options=options)


def source() -> Input:
    return Input(lambda: iter(LINES), len(LINES), SIZE, sha256().hexdigest())


def compare(our: Asked, their: Asked, *without: str) -> None:
    """Hold method, path, query and headers to be the same, but for what is written down above and ``without``."""
    assert (our.method, urlsplit(our.path).path) == (their.method, urlsplit(their.path).path)
    assert parse_qs(urlsplit(our.path).query) == parse_qs(urlsplit(their.path).query)
    left_out = {*THEIRS_ALONE, *without, *(THEIRS_WITHOUT_A_BODY if not our.body else ())}
    our_headers = {name: value for name, value in our.headers.items() if name not in left_out}
    their_headers = {name: value for name, value in their.headers.items() if name not in left_out}
    assert our_headers.keys() == their_headers.keys()
    for name in our_headers.keys() - OTHERWISE.keys():
        assert (name, our_headers[name]) == (name, their_headers[name])


def test_an_upload(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    whole = b"".join(line + b"\n" for line in LINES)
    path = tmp_path / f"{NAME}.jsonl"
    path.write_bytes(whole)

    ours(recorder, tmp_path / "state").stage(KEY, source())
    mine = recorder.asked[:2]
    known = len(recorder.asked)
    theirs.files.upload(file=str(path), config={"name": f"files/{NAME}", "mime_type": "application/jsonl"})
    start, data = recorder.asked[known:]

    compare(mine[0], start)
    assert mine[0].json == start.json
    compare(mine[1], data, *OF_THE_START, "content-type")  # they call the file JSON, which it is not
    assert mine[1].body == data.body == whole
    assert "x-goog-api-key" not in mine[1].headers


def test_a_create_of_a_file(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).create(KEY, f"files/{NAME}", BatchOptions("", "gemini-x", 2))
    theirs.batches.create(model="gemini-x", src=f"files/{NAME}", config={"display_name": DISPLAY})

    compare(recorder.asked[0], recorder.asked[1])
    assert recorder.asked[0].json == recorder.asked[1].json


def test_a_create_with_its_requests(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    provider = ours(recorder, tmp_path, inline=SIZE)
    provider.create(KEY, provider.stage(KEY, source()), BatchOptions("", "gemini-x", 2))
    requests = [
        {"contents": [{"role": "user", "parts": [{"text": text}]}], "metadata": {"key": key}}
        for key, text in (("a", "ü"), ("b", "x"))
    ]
    theirs.batches.create(model="gemini-x", src=requests, config={"display_name": DISPLAY})

    compare(recorder.asked[0], recorder.asked[1])
    assert recorder.asked[0].json == recorder.asked[1].json


@pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning")
def test_embeddings(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).create(KEY, f"embed:files/{NAME}", BatchOptions("", "e", 2))
    theirs.batches.create_embeddings(
        model="e", src={"file_name": f"files/{NAME}"}, config={"display_name": DISPLAY}
    )

    compare(recorder.asked[0], recorder.asked[1])
    # They write file_name here, and fileName elsewhere: both mean the same.
    assert recorder.asked[1].json["batch"]["inputConfig"] == {"file_name": f"files/{NAME}"}
    assert recorder.asked[0].json["batch"]["inputConfig"] == {"fileName": f"files/{NAME}"}


def test_a_look_at_a_batch(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).retrieve("batches/b1")
    theirs.batches.get(name="batches/b1")

    compare(recorder.asked[0], recorder.asked[1])


def test_a_list(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).find(KEY, "", 0.0)
    next(iter(theirs.batches.list(config={"page_size": 50})))

    compare(recorder.asked[0], recorder.asked[1])


def test_a_cancel(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).cancel("batches/b1")
    mine = recorder.asked[0]
    known = len(recorder.asked)
    theirs.batches.cancel(name="batches/b1")

    compare(mine, recorder.asked[known])


def test_a_delete(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    ours(recorder, tmp_path).delete("batches/b1")
    mine = recorder.asked[1]
    known = len(recorder.asked)
    theirs.batches.delete(name="batches/b1")

    compare(mine, recorder.asked[known])


def test_a_download(recorder: FaultyServer, theirs: Any, tmp_path: Path) -> None:
    assert list(ours(recorder, tmp_path).results("batches/b1")) == []
    mine = recorder.asked[1]
    theirs.files.download(file="files/batch-b1")

    compare(mine, recorder.asked[2])
