"""Where a provider is: a base URL that keys may be sent to."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from batch_cli.errors import ConfigError, quoted

_PORTS = {"http": 80, "https": 443}
_ONE_WORD = re.compile(r"[!-~]+")
"""Python would cut line ends out of a URL before it reads it."""
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True, slots=True)
class Origin:
    """A base URL, taken apart; requests go to this scheme, host and port and nowhere else."""

    scheme: str
    host: str
    port: int
    path: str
    """In front of every request's path, without a slash at its end."""

    @classmethod
    def parse(cls, url: str, source: str, *, has_key: bool = True) -> Self:
        """Read a base URL that came from ``source``, a variable or an option, for messages.

        Where no key is sent (``has_key`` is False) it may be anywhere without encryption.

        Raises:
            ConfigError: it is none, holds a user or a query, or would send a key over a network in the clear.
        """
        hint = f"set {source} to an address like https://api.example.com/v1"
        url = url.strip()
        if not _ONE_WORD.fullmatch(url):
            raise ConfigError(f"{source} is not a URL: {quoted(_shown(url))}", hint=hint)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"{source} is not a URL: {error}", hint=hint) from error
        host = (parts.hostname or "").lower()
        if parts.scheme not in _PORTS or not host or not _is_host(host):
            raise ConfigError(f"{source} is not an http or https URL: {quoted(_shown(url))}", hint=hint)
        if parts.username is not None or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
            raise ConfigError(
                f"{source} must be scheme, host and path alone, without a user, query or fragment", hint=hint
            )
        if has_key and parts.scheme == "http" and not is_loopback(host):
            raise ConfigError(
                f"{source} would send your key to {host} without encryption",
                hint="use https://; http:// is for servers on this machine only",
            )
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def is_here(self) -> bool:
        """Tell whether it is on this machine."""
        return is_loopback(self.host)

    @property
    def authority(self) -> str:
        """Give ``host`` or ``host:port``, as a Host header holds it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"

    def path_of(self, url: str) -> str | None:
        """Give path and query of an absolute or relative URL that a server sent; None: it leads elsewhere."""
        if not _ONE_WORD.fullmatch(url):
            return None
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return None
        if parts.scheme or parts.netloc:
            here = (parts.scheme, (parts.hostname or "").lower(), port)
            if here != (self.scheme, self.host, self.port) or parts.username is not None:
                return None
        if not parts.path.startswith("/"):
            return None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def __str__(self) -> str:
        """Write it as people do."""
        return f"{self.scheme}://{self.authority}{self.path}"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    return re.fullmatch(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", host) is not None


def _shown(url: str) -> str:
    """Leave out what stands before an @: it may be a password."""
    return re.sub(r"//[^/@]*@", "//…@", url)
