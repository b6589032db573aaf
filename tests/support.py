"""What tests share: a clock to move by hand, a command line run in this process, requests to send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_cli.events import Event

ROOT = Path(__file__).parent.parent
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self.wall = now
        self.steady = 1_000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class Recorder:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)


def chat(custom_id: str, text: str = "Hi", **body: Any) -> dict[str, Any]:
    """Give an OpenAI request line."""
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "simulate", "messages": [{"role": "user", "content": text}], **body},
    }


def structured(custom_id: str, text: str) -> dict[str, Any]:
    """Give an OpenAI request line that asks for a name and an age."""
    wanted = {"type": "json_schema", "json_schema": {"name": "User", "strict": True, "schema": SCHEMA}}
    return chat(custom_id, text, response_format=wanted)


def write_lines(path: Path, lines: list[Any]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[Any]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give an environment with nothing of the developer's own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "BATCH_CLI_STATE_DIR": str(home / "state"),
        **(extra or {}),
    }


def command(
    directory: Path,
    *words: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Done:
    """Run batch-cli as a process of its own in ``directory``, with ``directory`` as its home."""
    done = subprocess.run(
        [sys.executable, "-m", "batch_cli", *words],
        cwd=directory,
        env=clean_environment(directory, env),
        input=stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def start(directory: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a command in the background, with its streams as pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "batch_cli", *words],
        cwd=directory,
        env=clean_environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
