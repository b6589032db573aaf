"""Services that the user has named: tables of the config file, and variables that begin with a name.

    [providers.acme]
    base_url = "https://llm.acme.example/v1"     or the variable ACME_BASE_URL, which wins
    key_env = "ACME_API_KEY"                     the default; a key itself never stands here

Only the user's own file is read. A file of a project, which came with somebody's repository, could send the user's
keys elsewhere.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from batch_cli.errors import ConfigError, disk_error, quoted
from batch_cli.model import JsonObject, JsonValue

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_SECRETS = ("api_key", "api-key", "apikey", "key", "token", "secret", "password")
_LARGEST = 1_000_000
_AT_LINE = re.compile(r"(.*) \(at line (\d+), column \d+\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Service:
    """A service on OpenAI's wire that has no line in our table."""

    name: str
    base_url: str | None = None
    """None: only its variable says it."""
    key_env: str | None = None
    """The variable of its key; None: ``<NAME>_API_KEY``, which need not be set."""
    key_header: str = "authorization"
    """``authorization`` (as a bearer) or a header that holds the bare key."""
    windows: tuple[str, ...] = ("24h",)
    """What ``completion_window`` may be; the first is sent."""
    max_requests: int | None = None
    max_bytes: int | None = None
    paged: bool = True
    """Its lists take ``after`` and ``limit``."""
    metadata: bool = True
    """Its batches take metadata."""

    @property
    def base_url_variable(self) -> str:
        """Give the variable that replaces its base URL."""
        return f"{_as_variable(self.name)}_BASE_URL"

    @property
    def key_variable(self) -> str:
        """Give the variable that holds its key."""
        return self.key_env or f"{_as_variable(self.name)}_API_KEY"


class Services:
    """The services by name; the file is read when the first is asked for."""

    def __init__(self, environment: Mapping[str, str], reserved: Container[str] = ()) -> None:
        """Look where ``environment`` says; the names that are ``reserved`` are no user's to give."""
        self._environment, self._reserved = environment, reserved
        self.path = config_path(environment)

    def get(self, name: str) -> Service | None:
        """Give a service of the file, or one whose base URL alone is set as a variable; None: there is neither.

        Raises:
            ConfigError: the file is wrong (E901), with everything that is.
        """
        if not _NAME.fullmatch(name):
            return None
        found = self._configured.get(name)
        if found is None and self._environment.get(f"{_as_variable(name)}_BASE_URL", "").strip():
            found = Service(name)
        return found

    @property
    def names(self) -> list[str]:
        """Give the names that stand in the file.

        Raises:
            ConfigError: the file is wrong (E901).
        """
        return list(self._configured)

    @property
    def _configured(self) -> Mapping[str, Service]:
        return self._read[0]

    @property
    def warnings(self) -> list[str]:
        """Give what is odd about the file, but does no harm.

        Raises:
            ConfigError: the file is wrong (E901).
        """
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Mapping[str, Service], list[str]]:
        text = None if self.path is None else _text_of(self.path)
        if self.path is None or text is None:
            return {}, []
        return _services_in(_parsed(text, self.path), self.path, self._reserved)


def config_path(environment: Mapping[str, str]) -> Path | None:
    """Give where the user's config file would be, there or not.

    ``$XDG_CONFIG_HOME/batch-cli/config.toml``, else ``~/.config/batch-cli/config.toml``; None without a home.
    A relative ``XDG_CONFIG_HOME`` is ignored, as its specification asks.
    Source: https://specifications.freedesktop.org/basedir-spec/latest/ (read 2026-11-21).
    """
    base, home = environment.get("XDG_CONFIG_HOME", ""), environment.get("HOME", "")
    if base.startswith("/"):
        return Path(base) / "batch-cli" / "config.toml"
    return Path(home) / ".config" / "batch-cli" / "config.toml" if home.startswith("/") else None


