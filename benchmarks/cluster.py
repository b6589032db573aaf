"""Rows through the engine in this process, and through two workers of a Ray cluster on this machine.

    python benchmarks/cluster.py [COUNT]        default: 20000

Promised: with the same handler, 0.7 of the rate of the single process at least. The start of the cluster and
its workers is told apart: it takes seconds, whatever the count. Live rows go to a server in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from batch_cli.clock import SystemClock
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.engine.handlers.live.backend import LIVE, Backend
from batch_cli.engine.handlers.live.options import DIRECT, LiveOptions, LiveSetup
from batch_cli.engine.store import NewBatch, Store
from batch_cli.engine.worker import Worker, WorkerOptions
from batch_cli.events import Event, Progress
from batch_cli.jsonl import dumps

IN_FLIGHT = 64
SERVER = """
import sys; sys.path.insert(0, sys.argv[1])
from tests.live_server import LiveServer
with LiveServer() as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def lines(count: int) -> Iterator[bytes]:
    """Give requests that are all a little different."""
    for number in range(count):
        body = {"model": "simulate", "messages": [{"role": "user", "content": f"Ada is {number} years old"}]}
        yield dumps(
            {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        )


def rate(count: int, live: LiveSetup | None, cluster: ClusterWishes | None) -> tuple[float, float]:
    """Give rows a second from the first answers to the last, and the seconds before."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "engine", SystemClock())
        key = "bci_" + "1f" * 16
        batch_id = store.stage(key, lines(count))
        settings = {} if live is None else {"handler": LIVE, "via": DIRECT, "model": "simulate"}
        store.add(batch_id, NewBatch(key, "/v1/chat/completions", "simulate", settings, {}, count))
        at = time.monotonic()
        concurrency = 8 if live is None else IN_FLIGHT
        options = WorkerOptions(concurrency, batch_id, live=live, blames=live is None, cluster=cluster)
        seen: list[tuple[float, int]] = []

        def note(event: Event) -> None:
            if isinstance(event, Progress) and event.done:
                seen.append((time.monotonic(), event.done))

        worker = Worker(store, options, note)
        if worker._helpers is not None:  # noqa: SLF001 - one process against two: without helpers
            worker._helpers = None  # noqa: SLF001
        worker.run()
        batch = store.batch(batch_id)
        if batch is None or batch.completed != count:
            sys.exit(f"not all rows have an answer: {batch}")
        store.close()
        (begun, before), (ended, done) = seen[0], seen[-1]
        return (done - before) / (ended - begun), begun - at


def main(count: int) -> None:
    """Print a row for each way."""
    root = str(Path(__file__).parents[1])
    words = [sys.executable, "-c", SERVER, root]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        live = LiveSetup((Backend(url, None, IN_FLIGHT),), LiveOptions(IN_FLIGHT))
        print(f"{'handler':<10} {'one process':>12} {'ray':>8} {'ratio':>6} {'start of ray':>13}")
        for name, setup in (("simulated", None), ("live", live)):
            alone, _ = rate(count, setup, None)
            spread, start = rate(count, setup, ClusterWishes())
            print(f"{name:<10} {alone:>10,.0f}/s {spread:>6,.0f}/s {spread / alone:>6.2f} {start:>11.1f} s")
        assert server.stdin is not None
        server.stdin.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=20_000)
    main(parser.parse_args().count)
