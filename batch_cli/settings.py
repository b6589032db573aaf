"""Where things are and which keys there are, read from a mapping that the command line passes in.

Precedence: command line > environment > default. Nothing here reads ``os.environ`` itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batch_cli.errors import ConfigError, DiskError, disk_error, quoted
from batch_cli.model import Secret


@dataclass(frozen=True, slots=True)
class KeyRule:
    """How a provider's key is found and recognised."""

    variables: tuple[str, ...]
    """Environment variables, the first that is set wins."""
    prefixes_of_others: tuple[tuple[str, str], ...] = ()
    """``(prefix, provider)``: a key that starts like this belongs to somebody else."""
    is_optional: bool = False
    """Without one the provider's batches are simulated."""


KEY_RULES = {
    "openai": KeyRule(("OPENAI_API_KEY",), (("sk-ant-", "anthropic"), ("AIza", "google"))),
    "anthropic": KeyRule(
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), (("sk-proj-", "openai"), ("AIza", "google"))
    ),
    "google": KeyRule(("GOOGLE_API_KEY", "GEMINI_API_KEY"), (("sk-", "openai"),), is_optional=True),
    "mistral": KeyRule(("MISTRAL_API_KEY",), (("sk-", "openai"), ("AIza", "google"))),
    "regolo": KeyRule(("REGOLO_API_KEY", "API_KEY"), (("sk-ant-", "anthropic"), ("AIza", "google"))),
    "azure": KeyRule(("AZURE_OPENAI_API_KEY",), (("sk-ant-", "anthropic"), ("AIza", "google"))),
    "groq": KeyRule(("GROQ_API_KEY",), (("sk-ant-", "anthropic"), ("AIza", "google"))),
}
"""The variables that each provider's own SDK reads; see README, "Environment"."""

_LARGEST_KEY_FILE = 8192


def state_directory(environment: Mapping[str, str], chosen: Path | None = None) -> Path:
    """Give the directory for everything that must survive, without creating it.

    ``chosen`` (``--state-dir``), else ``$XDG_STATE_HOME/batch-cli``, else ``~/.local/state/batch-cli``.
    A relative ``XDG_STATE_HOME`` is ignored, as its specification asks.
    Source: https://specifications.freedesktop.org/basedir-spec/latest/ (read 2026-11-21).

    Raises:
        DiskError: there is no home directory to put it in.
    """
    if chosen is not None:
        return chosen.absolute()
    base = environment.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        return Path(base) / "batch-cli"
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        raise DiskError(
            "there is no place for the state: HOME is not set",
            hint="choose a directory with --state-dir DIR or BATCH_CLI_STATE_DIR",
        )
    return Path(home) / ".local" / "state" / "batch-cli"


def api_key(
    provider: str,
    environment: Mapping[str, str],
    key_file: Path | None = None,
    rule: KeyRule | None = None,
) -> Secret:
    """Find the key of ``provider`` as `find_api_key` does.

    Raises:
        ConfigError: there is none (E603), or it cannot be a key of this provider (E604).
    """
    rule = rule or KEY_RULES[provider]
    found = find_api_key(provider, environment, key_file, rule)
    if found is None:
        raise missing_key(rule)
    return found


def find_api_key(
    provider: str,
    environment: Mapping[str, str],
    key_file: Path | None = None,
    rule: KeyRule | None = None,
) -> Secret | None:
    """Find the key of ``provider``, if there is one: a file named on the command line, else its variable.

    A provider that is not in our table brings its ``rule``. Outer white space is dropped; what is left must be able to stand in an HTTP header.

    Raises:
        ConfigError: it cannot be a key of this provider (E604).
    """
    rule = rule or KEY_RULES[provider]
    if key_file is not None:
        return _checked(read_key_file(key_file), str(key_file), rule)
    for variable in rule.variables:
        if value := environment.get(variable, "").strip():
            return _checked(value, variable, rule)
    return None


def missing_key(rule: KeyRule) -> ConfigError:
    """Make the error of a key that is not there."""
    variable = rule.variables[0]
    return ConfigError(
        f"{variable} environment variable is not set",
        hint=(
            f"export {variable}='your-api-key-here', or use --api-key-file FILE"
            " (or try it offline: -m local/simulate)"
        ),
        reference="E603",
    )


def key_in(variable: str, environment: Mapping[str, str]) -> Secret | None:
    """Give the key that an environment variable holds; None where it is not set, or empty.

    Raises:
        ConfigError: what it holds cannot be a key (E604).
    """
    value = environment.get(variable, "").strip()
    return _checked(value, variable, KeyRule((variable,))) if value else None


def read_key_file(path: Path) -> str:
    """Read a key from a file that only its owner can read.

    Raises:
        ConfigError: it is missing, empty, too large, or open to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            text = stream.read(_LARGEST_KEY_FILE + 1).decode("utf-8", "replace").strip()
    except OSError as error:
        raise ConfigError(disk_error(error, path, doing="reading the key file").message) from error
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise ConfigError(
            f"the key file {quoted(str(path))} can be read by others",
            hint=f"chmod 600 {path}",
            reference="E604",
        )
    if not text or len(text) > _LARGEST_KEY_FILE:
        raise ConfigError(
            f"there is no API key in {quoted(str(path))}",
            hint="put the key, and nothing else, on its first line",
            reference="E604",
        )
    return text


def _checked(key: str, source: str, rule: KeyRule) -> Secret:
    """Refuse what cannot be a key before it reaches any library that might print it."""
    for at, character in enumerate(key):
        if not ("!" <= character <= "~") or character in "\"'":
            raise ConfigError(
                f"{source} contains a character that cannot be in an API key"
                f" (position {at + 1} of {len(key)})",
                where="an API key is one word of printable ASCII, without quotes",
                hint="set it again without quotes, spaces or a 'Bearer' in front",
                reference="E604",
            )
    for prefix, owner in rule.prefixes_of_others:
        if key.startswith(prefix):
            variable = KEY_RULES[owner].variables[0]
            raise ConfigError(
                f"{source} looks like the API key of {owner} (starts with '{prefix}')",
                hint=f"set {variable}, or use --model {owner}/...",
                reference="E604",
            )
    return Secret(key)
