"""What the tests of the server share: a server as a process of its own, and the official client for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from openai import OpenAI

from tests.support import clean_environment

TERMINAL = ("completed", "failed", "expired", "cancelled")


class ServerProcess:
    """``batch-cli serve`` on a free port, with its data in ``directory``."""

    def __init__(self, directory: Path, *words: str, env: Mapping[str, str] | None = None) -> None:
        self.directory, self.words, self.env = directory, words, env
        self.url = ""
        self.start()

    def start(self) -> None:
        words = [sys.executable, "-m", "batch_cli", "serve", "--port", "0", *self.words]
        with (self.directory / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "--data-dir", str(self.directory / "data")],
                cwd=self.directory,
                env=clean_environment(self.directory, self.env),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        assert self.url, self.log

    @property
    def log(self) -> str:
        return (self.directory / "serve.log").read_text(encoding="utf-8")

    def kill(self) -> None:
        self.process.kill()
        self._gone()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def client(self, key: str = "sk-test") -> OpenAI:
        """Give the official client; what it gets is held to the types it declares, and nothing is tried again."""
        return OpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0, _strict_response_validation=True)

    def http(self, **options: Any) -> httpx.Client:
        headers = {"authorization": "Bearer sk-test", **options.pop("headers", {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def ledger(self) -> Any:
        return httpx.get(f"{self.url}/_emulator/ledger").json()


def wait_until(condition: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def ended(client: OpenAI, batch_id: str) -> Any:
    """Wait until a batch has ended, and give it."""
    wait_until(lambda: client.batches.retrieve(batch_id).status in TERMINAL)
    return client.batches.retrieve(batch_id)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
