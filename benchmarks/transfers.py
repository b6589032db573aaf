"""Results of one batch of 1 GB fetched into ordered lines, and requests of 200 MB sent, as whole commands.

    python benchmarks/transfers.py [--rows N] [--row-bytes N]     default: 50,000 rows of 20,000 bytes

Each is measured in the same run against what cannot be avoided: `curl -o` and a bare loop of `orjson.loads` over the
file; `curl -F` of the file. The server is a process of its own that does nothing but move bytes.
Promised: both in memory that does not depend on the size, under 150 MB. A submit reads its file twice, to check it and
to send it, which curl does not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import BATCH_CLI, Run, measure, write_requests

_ROUNDS = 3
_BLOCK = 1 << 20
_NUMBERS = itertools.count(1)
_BARE_LOOP = (
    "import sys, orjson\nfor line in open(sys.argv[1], 'rb', buffering=1 << 20):\n    orjson.loads(line)\n"
)


class Service(BaseHTTPRequestHandler):
    """As much of OpenAI's wire as one batch needs; its result file is ``results`` in the working directory."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Give the batch, the size of the result file, or the file."""
        if self.path.endswith("/content"):
            self._send_file(Path("results"))
        elif self.path.startswith("/v1/files/"):
            self._answer({"id": "file-out", "object": "file", "bytes": Path("results").stat().st_size})
        elif self.path.startswith("/v1/batches/"):
            self._answer(_batch(int(self.path.rpartition("_")[2])))
        else:
            self._answer({"object": "list", "data": [], "has_more": False})

    def do_POST(self) -> None:
        """Take a file, or a batch."""
        left = int(self.headers["content-length"])
        if self.path != "/v1/files":
            self.rfile.read(left)
            self._answer(_batch(next(_NUMBERS)))
            return
        while left:
            left -= len(self.rfile.read1(min(left, _BLOCK)))
        self._answer({"id": "file-in", "object": "file", "bytes": 0})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_file(self, path: Path) -> None:
        size = path.stat().st_size
        self.send_response(200)
        self.send_header("content-length", str(size))
        self.end_headers()
        self.wfile.flush()
        with path.open("rb") as stream:
            at = 0
            while at < size:
                at += os.sendfile(self.connection.fileno(), stream.fileno(), at, _BLOCK)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _batch(number: int) -> object:
    return {
        "id": f"batch_{number}",
        "object": "batch",
        "status": "completed",
        "input_file_id": "file-in",
        "output_file_id": "file-out",
        "created_at": 1,
    }


def write_results(path: Path, rows: int, size: int, *, shuffled: bool = False) -> None:
    """Write rows as OpenAI does, with spaces."""
    rng = random.Random(1)
    order = list(range(rows))
    if shuffled:
        rng.shuffle(order)
    text = "".join(f'{n} words of an answer, with "quotes" and a line end\n' for n in range(size // 50))
    with path.open("w", encoding="utf-8") as stream:
        for at in order:
            message = {"role": "assistant", "content": f"{at} {text}"[: size - 550], "refusal": None}
            body = {
                "id": f"chatcmpl-{_token(rng)}",
                "object": "chat.completion",
                "created": 1_795_268_000,
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 22, "completion_tokens": 400, "total_tokens": 422},
                "system_fingerprint": "fp_123",
            }
            row = {
                "id": f"batch_req_{_token(rng)}",
                "custom_id": f"request-{at}",
                "response": {"status_code": 200, "request_id": _token(rng), "body": body},
                "error": None,
            }
            stream.write(json.dumps(row) + "\n")


def _token(rng: random.Random) -> str:
    return "".join(rng.choices("0123456789abcdef", k=24))


def serve(directory: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the service in a process of its own; give it and its address."""
    words = [sys.executable, str(Path(__file__).resolve()), "--serve"]
    server = subprocess.Popen(words, cwd=directory, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def median(make: Callable[[], list[Run]]) -> tuple[float, float]:
    """Give the median of the seconds of some commands one after the other, and the highest peak of memory."""
    rounds = [make() for _ in range(_ROUNDS)]
    for run in (run for runs in rounds for run in runs):
        if run.code:
            sys.exit(run.output)
    seconds = statistics.median(sum(run.seconds for run in runs) for runs in rounds)
    return seconds, max(run.peak_mb for runs in rounds for run in runs)


def _line(what: str, found: tuple[float, float], least: float, size: float) -> None:
    seconds, peak = found
    print(
        f"{what:<34} {seconds:>7.2f} s {size / seconds:>6.0f} MB/s {seconds / least:>5.2f}x {peak:>5.0f} MB"
    )


def main(directory: Path, rows: int, size: int) -> None:
    """Print both, beside what they are measured against."""
    write_results(directory / "results", rows, size)
    write_requests(directory / "small.jsonl", rows, 300)
    large = write_requests(directory / "large.jsonl", 48_000, 4_000)
    server, url = serve(directory)
    os.environ.update(OPENAI_API_KEY="sk-benchmark", OPENAI_BASE_URL=f"{url}/v1")
    try:
        _results(directory, url)
        _submits(directory, url, large)
    finally:
        server.kill()


def _results(directory: Path, url: str) -> None:
    megabytes = (directory / "results").stat().st_size / 1e6
    submit = (*BATCH_CLI, "submit", "small.jsonl", "-m", "openai/gpt-4o-mini", "--again")
    if (done := measure(submit, directory)).code:
        sys.exit(done.output)

    def least() -> list[Run]:
        fetch = ("curl", "-sSf", "-o", "copy", f"{url}/v1/files/file-out/content")
        loop = (sys.executable, "-c", _BARE_LOOP, "copy")
        return [measure(fetch, directory), measure(loop, directory)]

    def anew(form: str) -> list[Run]:
        (directory / "out.jsonl").unlink(missing_ok=True)
        words = ("results", "-o", "out.jsonl", "--force", "--format", form)
        return [measure((*BATCH_CLI, *words), directory)]

    bare = median(least)
    _line(f"{megabytes:,.0f} MB: curl -o, orjson.loads", bare, bare[0], megabytes)
    _line("batch-cli results", median(lambda: anew("lines")), bare[0], megabytes)
    _line("batch-cli results --format raw", median(lambda: anew("raw")), bare[0], megabytes)


def _submits(directory: Path, url: str, large: Path) -> None:
    megabytes = large.stat().st_size / 1e6

    def least() -> list[Run]:
        form = ("-F", "purpose=batch", "-F", f"file=@{large}")
        return [measure(("curl", "-sSf", *form, "-o", "answer", f"{url}/v1/files"), directory)]

    def ours() -> list[Run]:
        words = (*BATCH_CLI, "submit", str(large), "-m", "openai/gpt-4o-mini", "--again")
        return [measure(words, directory)]

    bare = median(least)
    _line(f"{megabytes:,.0f} MB: curl -F", bare, bare[0], megabytes)
    _line("batch-cli submit, checked and sent", median(ours), bare[0], megabytes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--row-bytes", type=int, default=20_000)
    given = parser.parse_args()
    if given.serve:
        service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        print(f"http://127.0.0.1:{service.server_port}", flush=True)
        service.serve_forever()
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name), given.rows, given.row_bytes)
