"""Requests through ``serve --backend``, with a model server that answers at once.

    python benchmarks/backend.py [COUNT ...] [--concurrency N]     default: 2000 20000, 64

Prints for each count: requests a second from the create of the batch to its end, and the peak memory of the server
and of the process that sends. Memory should be the same for every count. For comparison, the same number of
requests sent to the model server by nothing but the connection.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from common import BATCH_CLI

from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.connection import Connection

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "How much is the fish? " * 20}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello! " * 40}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 100, "completion_tokens": 80, "total_tokens": 180},
}


class Model(asyncio.Protocol):
    """Answers every request at once with the same bytes."""

    raw = json.dumps(ANSWER).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(raw),
        raw,
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.came = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if found and len(body) >= length:
            self.came = body[length:]
            self.transport.write(self.answer)


async def be_the_model() -> None:
    """Serve, and print the address."""
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def bare(url: str, count: int, concurrency: int) -> float:
    """Give requests a second of the connection alone."""
    body, left = json.dumps(BODY).encode(), iter(range(count))
    connection = Connection(Backend(f"{url}/v1"))

    async def send() -> None:
        for _ in left:
            await connection.send("POST", f"{url}{CHAT}", body, 60)

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(concurrency)))
    await connection.close()
    return count / (time.perf_counter() - began)


def peak_mb(pid: int) -> float:
    """Give the peak memory of a running process; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def executor_of(pid: int) -> int:
    """Give the process that sends: the server's only child."""
    children = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return int("".join(children).split()[0])


@contextlib.contextmanager
def started(words: list[str]) -> Iterator[tuple[int, str]]:
    """Start a server that prints its address, and stop it at the end; give its process id and the address."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            yield server.pid, server.stdout.readline().decode().strip()
        finally:
            server.terminate()


def through_serve(url: str, count: int, concurrency: int) -> tuple[float, float, float]:
    """Give requests a second of one batch, and the peaks of the server and of the process that sends."""
    with tempfile.TemporaryDirectory() as directory:
        words = [*BATCH_CLI, "serve", "--port", "0", "--no-auth", "--data-dir", directory]
        words += ["--backend", url, "--backend-concurrency", str(concurrency)]
        with started(words) as (front, own_url), httpx.Client(base_url=own_url, timeout=60) as client:
            lines = "".join(
                json.dumps({"custom_id": f"r{n}", "method": "POST", "url": CHAT, "body": BODY}) + "\n"
                for n in range(count)
            )
            file = client.post(
                "/v1/files", data={"purpose": "batch"}, files={"file": ("r.jsonl", lines.encode())}
            ).json()
            asked = {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}
            began = time.perf_counter()
            batch = client.post("/v1/batches", json=asked).json()
            while batch["status"] not in ("completed", "failed"):
                time.sleep(0.1)
                batch = client.get(f"/v1/batches/{batch['id']}").json()
            rate = count / (time.perf_counter() - began)
            peaks = peak_mb(front), peak_mb(executor_of(front))
            if batch["request_counts"] != {"total": count, "completed": count, "failed": 0}:
                sys.exit(f"not all were answered: {batch}")
    return rate, *peaks


def main(counts: list[int], concurrency: int) -> None:
    """Print a row for each count."""
    print(f"{'requests':>9} {'bare/s':>8} {'serve/s':>8} {'server MB':>10} {'sender MB':>10}")
    with started([sys.executable, __file__, "--model"]) as (_, url):
        for count in counts:
            alone = asyncio.run(bare(url, count, concurrency))
            rate, server, sender = through_serve(url, count, concurrency)
            print(f"{count:>9,} {alone:>8,.0f} {rate:>8,.0f} {server:>10.0f} {sender:>10.0f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("counts", type=int, nargs="*")
    arguments = parser.parse_args()
    if arguments.model:
        asyncio.run(be_the_model())
    else:
        main(arguments.counts or [2_000, 20_000], arguments.concurrency)
