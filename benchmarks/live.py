"""Requests sent one by one with --via direct, to a server of our own that answers at once or after a while.

    python benchmarks/live.py [--requests N] [--slow N] [--peers N] [--memory N]     default: 20000 10000 2000 200000

Promised, each against the same server in the same run:

    0 ms, 64 in flight        at least 5,000 rows/s with every row on disk, 5 times `AsyncOpenAI` with gather and a semaphore,
                              0.8 times the same without a journal
    500 ms, 1,024 in flight   at least 0.80 of the ideal rate, which is 1,024 / 0.5 s
    memory                    200,000 requests in less than 150 MB

The server is a process of its own, and takes a processor for itself; figures count where two are free.
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
from random import Random
from typing import BinaryIO

from common import BATCH_CLI, Run, measure

from batch_cli.clock import SystemClock
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.figures import Figures
from batch_cli.engine.handlers.live.fleet import Fleet, ModelServer
from batch_cli.engine.handlers.live.handler import Live
from batch_cli.engine.handlers.live.pace import Pace
from batch_cli.engine.handlers.live.rates import Rates
from batch_cli.engine.handlers.live.sender import Sender
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.live_worker import tuned
from batch_cli.engine.store import Store, StoredBatch

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
    """Answers every request with the same bytes, after the same time."""

    raw = json.dumps(ANSWER).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(raw),
        raw,
    )
    seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.came = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        self.came = body[length:]
        if self.seconds:
            asyncio.get_running_loop().call_later(self.seconds, self.transport.write, self.answer)
        else:
            self.transport.write(self.answer)


async def be_the_model(seconds: float) -> None:
    """Serve, and print the address."""
    Model.seconds = seconds
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def model(seconds: float) -> Iterator[str]:
    """Start the server and give its address."""
    words = [sys.executable, __file__, "--model", str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().decode().strip()
        finally:
            server.terminate()


def only_batch(directory: Path) -> StoredBatch:
    """Give the batch of a state directory that has one."""
    store = Store(directory / "state" / "engine", SystemClock())
    found = store.batch(next(store.root.glob("direct_*")).name)
    assert found is not None
    return found


def durable(url: str, directory: Path, count: int, in_flight: int) -> tuple[float, Run]:
    """Give rows a second from the first claim to the last answer on disk, and the whole command."""
    with (directory / "r.jsonl").open("w") as stream:
        for n in range(count):
            line = {"custom_id": f"r{n}", "method": "POST", "url": CHAT, "body": BODY}
            stream.write(json.dumps(line) + "\n")
    words = f"submit r.jsonl -m local/m --base-url {url} --max-concurrent {in_flight} --wait -q"
    run = measure((*BATCH_CLI, *words.split()), directory)
    if run.code:
        sys.exit(f"submit ended with {run.code}: {run.output}")
    batch = only_batch(directory)
    assert batch.started_at is not None
    assert batch.ended_at is not None
    if batch.completed != count:
        sys.exit(f"{batch.completed:,} of {count:,} were answered")
    return count / (batch.ended_at - batch.started_at), run


async def bare(url: str, directory: Path, in_flight: int) -> tuple[float, float]:
    """Give rows a second of the same run without a journal, and microseconds of processor a row.

    The same handler gets the requests of ``r.jsonl``, and their result lines are appended to a file; no row is recorded,
    nothing is brought to the disk, and a crash would lose it all.
    """
    now = asyncio.get_running_loop().time
    backend = Backend(url, concurrency=in_flight)
    connection = Sender(backend)
    pace = Pace(url, print, now, Random(1))
    fleet = Fleet([ModelServer(backend, connection, pace, now)], Rates(None, None, now), Figures())

    async def rest(seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return True

    async def wait_for(something: asyncio.Future[None]) -> bool:
        await something
        return True

    live, count = Live(fleet, rest, wait_for), 0
    batch = only_batch(directory)

    async def one(requests: BinaryIO, output: BinaryIO) -> None:
        nonlocal count
        for line in requests:
            call = parse_call(line)
            number, count = count, count + 1
            (reply,) = await live([call])
            assert reply is not None
            output.write(result_line(batch.id, number, call, reply) + b"\n")

    began, used = time.perf_counter(), time.process_time()
    with (
        tuned(),
        (directory / "r.jsonl").open("rb") as requests,
        (directory / "bare.jsonl").open("wb") as output,
    ):
        await asyncio.gather(*(one(requests, output) for _ in range(in_flight)))
    await connection.close()
    return count / (time.perf_counter() - began), (time.process_time() - used) / count * 1e6


async def peer(url: str, count: int, in_flight: int) -> float:
    """Give rows a second of what people write by hand: `AsyncOpenAI`, a semaphore, gather."""
    from openai import AsyncOpenAI  # noqa: PLC0415 - a second of import, not in ours

    room = asyncio.Semaphore(in_flight)
    async with AsyncOpenAI(base_url=url, api_key="k") as client:

        async def one() -> None:
            async with room:
                await client.chat.completions.create(**BODY)  # type: ignore[call-overload]  # plain dicts

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return count / (time.perf_counter() - began)


@contextlib.contextmanager
def fresh() -> Iterator[Path]:
    """Give an empty directory."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def main(requests: int, slow: int, peers: int, memory: int) -> None:
    """Print what was measured, each beside what it is held to."""
    with model(0.0) as url, fresh() as directory, fresh() as small:
        rate, run = durable(url, directory, requests, 64)
        plain, alone = asyncio.run(bare(url, directory, 64))
        _, start = durable(url, small, 10, 64)
        whole = (run.processor_seconds - start.processor_seconds) / requests * 1e6
        print(f"{requests:,} requests, 0 ms, 64 in flight: {rate:,.0f} rows/s, {run.peak_mb:.0f} MB")
        print(f"    without a journal: {plain:,.0f}/s; with it {rate / plain:.2f} of that")
        print(
            f"    processor time a row: {whole:.0f} µs, checking and storing it among that; without {alone:.0f} µs"
        )
        if peers:
            theirs = asyncio.run(peer(url, peers, 64))
            print(f"    AsyncOpenAI ({peers:,} requests): {theirs:,.0f}/s; {rate / theirs:.1f} times as fast")
    if slow:
        with model(0.5) as url, fresh() as directory:
            rate, run = durable(url, directory, slow, 1024)
            print(
                f"{slow:,} requests, 500 ms, 1,024 in flight: {rate:,.0f}/s, {rate / 2048:.2f} of the ideal"
            )
    if memory:
        with model(0.0) as url, fresh() as directory:
            rate, run = durable(url, directory, memory, 64)
            print(f"{memory:,} requests: {rate:,.0f} rows/s, {run.peak_mb:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--slow", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=2_000)
    parser.add_argument("--memory", type=int, default=200_000)
    arguments = parser.parse_args()
    if arguments.model is not None:
        asyncio.run(be_the_model(arguments.model))
    else:
        main(arguments.requests, arguments.slow, arguments.peers, arguments.memory)
