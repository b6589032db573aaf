"""Batches of Google in bad weather: whatever is lost on the way, the same line again leads to one batch, billed once."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from batch_cli.clock import SystemClock
from batch_cli.errors import Rejected
from batch_cli.model import Secret
from batch_cli.providers.base import Input, Place
from batch_cli.providers.google import GOOGLE
from batch_cli.providers.hosted.google import uploads
from batch_cli.providers.hosted.google.api import GoogleApi
from batch_cli.providers.hosted.google.batches import GoogleBatches
from tests.conftest import Cli
from tests.contract.grounds import generate
from tests.faulty import Asked, FaultyServer, answer
from tests.serving import ServerProcess
from tests.support import Done, FakeClock, read_lines, write_lines

CREATE = "POST /v1beta/models/*:batchGenerateContent"
UPLOAD = "POST /upload/v1beta/files"
INLINE, BY_FILE = 5, 120
"""How many requests go along with the create, and how many by a file."""

FAULTS: dict[str, dict[str, Any]] = {
    "answer lost": {"fault": "reset", "when": "after"},
    "reset before": {"fault": "reset"},
    "500 before": {"fault": "status", "status": 500},
    "502 after": {"fault": "status", "status": 502, "when": "after"},
    "429": {"fault": "status", "status": 429, "retry_after": 1},
    "409 after": {"fault": "status", "status": 409, "when": "after"},
    "page": {"fault": "html", "status": 200, "when": "after"},
    "another object": {"fault": "body", "text": '{"name": "batches/other"}', "when": "after"},
    "truncated": {"fault": "truncate"},
    "redirect elsewhere": {"fault": "redirect", "to": "other"},
}


class Account:
    """An account at a server whose ledger is believed."""

    def __init__(self, server: ServerProcess, cli: Cli, directory: Path) -> None:
        self.server, self.cli, self.directory = server, cli, directory
        self.known = {batch["id"] for batch in server.ledger()["data"]}

    def fault(self, route: str, **rule: Any) -> None:
        document = {"rules": [{"route": route, "nth": 1, **rule}]}
        sent = httpx.post(f"{self.server.url}/_emulator/scenario", json=document)
        assert sent.status_code == 200, sent.text

    def play(self, name: str) -> None:
        assert httpx.post(f"{self.server.url}/_emulator/scenario", json={"play": [name]}).status_code == 200

    def submit(self, count: int, *words: str, text: str = "text") -> Done:
        lines = [generate(f"r{n}", f"{text} {n}") for n in range(count)]
        write_lines(self.directory / "in.jsonl", lines)
        return self.cli("submit", "in.jsonl", "-m", "google/gemini-2.0-flash", *words)

    def batches(self) -> list[Any]:
        """Give the batches that came to be since this test began."""
        return [batch for batch in self.server.ledger()["data"] if batch["id"] not in self.known]

    def files(self) -> list[Any]:
        headers = {"x-goog-api-key": "any"}
        found: list[Any] = (
            httpx.get(f"{self.server.url}/v1beta/files?pageSize=100", headers=headers).json().get("files", [])
        )
        return found

    def has_all(self, count: int) -> None:
        """Hold the results to be complete, and every request to be billed once, in one batch."""
        done = self.cli("results", "--wait", "-o", "out.jsonl")
        assert done.code == 0, done.err
        rows = read_lines(self.directory / "out.jsonl")
        assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(count)]
        (batch,) = self.batches()
        assert (batch["requests"], batch["billed"]) == (count, count)


@pytest.fixture(scope="module")
def google_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def account(
    google_server: ServerProcess, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", google_server.url)
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-test")
    opened = Account(google_server, cli, tmp_path)
    yield opened
    opened.play("ok")


@pytest.mark.parametrize("count", [INLINE, BY_FILE], ids=["inline", "file"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_submit_whose_create_is_disturbed_and_the_same_again_make_one_batch(
    account: Account, name: str, count: int
) -> None:
    account.fault(CREATE, **FAULTS[name])

    first = account.submit(count)
    assert first.code in (0, 6, 11), first.err
    again = account.submit(count)

    assert again.code == 0, again.err
    account.has_all(count)


def test_where_no_list_can_be_had_nothing_is_sent_again(account: Account) -> None:
    rules = [
        {"route": CREATE, "nth": 1, "fault": "reset", "when": "after"},
        {"route": "GET /v1beta/batches", "fault": "status", "status": 404},
    ]
    httpx.post(f"{account.server.url}/_emulator/scenario", json={"rules": rules})

    first, again = account.submit(INLINE), account.submit(INLINE)

    assert (first.code, again.code) == (11, 11)
    assert len(account.batches()) == 1
    account.play("ok")
    assert account.submit(INLINE).code == 0
    account.has_all(INLINE)


@pytest.mark.parametrize("nth", [1, 2, 3, 5], ids=["start", "first chunk", "second chunk", "last chunk"])
@pytest.mark.parametrize(
    "name", ["answer lost", "reset before", "500 before", "502 after", "page", "truncated"]
)
def test_a_disturbed_upload_leads_to_one_file_and_one_batch(
    account: Account, monkeypatch: pytest.MonkeyPatch, name: str, nth: int
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", 1 << 18)
    before = {file["name"] for file in account.files()}
    account.fault(UPLOAD, **{**FAULTS[name], "nth": nth})

    first = account.submit(BY_FILE, text="x" * 7_500)
    assert first.code in (0, 6), first.err
    again = account.submit(BY_FILE, text="x" * 7_500)

    assert again.code == 0, again.err
    (file,) = [file for file in account.files() if file["name"] not in before]
    assert file["name"].startswith("files/bci-")
    assert int(file["sizeBytes"]) == (account.directory / "in.jsonl").stat().st_size
    account.has_all(BY_FILE)


@pytest.mark.parametrize("count", [INLINE, BY_FILE], ids=["inline", "file"])
@pytest.mark.parametrize("name", ["reset before", "502 after", "page", "truncated"])
def test_disturbed_results_are_complete_in_the_end(account: Account, name: str, count: int) -> None:
    assert account.submit(count, "--wait").code == 0
    route = "GET /v1beta/files/*" if count == BY_FILE else "GET /v1beta/batches/*"
    account.fault(route, **{**FAULTS[name], "nth": [1, 2] if count == INLINE else 1})

    first = account.cli("results", "-o", "out.jsonl")

    assert first.code in (0, 6, 13), first.err
    account.has_all(count)


@pytest.mark.parametrize(
    ("scenario", "code", "kind"),
    [("expired-partial", 10, "expired"), ("cancelled-partial", 10, "cancelled"), ("rejected", 10, "failed")],
)
def test_the_requests_of_a_batch_that_did_not_complete_are_named(
    account: Account, scenario: str, code: int, kind: str
) -> None:
    account.play(scenario)
    account.submit(INLINE, "--wait")

    done = account.cli("results", "-o", "out.jsonl")

    assert done.code == code
    rows = read_lines(account.directory / "out.jsonl")
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(INLINE)]
    assert {row["error"]["type"] for row in rows} == {kind}


def test_a_wrong_key_is_a_matter_of_configuration(account: Account) -> None:
    body = (
        '{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",'
        '"details":[{"reason":"API_KEY_INVALID"}]}}'
    )
    account.fault(CREATE, fault="body", status=400, text=body)

    done = account.submit(INLINE)

    assert done.code == 4
    assert "API key not valid." in done.err
    assert account.batches() == []


def test_a_file_whose_time_is_over_is_told(account: Account) -> None:
    account.fault(CREATE, fault="status", status=429, nth=[1, 2, 3, 4, 5])
    assert account.submit(BY_FILE).code == 6
    name = account.files()[0]["name"]
    httpx.delete(f"{account.server.url}/v1beta/{name}", headers={"x-goog-api-key": "any"})

    done = account.submit(BY_FILE)

    assert done.code == 5
    assert "the uploaded requests are no longer there" in done.err
    assert account.submit(BY_FILE, "--again").code == 0
    account.has_all(BY_FILE)


def test_embeddings_go_to_their_own_method(account: Account) -> None:
    lines = [{"key": f"r{n}", "request": {"content": {"parts": [{"text": f"t {n}"}]}}} for n in range(INLINE)]
    write_lines(account.directory / "e.jsonl", lines)

    done = account.cli("submit", "e.jsonl", "-m", "google/gemini-embedding-001", "--wait")

    assert done.code == 0, done.err
    account.has_all(INLINE)
    rows = read_lines(account.directory / "out.jsonl")
    assert all(row["response"]["body"]["embedding"]["values"] for row in rows)


def test_another_machine_can_have_the_results_as_they_come_but_not_in_order(account: Account) -> None:
    batch_id = account.submit(INLINE, "--wait").out.strip()
    elsewhere = ("--state-dir", str(account.directory / "elsewhere"))

    ordered = account.cli("results", batch_id, "-o", "a.jsonl", *elsewhere)
    as_is = account.cli("results", batch_id, "-o", "b.jsonl", "--order", "as-is", *elsewhere)

    assert (ordered.code, as_is.code) == (9, 0)
    assert "--order as-is" in ordered.err
    assert len(read_lines(account.directory / "b.jsonl")) == INLINE


def test_an_upload_takes_the_same_memory_whatever_its_size(
    google_server: ServerProcess, tmp_path: Path
) -> None:
    line = b'{"key":"k%08d","request":{"contents":[{"parts":[{"text":"' + b"x" * 4_000 + b'"}]}]}}'
    count = 12_000

    def lines() -> Iterator[bytes]:
        return (line % n for n in range(count))

    size = count * (len(line % 0) + 1)
    assert size > 48_000_000
    place = Place(tmp_path, {"GOOGLE_BASE_URL": google_server.url}, Secret("AIza-test"))
    provider = GoogleBatches(GOOGLE, place, SystemClock())
    tracemalloc.start()
    staged = provider.stage(f"bci_{os.urandom(16).hex()}", Input(lines, count, size, sha256().hexdigest()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    provider.close()

    assert staged.startswith("files/bci-")
    assert peak < 5 * uploads.CHUNK


def test_staging_again_finds_the_file_of_the_first_time(account: Account, tmp_path: Path) -> None:
    line = b'{"key":"a","request":{"contents":[{"parts":[{"text":"Hi"}]}]}}'
    source = Input(lambda: iter([line]), 1, len(line) + 1, sha256(line + b"\n").hexdigest())
    place = Place(tmp_path / "s", {"GOOGLE_BASE_URL": account.server.url}, Secret("AIza-test"))
    provider = GoogleBatches(GOOGLE, place, SystemClock(), inline_bytes=0)
    before = len(account.files())
    key = f"bci_{os.urandom(16).hex()}"

    assert provider.stage(key, source) == provider.stage(key, source) == f"files/{key.replace('_', '-')}"

    provider.close()
    assert len(account.files()) == before + 1


def test_a_file_of_our_name_that_is_not_whole_is_replaced(account: Account, tmp_path: Path) -> None:
    line = b'{"key":"a","request":{"contents":[{"parts":[{"text":"Hi"}]}]}}'
    short = Input(lambda: iter([line]), 1, len(line) + 1, sha256(line + b"\n").hexdigest())
    whole = Input(lambda: iter([line, line]), 2, 2 * len(line) + 2, "")
    place = Place(tmp_path / "s", {"GOOGLE_BASE_URL": account.server.url}, Secret("AIza-test"))
    provider = GoogleBatches(GOOGLE, place, SystemClock(), inline_bytes=0)
    key = f"bci_{os.urandom(16).hex()}"
    provider.stage(key, short)

    name = provider.stage(key, whole)

    provider.close()
    (size,) = [int(file["sizeBytes"]) for file in account.files() if file["name"] == name]
    assert size == whole.bytes


@pytest.mark.parametrize(("end", "is_good"), [("ACTIVE", True), ("FAILED", False)])
def test_a_file_is_waited_for_until_google_has_looked_at_it(
    tmp_path: Path, end: str, *, is_good: bool
) -> None:
    states = iter(["PROCESSING", "PROCESSING", end])

    def script(asked: Asked) -> Iterator[bytes]:
        if asked.method == "DELETE":
            yield answer({})
        else:
            yield answer({"name": "files/x", "sizeBytes": "7", "state": next(states)})

    with FaultyServer(script) as server:
        place = Place(tmp_path, {"GOOGLE_BASE_URL": server.url}, Secret("AIza-test"))
        api = GoogleApi(place, clock := FakeClock())
        found = uploads.Uploads(api, clock, place.listener)
        if is_good:
            assert found.is_there("files/x", 7)
        else:
            with pytest.raises(Rejected, match="Google found the uploaded file bad"):
                found.is_there("files/x", 7)
        api.close()

    assert [asked.method for asked in server.asked] == ["GET"] * 3 + ["DELETE"] * (not is_good)
