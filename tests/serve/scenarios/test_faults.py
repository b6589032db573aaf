"""Each fault as a client meets it: by the official client, by an HTTP client, by a bare socket."""

from __future__ import annotations

import email.utils
import json
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from batch_cli.serve.scenarios.fields import FAULTS
from batch_cli.serve.scenarios.layer import PLAYS
from tests.serving import ServerProcess, wait_until
from tests.support import chat

MODELS = "GET /v1/models"


def play(server: ServerProcess, *rules: dict[str, Any], **members: Any) -> None:
    """Let a running server play these rules from now on."""
    sent = httpx.post(f"{server.url}/_emulator/scenario", json={"rules": rules, **members})
    assert sent.status_code == 200, sent.text


@pytest.fixture(autouse=True)
def _nothing_stays(server: ServerProcess) -> Iterator[None]:
    yield
    play(server)


def raw_answer(
    server: ServerProcess, path: str = "/v1/models", *, head: str = "", until: bytes | None = None
) -> bytes:
    """Give what comes back for a GET, whatever it is, until it ends with ``until`` or the connection ends."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nhost: {url.host}\r\nauthorization: Bearer x\r\n{head}\r\n"
        connection.sendall(request.encode())
        received = bytearray()
        while piece := connection.recv(1 << 16):
            received += piece
            if until is not None and received.endswith(until):
                break
    return bytes(received)


def parts(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.lower(), body


def test_every_fault_that_can_be_named_can_be_played() -> None:
    assert set(PLAYS) == set(FAULTS)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, openai.BadRequestError),
            (409, openai.ConflictError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
            (529, openai.InternalServerError),
        ],
    )
    def test_a_status_is_an_error_in_the_shape_of_the_wire(
        self, server: ServerProcess, client: OpenAI, status: int, error: type[openai.APIStatusError]
    ) -> None:
        play(server, {"route": MODELS, "fault": "status", "status": status, "message": "no", "code": "c"})

        with pytest.raises(error) as refused:
            client.models.list()

        assert (refused.value.status_code, refused.value.code) == (status, "c")
        assert refused.value.body["message"] == "no"  # type: ignore[index] # the error's object

    @pytest.mark.parametrize(
        ("given", "name", "value"),
        [
            ({"retry_after": 3}, "retry-after", "3"),
            ({"retry_after": "soon"}, "retry-after", "soon"),
            ({"retry_after": 1e9}, "retry-after", "1000000000.0"),
            ({"retry_after": -1}, "retry-after", "-1"),
            ({"retry_after_ms": 150}, "retry-after-ms", "150"),
            ({"headers": {"x-should-retry": "false"}}, "x-should-retry", "false"),
        ],
    )
    def test_it_says_when_to_come_again_as_it_was_told_to(
        self, server: ServerProcess, given: dict[str, Any], name: str, value: str
    ) -> None:
        play(server, {"route": MODELS, "fault": "status", "status": 429, **given})

        with server.http() as http:
            assert http.get("/v1/models").headers[name] == value

    def test_a_date_is_ahead_of_the_answers_own_date(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "status", "status": 503, "retry_after_date": 90})

        with server.http() as http:
            headers = http.get("/v1/models").headers
        ahead, now = (email.utils.parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        assert 85 <= (ahead - now).total_seconds() <= 92

    def test_an_error_after_the_work_leaves_the_work_done(
        self, server: ServerProcess, client: OpenAI
    ) -> None:
        before = len(client.batches.list().data)
        play(server, {"route": "POST /v1/batches", "fault": "status", "status": 502, "when": "after"})

        with pytest.raises(openai.InternalServerError):
            create(client)

        assert len(client.batches.list().data) == before + 1

    def test_the_official_client_gets_over_every_second_429(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "every": 2, "fault": "status", "status": 429, "retry_after_ms": 1})

        with server.client().with_options(max_retries=1) as patient:
            for _ in range(4):
                assert patient.models.list().data


class TestAnswers:
    @pytest.mark.parametrize(
        ("fault", "kind", "start"),
        [
            ({"fault": "html", "status": 200}, "text/html; charset=utf-8", b"<html>"),
            ({"fault": "garbage"}, "application/json", b"\xff"),
            ({"fault": "body", "text": "{}"}, "application/json", b"{}"),
            ({"fault": "body"}, "application/json", b""),
        ],
    )
    def test_another_body_comes_in_place_of_the_answer(
        self, server: ServerProcess, fault: dict[str, Any], kind: str, start: bytes
    ) -> None:
        play(server, {"route": MODELS, **fault})

        with server.http() as http:
            answer = http.get("/v1/models")

        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.content.startswith(start)
        assert bool(answer.content) == bool(start)

    def test_a_page_is_no_answer_for_the_official_client(self, server: ServerProcess, client: OpenAI) -> None:
        play(server, {"route": MODELS, "fault": "html"})

        with pytest.raises(openai.InternalServerError) as refused:
            client.models.list()

        assert "<h1>502</h1>" in refused.value.response.text

    def test_a_bomb_is_small_on_the_wire_and_large_when_unpacked(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "gzip_bomb", "megabytes": 30})

        with server.http() as http, http.stream("GET", "/v1/models") as answer:
            packed = b"".join(answer.iter_raw())

        assert answer.headers["content-encoding"] == "gzip"
        assert len(packed) < 100_000
        assert zlib.decompress(packed, zlib.MAX_WBITS | 16) == bytes(30_000_000)

    def test_a_redirect_leads_to_the_same_place_or_to_a_host_that_is_none(
        self, server: ServerProcess
    ) -> None:
        targets = []
        for to in ("same", "other", "/v1/files"):
            play(server, {"route": MODELS, "nth": 1, "fault": "redirect", "status": 308, "to": to})
            with server.http() as http:
                answer = http.get("/v1/models?limit=1")
            assert answer.status_code == 308
            targets.append(answer.headers["location"])

        assert targets == ["/v1/models?limit=1", "http://redirect.invalid/v1/models?limit=1", "/v1/files"]

    def test_the_official_client_follows_a_redirect_to_the_same_place(
        self, server: ServerProcess, client: OpenAI
    ) -> None:
        play(server, {"route": MODELS, "nth": 1, "fault": "redirect"})

        assert client.models.list().data


class TestConnections:
    def test_a_reset_connection_is_reset_and_nothing_is_done(
        self, server: ServerProcess, client: OpenAI
    ) -> None:
        before = len(client.batches.list().data)
        play(
            server,
            {"route": "POST /v1/batches", "nth": 1, "fault": "reset"},
            {"route": MODELS, "fault": "reset"},
        )

        with pytest.raises(ConnectionResetError):
            raw_answer(server)
        with pytest.raises(openai.APIConnectionError):
            create(client)

        assert len(client.batches.list().data) == before

    def test_an_answer_that_is_lost_leaves_the_work_done(self, server: ServerProcess, client: OpenAI) -> None:
        before = len(client.batches.list().data)
        play(server, {"route": "POST /v1/batches", "nth": 1, "fault": "reset", "when": "after"})

        with pytest.raises(openai.APIConnectionError):
            create(client)

        assert len(client.batches.list().data) == before + 1

    def test_a_client_that_sends_again_after_a_lost_answer_pays_twice(
        self, server: ServerProcess, client: OpenAI
    ) -> None:
        before = len(client.batches.list().data)
        play(server, {"route": "POST /v1/batches", "nth": 1, "fault": "close", "when": "after"})

        with server.client().with_options(max_retries=2) as eager:
            create(eager)

        assert len(client.batches.list().data) == before + 2

    def test_a_request_that_is_delivered_twice_is_done_twice(
        self, server: ServerProcess, client: OpenAI
    ) -> None:
        before = len(client.batches.list().data)
        play(server, {"route": "POST /v1/batches", "nth": 1, "fault": "twice"})

        assert create(client).id in [batch.id for batch in client.batches.list()]

        assert len(client.batches.list().data) == before + 2

    def test_late_work_is_done_when_the_client_is_gone(self, server: ServerProcess, client: OpenAI) -> None:
        before = len(client.batches.list().data)
        play(server, {"route": "POST /v1/batches", "fault": "late", "seconds": 0.6})

        with pytest.raises(openai.APITimeoutError):
            create(client.with_options(timeout=0.2))

        assert len(client.batches.list().data) == before
        wait_until(lambda: len(client.batches.list().data) == before + 1)

    def test_a_closed_connection_ends_without_a_byte(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "close"})

        assert raw_answer(server) == b""

    def test_nobody_is_let_in_while_connections_are_refused(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "nth": 1, "fault": "refuse", "seconds": 1})
        refused = 0
        with pytest.raises(ConnectionResetError):
            raw_answer(server)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                answer = raw_answer(server, "/health", head="connection: close\r\n")
            except (ConnectionResetError, BrokenPipeError):
                refused += 1
                time.sleep(0.02)
                continue
            break

        assert refused, "the door stayed open"
        assert answer.startswith(b"HTTP/1.1 200")

    def test_a_hanging_request_is_never_answered(self, server: ServerProcess, client: OpenAI) -> None:
        play(server, {"route": MODELS, "nth": 1, "fault": "hang"})

        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.3).models.list()

        assert client.models.list().data

    def test_a_hang_with_an_end_closes_the_connection(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "hang", "seconds": 0.1})

        assert raw_answer(server) == b""

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_delayed_answer_comes_in_the_end(
        self, server: ServerProcess, client: OpenAI, when: str
    ) -> None:
        play(server, {"route": MODELS, "nth": [1, 2], "fault": "delay", "seconds": 0.4, "when": when})

        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.1).models.list()

        assert client.models.list().data

    def test_what_is_no_http_is_sent_as_it_is(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "raw", "text": "SSH-2.0-x\r\n"})

        assert raw_answer(server) == b"SSH-2.0-x\r\n"
        with server.http() as http, pytest.raises(httpx.RemoteProtocolError):
            http.get("/v1/models")


class TestBodies:
    def test_a_truncated_body_is_shorter_than_it_was_announced(self, server: ServerProcess) -> None:
        whole = parts(raw_answer(server, head="connection: close\r\n"))[1]
        play(server, {"route": MODELS, "fault": "truncate", "keep": 0.25})

        head, body = parts(raw_answer(server))

        assert f"content-length: {len(whole)}".encode() in head
        assert body == whole[: len(whole) // 4]

    def test_a_body_without_a_length_ends_where_the_connection_does(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "no_length"})

        head, body = parts(raw_answer(server))

        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(body)

    def test_a_chunked_body_is_cut_within_a_chunk(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "fault": "chunk_cut"})

        head, body = parts(raw_answer(server))

        assert b"transfer-encoding: chunked" in head
        size, _, rest = body.partition(b"\r\n")
        assert int(size, 16) == len(rest) + 1
        with server.http() as http, pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            http.get("/v1/models")

    def test_what_follows_a_whole_body_is_on_the_same_connection(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "nth": 1, "fault": "long_body", "text": "poison"})

        with server.http() as http:
            assert http.get("/v1/models").json()["data"]
        play(server, {"route": MODELS, "nth": 1, "fault": "long_body", "text": "poison"})
        assert raw_answer(server, until=b"poison").endswith(b"]}poison")

    def test_a_dripping_body_is_whole_in_the_end(self, server: ServerProcess, client: OpenAI) -> None:
        play(server, {"route": MODELS, "fault": "drip", "bytes": 40, "seconds": 0.01})

        with server.http() as http, http.stream("GET", "/v1/models") as answer:
            pieces = list(answer.iter_raw())

        assert len(pieces) > 5
        assert json.loads(b"".join(pieces))["data"]
        assert client.models.list().data

    def test_a_file_is_cut_too(self, server: ServerProcess, client: OpenAI) -> None:
        content = b'{"a": 1}\n' * 60_000
        file = client.files.create(file=("x.jsonl", content), purpose="batch")
        play(server, {"route": "* /v1/files/*/content", "nth": 1, "fault": "truncate", "keep": 0.9})

        with pytest.raises(openai.APIConnectionError):
            client.files.content(file.id)

        assert client.files.content(file.id).content == content


class TestEdits:
    def test_members_of_an_answer_are_replaced_made_and_removed(self, server: ServerProcess) -> None:
        edit = {
            "replace": {"object": None, "missing": 1, "data.0.id": "first"},
            "set": {"new.deep": [1]},
            "remove": ["data.*.owned_by", "nothing"],
        }
        play(server, {"route": MODELS, "fault": "edit", **edit})

        with server.http() as http:
            document = http.get("/v1/models").json()

        assert document["object"] is None
        assert "missing" not in document
        assert document["new"] == {"deep": [1]}
        assert document["data"][0]["id"] == "first"
        assert all(set(model) == {"id", "object", "created"} for model in document["data"])

    def test_a_list_of_batches_goes_round_in_a_loop(self, server: ServerProcess, client: OpenAI) -> None:
        for _ in range(2):
            create(client)
        play(server, {"route": "GET /v1/batches", "fault": "page_loop"})

        first = client.batches.list(limit=1)
        second = first.get_next_page()

        assert first.has_more
        assert second.has_more
        assert [batch.id for batch in first.data] == [batch.id for batch in second.data]

    def test_a_range_can_be_ignored(self, server: ServerProcess, client: OpenAI) -> None:
        file = client.files.create(file=("x.jsonl", b"0123456789"), purpose="batch")
        play(server, {"route": "GET /v1/files/*/content", "fault": "ignore_range"})

        answer = client.files.with_raw_response.content(file.id, extra_headers={"range": "bytes=5-"})

        assert (answer.status_code, answer.content) == (200, b"0123456789")


class TestRules:
    def test_the_first_rule_that_hits_is_played_and_all_of_the_route_count(
        self, server: ServerProcess
    ) -> None:
        play(
            server,
            {"route": "* /v1/**", "nth": [2, 3], "fault": "status", "status": 500},
            {"route": MODELS, "nth": [1, 3], "fault": "status", "status": 503},
        )
        with server.http() as http:
            seen = [http.get("/v1/models").status_code for _ in range(4)]

        assert seen == [503, 500, 500, 200]
        assert [(rule["requests"], rule["hits"]) for rule in state(server)["rules"]] == [(4, 2), (4, 1)]

    def test_a_share_is_hit_by_the_seed_alone(self, server: ServerProcess) -> None:
        runs = []
        for seed in (1, 1, 2):
            play(server, {"route": MODELS, "share": 0.5, "fault": "status", "status": 500}, seed=seed)
            with server.http() as http:
                runs.append([http.get("/v1/models").status_code for _ in range(24)])

        assert runs[0] == runs[1] != runs[2]
        assert {200, 500} == set(runs[0])

    def test_the_servers_own_paths_are_never_hit(self, server: ServerProcess) -> None:
        play(server, {"route": "* /**", "fault": "reset"})

        with server.http() as http:
            for path in ("/health", "/metrics", "/_emulator/ledger", "/_emulator/scenario"):
                assert http.get(path).status_code == 200

    def test_who_has_no_key_meets_no_fault(self, server: ServerProcess) -> None:
        play(server, {"route": "* /**", "fault": "status", "status": 500})

        assert httpx.get(f"{server.url}/v1/models").status_code == 401
        assert state(server)["rules"][0]["requests"] == 0

    def test_the_log_names_the_fault_and_the_request(self, server: ServerProcess) -> None:
        play(server, {"route": MODELS, "nth": 2, "fault": "close"})
        with server.http() as http:
            http.get("/v1/models")
            with pytest.raises(httpx.RemoteProtocolError):
                http.get("/v1/models")

        assert "scenario: close for request 2 of GET /v1/models (rule 1)" in server.log


class TestChanging:
    def test_named_ones_can_be_played_together(self, server: ServerProcess) -> None:
        sent = httpx.post(f"{server.url}/_emulator/scenario", json={"play": ["429-seconds", "partial"]})

        assert sent.json()["name"] == "429-seconds+partial"
        with server.http() as http:
            assert [http.get("/v1/models").status_code for _ in range(2)] == [200, 429]

    @pytest.mark.parametrize("body", [{"play": "none"}, {"play": 7}, {"play": ["/etc/passwd"]}, {"rules": 1}])
    def test_what_is_none_changes_nothing(self, server: ServerProcess, body: dict[str, Any]) -> None:
        play(server, {"route": MODELS, "fault": "status", "status": 500})
        sent = httpx.post(f"{server.url}/_emulator/scenario", json=body)

        assert sent.status_code == 400
        assert state(server)["rules"][0]["fault"] == "status"

    def test_a_token_closes_it(self, tmp_path: Any) -> None:
        (tmp_path / "token").write_text("0123456789abcdef")
        (tmp_path / "token").chmod(0o600)
        with ServerProcess(tmp_path, "--token-file", "token") as closed:
            url = f"{closed.url}/_emulator/scenario"
            assert httpx.post(url, json={}).status_code == 401
            assert httpx.get(url).status_code == 401
            key = {"authorization": "Bearer 0123456789abcdef"}
            assert httpx.post(url, json={}, headers=key).status_code == 200


def state(server: ServerProcess) -> Any:
    return httpx.get(f"{server.url}/_emulator/scenario").json()


def create(client: OpenAI) -> Any:
    content = json.dumps(chat("a")).encode() + b"\n"
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
