"""kill -9 of a live batch at random moments; the same line again each time, against a server that keeps a ledger.

    python benchmarks/live_soak.py [KILLS] [REQUESTS] [SEED]     default: 200 5000 1

The server answers 5 % of the rows with an error (half of them for good, half at the first try) and refuses everything
with 429 for a tenth of a second now and then.
Promised: the rows at the end are those of a run that nobody killed, and no row is answered more often than once, but
for those that were in flight at a kill, or answered and not yet on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

from common import BATCH_CLI

IN_FLIGHT = 16
OUTPUT = "results.jsonl"
_ERRORS = 40
"""One row in so many fails for good, and one at its first try."""


class Ledger(asyncio.Protocol):
    """A live endpoint that counts what it answered, in all connections together."""

    answered: ClassVar[Counter[str]] = Counter()
    """Final answers by row, good or bad: what a provider would bill or log."""
    tried: ClassVar[Counter[str]] = Counter()
    refused = 0
    in_flight = peak = 0
    loop: asyncio.AbstractEventLoop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.came = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, after a while."""
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if found and len(body) >= length:
            self.came = body[length:]
            Ledger.in_flight += 1
            Ledger.peak = max(Ledger.peak, Ledger.in_flight)
            self.loop.call_later(random.uniform(0.005, 0.03), self.answer, body[:length])

    def answer(self, body: bytes) -> None:
        """Answer one request by its row's words."""
        Ledger.in_flight -= 1
        row = json.loads(body)["messages"][0]["content"]
        luck = crc32(row.encode()) % _ERRORS
        Ledger.tried[row] += 1
        if time.monotonic() % 3 < 0.1:
            Ledger.refused += 1
            self.say(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}})
        elif luck == 1 and Ledger.tried[row] == 1:
            self.say(500, {"error": {"message": "for once"}})
        else:
            Ledger.answered[row] += 1
            if luck == 0:
                self.say(400, {"error": {"message": f"no {row}", "code": "bad"}})
            else:
                choice = {
                    "index": 0,
                    "message": {"role": "assistant", "content": row},
                    "finish_reason": "stop",
                }
                self.say(200, {"id": row, "object": "chat.completion", "choices": [choice]})

    def say(self, status: int, body: Any) -> None:
        """Write an answer; whoever asked may be dead."""
        raw = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + raw)


def serve() -> str:
    """Serve on a thread and give the address."""
    ready, found = threading.Event(), []

    async def run() -> None:
        Ledger.loop = asyncio.get_running_loop()
        server = await Ledger.loop.create_server(Ledger, "127.0.0.1", 0, backlog=1024)
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait()
    return f"http://127.0.0.1:{found[0]}/v1"


class Soak:
    """One soak: a directory, a request file, a stream of random decisions."""

    def __init__(self, directory: Path, url: str, requests: int, seed: int) -> None:
        """Write the requests."""
        self.directory, self.requests, self.random = directory, requests, random.Random(seed)
        self.environment = {**os.environ, "BATCH_CLI_STATE_DIR": str(directory / "state")}
        words = f"submit r.jsonl -m local/m --base-url {url} --max-concurrent {IN_FLIGHT} --wait --results {OUTPUT} -q"
        self.words = [*BATCH_CLI, *words.split()]
        with (directory / "r.jsonl").open("w") as stream:
            for n in range(requests):
                body = {"model": "m", "messages": [{"role": "user", "content": f"row {n}"}]}
                line = {"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions", "body": body}
                stream.write(json.dumps(line) + "\n")

    def killed(self, rows: int) -> bool:
        """Run the line, and kill it when it had ``rows`` more answered; False: it came to its end before."""
        before = Ledger.answered.total()
        with subprocess.Popen(
            self.words, cwd=self.directory, env=self.environment, stdout=subprocess.DEVNULL
        ) as run:
            while run.poll() is None:
                if Ledger.answered.total() >= before + rows:
                    time.sleep(self.random.uniform(0, 0.02))
                    with contextlib.suppress(ProcessLookupError):
                        run.kill()
                    run.wait()
                    return True
                time.sleep(0.002)
            if run.returncode not in (0, 7):
                sys.exit(f"the line ended with {run.returncode}")
        return False

    def verify(self, kills: int) -> None:
        """Hold the output against what an undisturbed run gives, and the ledger against the promise."""
        with (self.directory / OUTPUT).open(encoding="utf-8") as stream:
            rows = 0
            for at, line in enumerate(stream):
                row, text = json.loads(line), f"row {at}"
                is_bad = crc32(text.encode()) % _ERRORS == 0
                body = row["response"]["body"]
                said = body["error"]["message"] if is_bad else body["choices"][0]["message"]["content"]
                if row["custom_id"] != f"r{at}" or said != (f"no {text}" if is_bad else text):
                    sys.exit(f"row {at} is wrong: {line[:300]}")
                rows += 1
        extra = Ledger.answered.total() - self.requests
        if rows != self.requests or len(Ledger.answered) != self.requests:
            sys.exit(f"{rows} rows and {len(Ledger.answered)} answers for {self.requests} requests")
        if extra > kills * IN_FLIGHT or Ledger.peak > 2 * IN_FLIGHT:
            sys.exit(f"{extra} rows were sent again after {kills} kills, {Ledger.peak} in flight at most")


def main(kills: int, requests: int, seed: int) -> None:
    """Soak and report."""
    url = serve()
    with tempfile.TemporaryDirectory() as name:
        soak, done, began = Soak(Path(name), url, requests, seed), 0, time.perf_counter()
        most = max(1, requests // kills)
        while done < kills and soak.killed(soak.random.randint(0, most)):
            done += 1
        while soak.killed(10 * requests):
            pass
        soak.verify(done)
        extra = Ledger.answered.total() - requests
        print(
            f"{done} kills over {requests:,} rows: every row once in the output; {extra:,} sent again"
            f" ({extra / max(done, 1):.1f} a kill of {IN_FLIGHT} in flight), {Ledger.refused:,} refused with 429"
            f" ({time.perf_counter() - began:.0f} s)"
        )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [200, 5_000, 1][len(numbers) :]))
