"""Which version of Anthropic's API is spoken, and how the key goes along with it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from batch_cli.errors import ConfigError, quoted
from batch_cli.model import Secret

_VERSION_VARIABLE = "ANTHROPIC_VERSION"
_TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - the name of a variable
_VERSION, _FIRST_BEARER_VERSION = "2023-06-01", "2026-10-21"
"""Clients of versions before the second one send the key as x-api-key, newer ones as a bearer.

Source: requests of anthropic-sdk-python 1.17.0 and 2.12.0 (recorded 2026-11-21).
"""


def version_of(environment: Mapping[str, str]) -> str:
    """Give the version of the API that is spoken.

    Raises:
        ConfigError: what the variable holds is none.
    """
    version = environment.get(_VERSION_VARIABLE, "").strip() or _VERSION
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", version):
        raise ConfigError(
            f"{_VERSION_VARIABLE} is not a version of Anthropic's API: {quoted(version)}",
            where="a version is a date",
            hint=f"unset it, or use {_VERSION} or {_FIRST_BEARER_VERSION}",
        )
    return version


def wants_bearer(environment: Mapping[str, str], key: Secret | None) -> bool:
    """Tell whether the key goes as a bearer: to newer versions, and where it is a token."""
    token = environment.get(_TOKEN_VARIABLE, "").strip()
    is_token = key is not None and key.reveal() == token
    return is_token or version_of(environment) >= _FIRST_BEARER_VERSION
