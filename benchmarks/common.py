"""What the benchmarks share: request texts of a given size, and a command measured as whole processes."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BATCH_CLI = (sys.executable, "-m", "batch_cli")
_FILLER = (
    "I work as a software engineer for a small company that builds tools for gardeners, and in my free time"
    " I like to read long novels about the sea. "
)

_WORDS = (
    "garden letter river morning window paper question answer light table story number evening station road"
).split()


@dataclass(frozen=True, slots=True)
class Run:
    """One command, measured."""

    seconds: float
    peak_mb: float
    """The largest single process of the command, its helpers among them."""
    code: int
    output: str
    processor_seconds: float = 0.0
    """Of all its processes."""


def write_messages(path: Path, count: int) -> None:
    """Write a messages file whose request lines, with the demo's schema, come to about 1 kB each."""
    with path.open("w", encoding="utf-8") as stream:
        for at in range(count):
            text = f"Hi there! My name is Alice and I'm {20 + at % 60} years old. {_FILLER * 3}"
            stream.write(json.dumps([{"role": "user", "content": text}]) + "\n")


def measure(words: Sequence[str], directory: Path) -> Run:
    """Run a command in ``directory``, with a state directory there, and measure it."""
    environment = {**os.environ, "BATCH_CLI_STATE_DIR": str(directory / "state")}
    read_end, write_end = os.pipe()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:  # its own process, so that the peak is that of this command alone
        os.close(read_end)
        done = subprocess.run(
            words, cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        facts = [seconds, used.ru_maxrss / 1024, done.returncode, (done.stdout + done.stderr)[-2000:]]
        facts.append(used.ru_utime + used.ru_stime)
        os.write(write_end, json.dumps(facts).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        facts = json.loads(stream.read())
    os.waitpid(child, 0)
    return Run(*facts)


def write_requests(path: Path, count: int, size: int, bad: int = 0) -> Path:
    """Write chat requests of about ``size`` bytes each, ``bad`` of them, spread evenly, with a wrong role."""
    rng = random.Random(1)
    texts = []
    for _ in range(500):
        words = [rng.choice(_WORDS) for _ in range((size - 215) // 7)]
        for at in range(9, len(words), 17):
            words[at] = f'said "{words[at]}".\n'
        texts.append(" ".join(words))
    every = count // bad if bad else 0
    with path.open("w", encoding="utf-8") as stream:
        for at in range(count):
            role = "robot" if every and at % every == 0 else "user"
            messages = [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": role, "content": f"{at} {texts[at % 500]}"[: size - 215]},
            ]
            body = {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 1000, "temperature": 0.1}
            request = {
                "custom_id": f"request-{at}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": body,
            }
            stream.write(json.dumps(request) + "\n")
    return path
