"""From a profile and the environment to a client that may speak to one service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from batch_cli.clock import Clock
from batch_cli.errors import ConfigError
from batch_cli.httpclient.client import HttpClient
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.proxies import proxy_for
from batch_cli.providers.base import Place

_LOCAL_PAUSE, _PAUSE = 0.05, 0.5
NO_PATHS: Mapping[str, str] = MappingProxyType({})


def connect(
    place: Place, clock: Clock, origin: Origin, headers: Mapping[str, str], *, key_header: str
) -> HttpClient:
    """Make a client that sends the key in ``key_header`` to ``origin`` alone."""
    key = place.key.reveal() if place.key is not None else ""
    auth = {key_header: f"Bearer {key}" if key_header == "authorization" else key} if key else {}
    return HttpClient(
        origin,
        {**headers, **auth},
        clock,
        place.listener,
        proxy=proxy_for(origin, place.environment),
        pause=_LOCAL_PAUSE if origin.is_here else _PAUSE,
    )


def origin_of(
    environment: Mapping[str, str],
    variables: tuple[str, ...],
    default: str | None,
    root_paths: Mapping[str, str] = NO_PATHS,
) -> Origin:
    """Find a base URL: the first variable that is set, else the service's own.

    Where what a variable holds has no path, ``root_paths`` may have one for it.

    Raises:
        ConfigError: there is none, or it cannot be one.
    """
    for variable in variables:
        if given := environment.get(variable, "").strip():
            origin = Origin.parse(given, variable)
            return origin if origin.path else replace(origin, path=root_paths.get(variable, ""))
    if default is None:
        raise ConfigError(
            f"{variables[0]} environment variable is not set",
            where="this service has no address of its own",
            hint=f"export {variables[0]}='https://…'",
        )
    return Origin.parse(default, variables[0])
