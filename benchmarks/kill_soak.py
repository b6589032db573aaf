"""kill -9 of the command line, its helpers and the worker at random times; the same command again each time.

    python benchmarks/kill_soak.py [KILLS] [REQUESTS] [SEED]     default: 50 20000 1

Promised: however often it is killed, every request is exactly once in the output, in order, none lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import BATCH_CLI, write_messages

OUTPUT = "results.jsonl"


class Soak:
    """One soak: a directory, a request file, a stream of random decisions."""

    def __init__(self, directory: Path, requests: int, seed: int) -> None:
        """Write the requests."""
        self.directory, self.requests = directory, requests
        self.random = random.Random(seed)
        self.environment = {**os.environ, "BATCH_CLI_STATE_DIR": str(directory / "state")}
        self.kills = self.mid_work = self.batches = 0
        write_messages(directory / "messages.jsonl", requests)
        create = "create -i messages.jsonl -m local/simulate -r batch_cli.demo:User -o requests.jsonl -q"
        subprocess.run([*BATCH_CLI, *create.split()], cwd=directory, capture_output=True, check=True)

    def words(self, *, detached: bool) -> list[str]:
        """Give the command: it works in the foreground, or leaves the work to a detached worker."""
        # Another seed is another content: each batch is submitted anew.
        words = ["submit", "requests.jsonl", "-m", "local/simulate", "-q"]
        words += ["--simulate-seed", str(self.batches)]
        return [*BATCH_CLI, *words, *([] if detached else ["--wait", "--results", OUTPUT])]

    def run_killed(self) -> bool:
        """Start the command, kill it and what it started at a random time; True if it got to its end."""
        detached = self.random.random() < 0.3
        process = subprocess.Popen(
            self.words(detached=detached),
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            code = process.wait(self.random.uniform(0.1, 2.2))
        except subprocess.TimeoutExpired:
            victims = [process.pid, *children(process.pid)]
            for victim in victims if self.random.random() < 0.5 else victims[:1]:
                kill(victim)
            process.wait()
            self.count_kill()
            return False
        if not detached:
            return code == 0
        time.sleep(self.random.uniform(0.0, 0.8))
        status = self.json("worker", "status")
        for worker in status["workers"]:
            kill(worker["pid"])
            self.count_kill()
        return False

    def count_kill(self) -> None:
        """Count a kill, and whether it came while requests were being answered."""
        self.kills += 1
        batch = self.json("list", "--limit", "1")["batches"]
        if batch and 0 < batch[0]["counts"]["completed"] < self.requests:
            self.mid_work += 1

    def json(self, *words: str) -> Any:
        """Ask for a JSON document."""
        done = subprocess.run(
            [*BATCH_CLI, *words, "--json"],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    def verify(self) -> None:
        """Hold the output against the input: each request once, in order, with its own answer."""
        with (self.directory / OUTPUT).open(encoding="utf-8") as stream:
            rows = 0
            for at, line in enumerate(stream):
                row = json.loads(line)
                expected = {"name": "Alice", "age": 20 + at % 60}
                if row["custom_id"] != f"request-{at}" or row["parsed"] != expected:
                    sys.exit(f"row {at} is wrong: {line[:300]}")
                rows += 1
        if rows != self.requests:
            sys.exit(f"{rows} rows for {self.requests} requests")

    def run(self, kills: int) -> None:
        """Go on until there were so many kills, finishing and checking one batch after the other."""
        while self.kills < kills:
            (self.directory / OUTPUT).unlink(missing_ok=True)
            while not self.run_killed():
                if self.kills >= kills:
                    subprocess.run(
                        self.words(detached=False), cwd=self.directory, env=self.environment, check=True
                    )
                    break
            self.verify()
            self.batches += 1
            print(f"batch {self.batches} whole after {self.kills} kills", flush=True)


def children(pid: int) -> list[int]:
    """Give the direct children of a process (Linux)."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def kill(pid: int) -> None:
    """Send SIGKILL to a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main(kills: int, requests: int, seed: int) -> None:
    """Soak and report."""
    with tempfile.TemporaryDirectory() as name:
        soak = Soak(Path(name), requests, seed)
        started = time.perf_counter()
        soak.run(kills)
        subprocess.run([*BATCH_CLI, "worker", "stop", "-q"], env=soak.environment, check=False)
        print(
            f"{soak.kills} kills ({soak.mid_work} while requests were answered), {soak.batches} batches of"
            f" {requests:,}: every request once, in order ({time.perf_counter() - started:.0f} s)"
        )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [50, 20_000, 1][len(numbers) :]))
