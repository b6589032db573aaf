"""What the server promises: how soon it is ready, its memory under large bodies, small requests a second.

    python benchmarks/serve.py [MB]                default: 200, and five times as much to download

Promised: ready after at most 400 ms and 3.0 times what importing its two packages takes; at most 150 MB of memory
for any upload or download; at least 1,500 small requests a second with one client that keeps its connection; 100
clients at once without an error. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from common import BATCH_CLI

BASE = (sys.executable, "-c", "import starlette.routing, uvicorn")
RUNS = 9
SMALL = 3_000
CLIENTS = 100
OPENAI = {"authorization": "Bearer any"}
ANTHROPIC = {"x-api-key": "any", "anthropic-version": "2023-06-01", "content-type": "application/json"}
GOOGLE = {"x-goog-api-key": "any"}
MEGABYTE = b'{"a": "' + b"x" * (1_000_000 - 10) + b'"}\n'


class Server:
    """A server of its own, with its data in a directory."""

    def __init__(self, directory: Path) -> None:
        """Start it, and wait until it is ready."""
        words = [*BATCH_CLI, "serve", "--port", "0", "--max-body", "2GB", "--data-dir", str(directory)]
        began = time.perf_counter()
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        self.seconds = time.perf_counter() - began
        self.cpu_seconds = self.used()

    def used(self) -> float:
        """Give the seconds of processor that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self) -> http.client.HTTPConnection:
        """Give a connection that stays open."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=600)

    def peak_mb(self) -> float:
        """Give the peak memory since the last `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Give a server, and stop it at the end."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory))
        try:
            yield server
        finally:
            server.process.terminate()
            server.process.wait()


def ready() -> None:
    """Print how long it takes from exec to the URL, beside the imports alone."""
    pairs = []
    for at in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(BASE, check=True)
        base = time.perf_counter() - began
        with serving() as server:
            if at:  # the first one writes byte code
                pairs.append((server.seconds, server.cpu_seconds, base))
    own, cpu, base = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = statistics.median(pair[0] / pair[2] for pair in pairs)
    print(f"ready: {own:.0f} ms, {cpu:.0f} ms of processor; imports alone {base:.0f} ms; ratio {ratio:.2f}")


def ask(
    client: http.client.HTTPConnection, method: str, path: str, body: object, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """Send one request; stop at an answer that is not good."""
    client.request(method, path, body, headers)  # type: ignore[arg-type] # bytes or an iterator of them
    answer = client.getresponse()
    if answer.status != 200:
        sys.exit(f"{method} {path}: {answer.status} {answer.read()[:300]!r}")
    return answer


def upload(client: http.client.HTTPConnection, megabytes: int) -> str:
    """Upload a file of so many megabytes to the OpenAI wire; give its id."""
    head = b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    head += b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    tail = b"\r\n--B--\r\n"
    length = len(head) + megabytes * len(MEGABYTE) + len(tail)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(megabytes):
            yield MEGABYTE
        yield tail

    kind = "multipart/form-data; boundary=B"
    headers = {**OPENAI, "content-type": kind, "content-length": str(length)}
    file_id: str = json.loads(ask(client, "POST", "/v1/files", body(), headers).read())["id"]
    return file_id


def download(client: http.client.HTTPConnection, file_id: str) -> None:
    """Read a content to its end."""
    answer = ask(client, "GET", f"/v1/files/{file_id}/content", None, OPENAI)
    while answer.read(1 << 20):
        pass


def resumable(client: http.client.HTTPConnection, megabytes: int) -> None:
    """Upload a file of so many megabytes to Gemini's wire, in one piece."""
    begin = {**GOOGLE, "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    answer = ask(client, "POST", "/upload/v1beta/files", b"", begin)
    target = urlsplit(answer.headers["x-goog-upload-url"])
    answer.read()
    headers = {
        "x-goog-upload-command": "upload, finalize",
        "x-goog-upload-offset": "0",
        "content-length": str(megabytes * len(MEGABYTE)),
    }
    body = (MEGABYTE for _ in range(megabytes))
    ask(client, "POST", f"{target.path}?{target.query}", body, headers).read()


def message_batch(client: http.client.HTTPConnection, megabytes: int) -> None:
    """Create a batch of Anthropic's wire from a body of so many megabytes."""
    text = "x" * 99_850

    def element(at: int) -> bytes:
        messages = [{"role": "user", "content": text}]
        params = {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": messages}
        return json.dumps({"custom_id": f"r{at:06}", "params": params}).encode()

    count = megabytes * 10
    length = len(element(0)) * count + 2 * (count - 1) + len(b'{"requests": []}')

    def body() -> Iterator[bytes]:
        yield b'{"requests": ['
        for at in range(count):
            yield (b", " if at else b"") + element(at)
        yield b"]}"

    headers = {**ANTHROPIC, "content-length": str(length)}
    made = json.loads(ask(client, "POST", "/v1/messages/batches", body(), headers).read())
    while made["processing_status"] != "ended":  # queueing is work of the server's, too
        time.sleep(0.2)
        path = f"/v1/messages/batches/{made['id']}"
        made = json.loads(ask(client, "GET", path, None, ANTHROPIC).read())


def large(megabytes: int) -> None:
    """Print seconds and the server's peak memory for each way to move many bytes."""
    with serving() as server, contextlib.closing(server.connect()) as client:
        print(f"{'large bodies':<34} {'s':>6} {'peak MB':>8}")

        def measure(title: str, work: Callable[[], object]) -> object:
            server.forget_peak()
            began = time.perf_counter()
            done = work()
            print(f"{title:<34} {time.perf_counter() - began:>6.1f} {server.peak_mb():>8.0f}", flush=True)
            return done

        measure(f"multipart upload, {megabytes} MB", lambda: upload(client, megabytes))
        file_id = str(measure(f"multipart upload, {5 * megabytes} MB", lambda: upload(client, 5 * megabytes)))
        measure(f"download, {5 * megabytes} MB", lambda: download(client, file_id))
        measure(f"resumable upload, {megabytes} MB", lambda: resumable(client, megabytes))
        measure(f"message batch, {megabytes} MB", lambda: message_batch(client, megabytes))


def small() -> None:
    """Print small requests a second of one client, and the errors of many at once."""
    with serving() as server:
        with contextlib.closing(server.connect()) as client:
            for count in (200, SMALL):  # the first ones warm up
                began, cpu = time.perf_counter(), server.used()
                for _ in range(count):
                    ask(client, "GET", "/v1/batches", None, OPENAI).read()
                seconds = time.perf_counter() - began
                cpu = server.used() - cpu
        print(
            f"small requests: {SMALL / seconds:,.0f}/s; {SMALL / cpu:,.0f} in a second of the server's processor"
        )
        failed: list[BaseException] = []

        def one() -> None:
            try:
                with contextlib.closing(server.connect()) as own:
                    for _ in range(20):
                        ask(own, "GET", "/v1/batches", None, OPENAI).read()
            except BaseException as error:  # noqa: BLE001 - counted
                failed.append(error)

        threads = [threading.Thread(target=one) for _ in range(CLIENTS)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = CLIENTS * 20 / (time.perf_counter() - began)
        print(f"{CLIENTS} clients at once: {rate:,.0f}/s, {len(failed)} errors")


def main(megabytes: int) -> None:
    """Print all of it."""
    ready()
    small()
    large(megabytes)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
