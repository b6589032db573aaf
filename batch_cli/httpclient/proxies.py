"""Whether a proxy stands between us and a server, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from batch_cli.errors import ConfigError
from batch_cli.httpclient.origin import Origin

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that speaks HTTP."""

    scheme: str
    """Of the connection to the proxy itself."""
    host: str
    port: int
    user: tuple[str, str] | None = field(default=None, repr=False)
    """Its user and password, if it has any."""

    def __str__(self) -> str:
        """Write it for messages, without the user."""
        return f"{self.host}:{self.port}"


def proxy_for(origin: Origin, environment: Mapping[str, str]) -> Proxy | None:
    """Give the proxy to use; None on this machine, and where ``NO_PROXY`` names the host.

    The variables are those of curl: lower case wins over upper, and what names no scheme is spoken to in HTTP.
    Source: https://everything.curl.dev/usingcurl/proxies/env.html (read 2026-11-21).

    Raises:
        ConfigError: a variable names no proxy that speaks HTTP.
    """
    if origin.is_here or _is_exempt(origin.host, _value(environment, "no_proxy")):
        return None
    for name in (f"{origin.scheme}_proxy", "all_proxy"):
        if given := _value(environment, name):
            return _parsed(given, name.upper(), origin.host)
    return None


def _parsed(given: str, variable: str, host: str) -> Proxy:
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port
    except ValueError:
        raise _wrong(variable, host) from None  # the message of the cause may hold the password
    if parts.scheme not in _PORTS or not parts.hostname or not given.isprintable() or " " in given:
        raise _wrong(variable, host)
    user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user)


def _wrong(variable: str, host: str) -> ConfigError:
    return ConfigError(
        f"{variable} is not the address of an HTTP proxy",
        where="a SOCKS proxy cannot be used",
        hint=f"set {variable} to an address like http://proxy.example.com:3128, or name {host} in NO_PROXY",
    )


def _value(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _is_exempt(host: str, list_of_hosts: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in list_of_hosts.split(",")]
    return any(name in ("*", host) or (name and host.endswith(f".{name}")) for name in names)
