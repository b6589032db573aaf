"""The model server that requests are sent to: its address, its key, and how much it may be asked at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from batch_cli.errors import UsageError, quoted
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, Secret

LIVE = "live"
"""The handler, in the settings of a batch, that sends requests to the model server which the worker knows."""
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_URL = re.compile(r"https?://[^\s\\]+")
_EXAMPLES = "for example {0} http://localhost:11434 or {0} https://models.example.org/openai/v1"


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
    key_header: str = "authorization"
    """``authorization`` (as a bearer) or a header that holds the bare key."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What else every request says, such as the version of the API."""
    weight: int = 1
    """Its share of the requests where there are several."""

    def endpoint(self, path: str) -> str:
        """Give the address of one of OpenAI's paths: ``/v1/embeddings`` lies at ``embeddings`` below the base."""
        return self.url + path.removeprefix("/v1")

    @property
    def is_encrypted(self) -> bool:
        """Tell whether others on the way can read nothing."""
        return self.url.startswith("https://")

    def encode(self) -> bytes:
        """Write it, key included, as one line for a pipe to another process of ours; for nothing else."""
        return dumps(self.to_json()) + b"\n"

    def to_json(self) -> JsonObject:
        """Give all there is, key included; for `encode` and its like."""
        return {
            "url": self.url,
            "key": None if self.key is None else self.key.reveal(),
            "concurrency": self.concurrency,
            "seconds": self.seconds,
            "key_header": self.key_header,
            "headers": dict(self.headers),
            "weight": self.weight,
        }

    @classmethod
    def decode(cls, line: bytes) -> Backend:
        """Read what `encode` wrote."""
        return cls.from_json(loads(line))

    @classmethod
    def from_json(cls, fields: JsonObject) -> Backend:
        """Read what `to_json` gave."""
        key = None if fields["key"] is None else Secret(fields["key"])
        return cls(**{**fields, "key": key})


def read_base_url(
    text: str,
    option: str = "--backend",
    key_hint: str = "put the key into BACKEND_API_KEY, or name its variable with --backend-key-env",
    root_path: str = "/v1",
) -> str:
    """Read the address of a model server, which ``option`` gave. One without a path gets ``root_path``; one with a path is taken as it is.

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
            f"{option} must be the http address of a model server, not {quoted(text)}",
            hint=_EXAMPLES.format(option),
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{option} must not hold a name or a password",
            hint=key_hint,
        )
    if parts.query or parts.fragment:
        raise UsageError(f"{option} must end before any ? or #", hint=_EXAMPLES.format(option))
    if parts.scheme == "http" and (address := _literal(host)) is not None and is_public(address):
        raise UsageError(
            f"{host} is on the Internet: over http:// everybody on the way could read the requests and the key",
            hint=f"use https://{parts.netloc}{parts.path}, or an address of your own network",
        )
    path = re.sub("/+$", "", parts.path) or root_path
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
