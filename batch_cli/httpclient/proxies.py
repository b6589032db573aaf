"""Whether a proxy stands between us and a server, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping

from batch_cli.httpclient.origin import Origin


def proxy_for(origin: Origin, environment: Mapping[str, str]) -> str | None:
    """Give the URL of the proxy to use; None on this machine, and where ``NO_PROXY`` names the host.

    The variables are those of curl: lower case wins over upper. Source:
    https://everything.curl.dev/usingcurl/proxies/env.html (read 2026-11-21).
    """
    if origin.is_here or _is_exempt(origin.host, _value(environment, "no_proxy")):
        return None
    return _value(environment, f"{origin.scheme}_proxy") or _value(environment, "all_proxy") or None


def _value(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _is_exempt(host: str, list_of_hosts: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in list_of_hosts.split(",")]
    return any(name in ("*", host) or (name and host.endswith(f".{name}")) for name in names)
