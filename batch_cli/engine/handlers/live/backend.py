"""The model server that requests are sent to: its address, its key, and how much it may be asked at once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from batch_cli.errors import UsageError, quoted
from batch_cli.jsonl import dumps, loads
from batch_cli.model import Secret

LIVE = "live"
"""The handler, in the settings of a batch, that sends requests to the model server which the worker knows."""
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_URL = re.compile(r"https?://[^\s\\]+")
_HINT = "for example --backend http://localhost:11434 or --backend https://models.example.org/openai/v1"


@dataclass(frozen=True, slots=True)
class Backend:
    """A model server, as the user named it."""

    url: str
    """Where its endpoints lie, without a slash at the end; `read_base_url` gave it."""
    key: Secret | None = None
    concurrency: int = 16
    """How many requests of batches are on their way to it at once."""
    seconds: float = 600.0
    """How long one request may take, from connecting to the last byte of its answer."""

    def endpoint(self, path: str) -> str:
        """Give the address of one of OpenAI's paths: ``/v1/embeddings`` lies at ``embeddings`` below the base."""
        return self.url + path.removeprefix("/v1")

    @property
    def is_encrypted(self) -> bool:
        """Tell whether others on the way can read nothing."""
        return self.url.startswith("https://")

    def encode(self) -> bytes:
        """Write it, key included, as one line for a pipe to another process of ours; for nothing else."""
        key = None if self.key is None else self.key.reveal()
        fields = {"url": self.url, "key": key, "concurrency": self.concurrency, "seconds": self.seconds}
        return dumps(fields) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Backend:
        """Read what `encode` wrote."""
        fields = loads(line)
        key = None if fields["key"] is None else Secret(fields["key"])
        return cls(fields["url"], key, fields["concurrency"], fields["seconds"])


def read_base_url(text: str) -> str:
    """Read the address of a model server. One without a path gets ``/v1``; one with a path is taken as it is.

    Names are judged when they are looked up, because what they mean can change.

    Raises:
        UsageError: it is no such address, or would send requests in the clear over the Internet.
    """
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if not _URL.fullmatch(text.strip()) or not host or not text.strip().isascii():
        raise UsageError(
            f"--backend must be the http address of a model server, not {quoted(text)}", hint=_HINT
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "--backend must not hold a name or a password",
            hint="put the key into BACKEND_API_KEY, or name its variable with --backend-key-env",
        )
    if parts.query or parts.fragment:
        raise UsageError("--backend must end before any ? or #", hint=_HINT)
    if parts.scheme == "http" and (address := _literal(host)) is not None and is_public(address):
        raise UsageError(
            f"{host} is on the Internet: over http:// everybody on the way could read the requests and the key",
            hint=f"use https://{parts.netloc}{parts.path}, or an address of your own network",
        )
    path = re.sub("/+$", "", parts.path) or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_public(address: IPAddress) -> bool:
    """Tell whether an address may lie outside of this machine and its own networks."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_global or (mapped or address).is_multicast


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
