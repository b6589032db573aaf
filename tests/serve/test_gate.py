"""Who may come in, and what goes out when something is wrong."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import httpx
import openai
import pytest

from tests.serving import ServerProcess, is_running, wait_until
from tests.support import command

TOKEN = "0123456789abcdef0123"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:99"}, 200),
        ({"origin": "http://localhost:5173"}, 200),
    ],
)
def test_pages_of_other_origins_and_rebound_names_stay_outside(
    server: ServerProcess, headers: dict[str, str], status: int
) -> None:
    with server.http(headers=headers) as http:
        answer = http.get("/v1/models")

    assert answer.status_code == status
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/files", 405),
        ("DELETE", "/v1/batches/x", 405),
        ("GET", "/v1/files/%2e%2e%2fserve.db", 404),
        ("GET", "/v1/files/..%2fserve.db/content", 404),
        ("OPTIONS", "/v1/files", 405),
    ],
)
def test_what_is_not_there_is_refused_in_the_shape_of_the_wire(
    server: ServerProcess, method: str, path: str, status: int
) -> None:
    with server.http() as http:
        answer = http.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_a_request_is_one_line_of_the_log_whatever_its_path_holds(server: ServerProcess) -> None:
    with server.http() as http:
        http.get("/v1/files/%1b[31m%0aforged?key=secret")
    wait_until(lambda: "forged" in server.log)  # it is written after the answer

    (line,) = [line for line in server.log.split("\n") if "forged" in line]
    assert " GET /v1/files/%1b[31m%0aforged 400 " in line
    assert "secret" not in server.log
    assert "\x1b" not in server.log


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"input_file_id": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"[" * 100_000,
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
    ],
)
def test_only_strict_json_is_taken(server: ServerProcess, body: bytes) -> None:
    with server.http(headers={"content-type": "application/json"}) as http:
        answer = http.post("/v1/batches", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("depth", [128, 129])
def test_a_large_body_may_be_nested_as_deep_as_a_small_one(server: ServerProcess, depth: int) -> None:
    levels = depth - 2
    body = b'{"a": [%b]}' % b",".join([b"[]"] * 70_000 + [b"[" * levels + b"]" * levels])

    with server.http(headers={"content-type": "application/json"}) as http:
        message = http.post("/v1/batches", content=body).json()["error"]["message"]

    expected = "Missing required parameter" if depth == 128 else "We could not parse the JSON body"
    assert message.startswith(expected)


@pytest.mark.parametrize("limit", ["9" * 19, "9" * 5000, "000000005" + "9" * 40, "-1", "x"])
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/files", {}),
        ("/v1/batches", {}),
        ("/v1/messages/batches", {"anthropic-version": "2023-06-01"}),
    ],
)
def test_a_limit_out_of_range_is_refused(
    server: ServerProcess, path: str, headers: dict[str, str], limit: str
) -> None:
    with server.http(headers=headers) as http:
        assert http.get(path, params={"limit": limit}).status_code == 400


def test_a_form_is_no_json_and_a_huge_body_is_not_read(server: ServerProcess) -> None:
    with server.http() as http:
        assert http.post("/v1/batches", data={"a": "b"}).status_code == 415
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(
            b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_request_with_two_lengths_is_refused_and_its_connection_closed(server: ServerProcess) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(
            b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        answer = b"".join(iter(lambda: raw.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_key_is_needed_as_with_the_provider(server: ServerProcess) -> None:
    assert httpx.get(f"{server.url}/v1/models").status_code == 401
    assert httpx.get(f"{server.url}/health").json()["status"] == "ok"
    assert httpx.get(f"{server.url}/metrics").status_code == 200


def test_metrics_count_requests_batches_and_files(server: ServerProcess) -> None:
    with server.http() as http:
        http.get("/v1/files/none")
        text = http.get("/metrics").text

    assert 'batch_cli_http_requests_total{method="GET",status="404"}' in text
    assert "batch_cli_files " in text


def test_with_a_token_no_other_key_comes_in_and_without_auth_none_is_needed(tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    with ServerProcess(tmp_path, "--token-file", str(token)) as running:
        assert running.client(TOKEN).models.list().data
        with pytest.raises(openai.AuthenticationError):
            running.client("sk-wrong").models.list()
        assert httpx.get(f"{running.url}/_emulator/ledger").status_code == 401
        assert httpx.get(f"{running.url}/health").status_code == 200
        assert TOKEN not in running.log
    with ServerProcess(tmp_path, "--no-auth") as running:
        assert httpx.get(f"{running.url}/v1/models").status_code == 200


def test_it_is_not_open_to_other_machines_without_a_token(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")

    assert done.code == 2
    assert "--token-file" in done.err


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(TOKEN)
    (tmp_path / "token.txt").chmod(0o644)

    done = command(tmp_path, "serve", "--port", "0", "--token-file", "token.txt")

    assert (done.code, TOKEN in done.err) == (4, False)
    assert "chmod 600" in done.err


def test_one_server_for_each_data_directory_and_port(tmp_path: Path, server: ServerProcess) -> None:
    data = str(server.directory / "data")
    port = server.url.rpartition(":")[2]

    same_data = command(tmp_path, "serve", "--port", "0", "--data-dir", data)
    same_port = command(tmp_path, "serve", "--port", port, "--data-dir", "other")

    assert (same_data.code, same_port.code) == (9, 9)
    assert "another server uses" in same_data.err
    assert f"port {port}" in same_port.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "url.txt").write_text("http://stale")
    with ServerProcess(tmp_path, "--port-file", "url.txt") as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert (tmp_path / "url.txt").read_text() == f"{running.url}\n"

        assert running.stop(number) == 0

    assert not (tmp_path / "url.txt").exists()
    assert "Traceback" not in running.log


def test_its_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with ServerProcess(tmp_path) as running, running.client() as client:
            client.files.create(file=("a.txt", b"x"), purpose="user_data")
    finally:
        os.umask(before)

    data = tmp_path / "data"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [data, *data.rglob("*")]}
    assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_the_executor_never_outlives_a_killed_server(tmp_path: Path) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs Linux")
    with ServerProcess(tmp_path, "--simulate-latency", "100") as running, running.client() as client:
        lines = b"".join(
            b'{"custom_id":"r%d","method":"POST","url":"/v1/completions","body":{"model":"m","prompt":"x"}}\n'
            % n
            for n in range(500)
        )
        file = client.files.create(file=("a.jsonl", lines), purpose="batch")
        client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
        tasks = Path(f"/proc/{running.process.pid}/task")
        wait_until(lambda: any((task / "children").read_text() for task in tasks.iterdir()))
        children = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]

        running.kill()

    wait_until(lambda: not any(is_running(pid) for pid in children))


def test_a_client_that_sends_all_of_a_body_that_is_too_large_gets_its_answer(server: ServerProcess) -> None:
    size = 64_000_000
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer k\r\ncontent-length: {size}"
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(f"{head}\r\ncontent-type: application/json\r\n\r\n".encode())
        raw.sendall(bytes(size))
        answer = raw.recv(100)

    assert answer.startswith(b"HTTP/1.1 413 ")