def _text_of(path: Path) -> str | None:
    """Read the file; None: there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _wrong(disk_error(error, path, doing="reading the config file").message) from error
    try:
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise _wrong(disk_error(error, path, doing="reading the config file").message) from error
    if not stat.S_ISREG(found.st_mode) or len(content) > _LARGEST:
        raise _wrong(f"the config file {quoted(str(path))} is no file of settings")
    if found.st_mode & stat.S_IWOTH or found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(
            f"the config file {quoted(str(path))} can be written by others",
            where="it says where keys are sent",
            hint=f"chmod go-w {path}, and see that it is yours",
            reference="E901",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(f"the config file {quoted(str(path))} is not UTF-8 text") from error


def _parsed(text: str, path: Path) -> JsonObject:
    import tomllib  # noqa: PLC0415 - most people have no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.fullmatch(str(error))
        said, place = (found[1], f"{path}:{found[2]}") if found else (str(error), str(path))
        raise _wrong(f"{place}: the config file is not valid TOML: {said}") from error


def _wrong(message: str) -> ConfigError:
    return ConfigError(message, hint="correct the file, or move it away", reference="E901")


# --- what stands in it ---


def _services_in(
    document: JsonObject, path: Path, reserved: Container[str]
) -> tuple[Mapping[str, Service], list[str]]:
    """Read the tables of services, and give what is odd beside them.

    Raises:
        ConfigError: something in them is wrong; with all that is. No value is shown: it may be a key.
    """
    faults = [f"{place}: a key does not belong into a config file" for place in _keys_in(document)]
    faults += _faults_of(document.get("providers", {}), reserved)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise ConfigError(
            f"the config file {quoted(str(path))} has {count}",
            where=tuple(faults),
            hint="correct it; a key stands in the variable that key_env names, or in the file of --api-key-file",
            reference="E901",
        )
    warnings = sorted(f"{path}: {_unknown(name, ('providers',))}" for name in document.keys() - {"providers"})
    return {name: _service(name, table) for name, table in document.get("providers", {}).items()}, warnings


def _service(name: str, table: JsonObject) -> Service:
    given: Mapping[str, Any] = {
        member: tuple(value) if isinstance(value, list) else value for member, value in table.items()
    }
    return Service(name, **given)


def _keys_in(table: JsonObject, place: str = "") -> Iterator[str]:
    """Find every key that somebody has written down, wherever it stands."""
    for name, value in table.items():
        if name in _SECRETS:
            yield f"{place}{name}"
        elif isinstance(value, dict):
            yield from _keys_in(value, f"{place}{name}.")


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_flag(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _are_texts(value: JsonValue) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(one) for one in value)


def _matches(pattern: re.Pattern[str]) -> Callable[[JsonValue], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


_MEMBERS: Mapping[str, tuple[Callable[[JsonValue], bool], str]] = {
    "base_url": (_is_text, "a URL"),
    "key_env": (_matches(_VARIABLE), "the name of a variable"),
    "key_header": (_matches(_HEADER), "the name of a header"),
    "windows": (_are_texts, 'a list of texts such as ["24h"]'),
    "max_requests": (_is_count, "a whole number above 0"),
    "max_bytes": (_is_count, "a whole number above 0"),
    "paged": (_is_flag, "true or false"),
    "metadata": (_is_flag, "true or false"),
}
"""What a table may hold: how it is checked, and what it must be."""


def _faults_of(tables: JsonValue, reserved: Container[str]) -> Iterator[str]:
    if not isinstance(tables, dict):
        yield "providers must be tables: [providers.NAME]"
        return
    for name, table in tables.items():
        place = f"providers.{name}"
        if name in reserved:
            yield f"{place}: this name is taken; a variable moves it, such as {_as_variable(name)}_BASE_URL"
        elif not _NAME.fullmatch(name):
            yield f"{place}: a name is small letters, digits and -, and begins with a letter"
        elif not isinstance(table, dict):
            yield f"{place} must be a table: [{place}]"
        else:
            yield from (f"{place}.{fault}" for fault in _faults_in(table))


def _faults_in(table: JsonObject) -> Iterator[str]:
    for name, value in table.items():
        if name in _SECRETS:
            continue  # told of already
        if name not in _MEMBERS:
            yield _unknown(name, tuple(_MEMBERS))
        elif not _MEMBERS[name][0](value):
            yield f"{name} must be {_MEMBERS[name][1]}"


def _unknown(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name[:64]} is not known" + (f", did you mean {close[0]}?" if close else "")


def _as_variable(name: str) -> str:
    return name.upper().replace("-", "_")
