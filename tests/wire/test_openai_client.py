"""What we send to OpenAI is what its official client sends for the same call, field by field."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openai import OpenAI

from batch_cli.clock import SystemClock
from batch_cli.jsonl import dumps
from batch_cli.model import Secret
from batch_cli.providers import open_provider
from batch_cli.providers.base import BatchOptions, Input, Place
from batch_cli.providers.hosted.openai import OpenAIBatches
from tests.faulty import Asked, FaultyServer, answer
from tests.support import chat

KEY = "bci_" + "5c" * 16
FILENAME = f"{KEY}.jsonl"
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "status": "completed",
    "created_at": 1,
    "input_file_id": "file-in",
}

OUR_OWN_HEADERS = {
    "idempotency-key": "a create is recognised by servers that look at it",
}
THEIRS_ALONE = {
    "x-stainless-arch": "facts about their client",
    "x-stainless-async": "facts about their client",
    "x-stainless-lang": "facts about their client",
    "x-stainless-os": "facts about their client",
    "x-stainless-package-version": "facts about their client",
    "x-stainless-read-timeout": "facts about their client",
    "x-stainless-retry-count": "facts about their client",
    "x-stainless-runtime": "facts about their client",
    "x-stainless-runtime-version": "facts about their client",
    "connection": "what HTTP/1.1 means anyway",
}
OTHERWISE = {
    "user-agent": "we are another client",
    "accept-encoding": "we take nothing packed: its end could not be told from a cut",
    "content-type": "boundaries of forms are random",
    "content-length": "boundaries and our metadata have their lengths",
}
"""Every header that differs on purpose, and why."""


@dataclass(frozen=True)
class Pair:
    """The same call, as each of the two made it."""

    ours: Asked
    theirs: Asked


@pytest.fixture
def recorder() -> Iterator[FaultyServer]:
    def script(asked: Asked) -> Iterator[bytes]:
        path, _, query = asked.path.partition("?")
        if path.endswith("/content"):
            yield answer(b"", kind="application/octet-stream")
        elif path == "/v1/files" and asked.method == "POST":
            size = len(parts_of(asked)["file"].body)
            yield answer({"id": "file-in", "object": "file", "bytes": size, "filename": FILENAME})
        elif asked.method == "GET" and query:
            yield answer({"object": "list", "data": [], "has_more": False})
        else:
            yield answer(BATCH | {"output_file_id": "file-out", "bytes": 0})

    with FaultyServer(script) as server:
        yield server


@pytest.fixture
def ours(recorder: FaultyServer, tmp_path: Path) -> Iterator[OpenAIBatches]:
    environment = {
        "OPENAI_BASE_URL": f"{recorder.url}/v1",
        "OPENAI_ORG_ID": "org-1",
        "OPENAI_PROJECT_ID": "proj-1",
    }
    provider = open_provider("openai", Place(tmp_path, environment, Secret("sk-test")), SystemClock())
    assert isinstance(provider, OpenAIBatches)
    yield provider
    provider.close()


@pytest.fixture
def theirs(recorder: FaultyServer) -> Iterator[OpenAI]:
    with OpenAI(
        api_key="sk-test",
        base_url=f"{recorder.url}/v1",
        organization="org-1",
        project="proj-1",
        max_retries=0,
    ) as client:
        yield client


@dataclass(frozen=True)
class Part:
    """A part of a form."""

    headers: dict[str, str]
    body: bytes


def parts_of(asked: Asked) -> dict[str, Part]:
    boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
    found = {}
    for raw in asked.body.split(b"--" + boundary)[1:-1]:
        head, _, body = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = {}
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        name = headers["content-disposition"].partition('name="')[2].partition('"')[0]
        found[name] = Part(headers, body.removesuffix(b"\r\n"))
    return found


def compare(pair: Pair, *otherwise: str) -> None:
    """Method, path, query and headers are the same, but for what is written down above and ``otherwise``."""
    ours, theirs = pair.ours, pair.theirs
    assert (ours.method, urlsplit(ours.path).path) == (theirs.method, urlsplit(theirs.path).path)
    assert parse_qs(urlsplit(ours.path).query) == parse_qs(urlsplit(theirs.path).query)
    ours_alone, theirs_alone = OUR_OWN_HEADERS.keys() | {*otherwise}, THEIRS_ALONE.keys() | {*otherwise}
    our_headers = {name: value for name, value in ours.headers.items() if name not in ours_alone}
    their_headers = {name: value for name, value in theirs.headers.items() if name not in theirs_alone}
    assert our_headers.keys() == their_headers.keys()
    for name in our_headers.keys() - OTHERWISE.keys():
        assert (name, our_headers[name]) == (name, their_headers[name])


def source() -> Input:
    lines = [dumps(chat("a", "ü")), dumps(chat("b"))]
    whole = b"".join(line + b"\n" for line in lines)
    return Input(lambda: iter(lines), len(lines), len(whole), sha256(whole).hexdigest())


def test_an_upload(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    given = source()
    whole = b"".join(line + b"\n" for line in given.lines())
    ours.stage(KEY, given)
    theirs.files.create(file=(FILENAME, io.BytesIO(whole)), purpose="batch")

    pair = Pair(*recorder.asked)
    compare(pair)
    kinds = [asked.headers["content-type"].partition(";")[0] for asked in recorder.asked]
    assert kinds == ["multipart/form-data"] * 2
    assert parts_of(pair.ours) == parts_of(pair.theirs)
    assert parts_of(pair.ours)["file"].body == whole


def test_a_create(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    ours.create(KEY, "file-in", BatchOptions("/v1/chat/completions", "m", 2, {"k": "v"}))
    theirs.batches.create(
        input_file_id="file-in",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"k": "v", "batch_cli_intent": KEY},
    )

    pair = Pair(*recorder.asked)
    compare(pair)
    assert pair.ours.json == pair.theirs.json
    assert pair.ours.headers["content-type"] == pair.theirs.headers["content-type"]
    assert pair.ours.headers["idempotency-key"] == KEY


def test_a_look(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    ours.retrieve("batch_1")
    theirs.batches.retrieve("batch_1")

    compare(Pair(*recorder.asked))


def test_a_cancel(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    ours.cancel("batch_1")
    theirs.batches.cancel("batch_1")

    pair = Pair(*recorder.asked)
    compare(pair)
    assert pair.ours.body == pair.theirs.body


def test_the_lists(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    list(ours._listed("/batches"))
    list(theirs.batches.list(limit=100))
    list(ours._listed("/files?purpose=batch"))
    list(theirs.files.list(purpose="batch", limit=100))

    compare(Pair(*recorder.asked[:2]))
    compare(Pair(*recorder.asked[2:]))


def test_result_files(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    list(ours.results("batch_1"))
    theirs.batches.retrieve("batch_1")
    theirs.files.retrieve("file-out")
    theirs.files.content("file-out")

    look, size, content = map(Pair, recorder.asked[:3], recorder.asked[3:])
    compare(look)
    compare(size)
    compare(content, "accept")
    assert content.ours.headers["accept"] == "*/*"  # theirs names a type that the answer does not have


def test_a_delete(recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI) -> None:
    ours.delete("batch_1")
    theirs.batches.retrieve("batch_1")
    theirs.files.delete("file-in")
    theirs.files.delete("file-out")

    look, first, second = map(Pair, recorder.asked[:3], recorder.asked[3:])
    compare(look)
    for pair in (first, second):
        compare(pair, "content-type")  # theirs names one for a body that is not there


def test_the_list_of_differences_has_nothing_that_is_not_one(
    recorder: FaultyServer, ours: OpenAIBatches, theirs: OpenAI
) -> None:
    ours.create(KEY, "file-in", BatchOptions("/v1/chat/completions", "m", 2))
    theirs.batches.create(
        input_file_id="file-in", endpoint="/v1/chat/completions", completion_window="24h", metadata={}
    )

    pair = Pair(*recorder.asked)
    assert OUR_OWN_HEADERS.keys() == pair.ours.headers.keys() - pair.theirs.headers.keys()
    assert THEIRS_ALONE.keys() == pair.theirs.headers.keys() - pair.ours.headers.keys()
