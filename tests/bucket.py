"""A store like S3 on this machine: moto, a process of its own, at a free port."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx

from tests.serving import wait_until

_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/s3/aws4_request"}
"""moto looks only whether a request is signed."""


class Bucket:
    """A running store with one bucket, ``data``; ``with`` starts and stops it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        with (self._directory / "moto.log").open("wb") as log:
            words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        wait_until(self._answers)
        self.make("data")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/moto-api/").is_success
        except httpx.TransportError:
            return False

    def make(self, bucket: str) -> None:
        assert httpx.put(f"{self.url}/{bucket}").is_success

    def put(self, key: str, data: bytes) -> str:
        assert httpx.put(f"{self.url}/data/{key}", content=data, headers=_SIGNED).is_success
        return f"s3://data/{key}"

    def get(self, key: str) -> bytes | None:
        answer = httpx.get(f"{self.url}/data/{key}", headers=_SIGNED)
        return answer.content if answer.is_success else None

    def uploads(self) -> int:
        """Give how many uploads in parts were begun and neither finished nor taken back."""
        return httpx.get(f"{self.url}/data?uploads").text.count("<UploadId>")
