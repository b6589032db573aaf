"""Where prediction servers are and what key they get: for `predict` and `bench`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from batch_cli.cli.context import Context
from batch_cli.errors import InvalidInput, UsageError, quoted
from batch_cli.files import open_input
from batch_cli.httpclient.origin import Origin
from batch_cli.jsonl import BOM, is_blank, loads_exactly, read_lines
from batch_cli.model import JsonValue
from batch_cli.settings import KeyRule, find_api_key

_BASE_URLS: Mapping[str, str] = {
    "torch": "http://localhost:8000",
    "spice": "http://localhost:8090",
    "chat": "https://api.openai.com/v1",
}
_VARIABLES: Mapping[str, str] = {
    "torch": "TORCH_BASE_URL",
    "spice": "SPICE_BASE_URL",
    "chat": "OPENAI_BASE_URL",
}
_KEYS: Mapping[str, KeyRule] = {
    "torch": KeyRule(("TORCH_API_KEY",)),
    "spice": KeyRule(("SPICE_API_KEY",)),
    "chat": KeyRule(("OPENAI_API_KEY",)),
}
_MOST_INPUT = 256_000_000
_MOST_LINE = 64_000_000


def server(context: Context, api: str, base_url: str | None) -> tuple[Origin, dict[str, str]]:
    """Give the address of a server (what was said, else its variable, else the usual one), and the header with its key.

    Raises:
        ConfigError: the address is none, or the key cannot be one, or would travel in the clear.
    """
    key = find_api_key(api, context.environment, context.shared.api_key_file, _KEYS[api])
    variable = _VARIABLES[api]
    url, source = base_url, "--base-url"
    if url is None and (found := context.environment.get(variable, "").strip()):
        url, source = found, variable
    origin = Origin.parse(url or _BASE_URLS[api], source, has_key=key is not None)
    if api == "spice":  # `submit` takes its address with the version, too
        origin = replace(origin, path=origin.path.removesuffix("/v1"))
    if key is None:
        return origin, {}
    if api == "chat":
        return origin, {"authorization": f"Bearer {key.reveal()}"}
    return origin, {"x-api-key": key.reveal()}


def read_inputs(path: str, stdin: Callable[[], bytes]) -> list[JsonValue]:
    """Read all inputs of a file: a JSON array, or one JSON value a line; ``-`` is standard input.

    Memory: all of them, because one body holds them all.

    Raises:
        InvalidInput: it cannot be read, is too large, or a line is no JSON.
    """
    raw = stdin() if path == "-" else _read(Path(path))
    if raw.lstrip()[:1] == b"[":
        try:
            whole = loads_exactly(raw)
        except ValueError:
            whole = None  # each line may be an array
        if isinstance(whole, list):
            return whole
    return [
        _line(path, number, line) for number, line in enumerate(raw.split(b"\n"), 1) if not is_blank(line)
    ]


def stream_inputs(reopen: Callable[[], BinaryIO], source: str) -> Iterator[JsonValue]:
    """Give the inputs of a file one at a time: JSON lines lazily; one JSON array whole, since it is one value.

    Raises:
        InvalidInput: a line is no JSON; those before it were given.
    """
    with reopen() as stream:
        start = stream.readline(_MOST_LINE).removeprefix(BOM)
        is_array = start.lstrip()[:1] == b"["
    if is_array:
        with reopen() as stream:
            raw = stream.read(_MOST_INPUT + 1)
        with contextlib.suppress(ValueError):
            whole = loads_exactly(raw.removeprefix(BOM))
            if isinstance(whole, list):
                yield from whole
                return
    with reopen() as stream:
        for line in read_lines(stream, max_bytes=_MOST_LINE):
            raw = line.raw.removeprefix(BOM) if line.number == 1 else line.raw
            if not is_blank(raw):
                yield _line(source, line.number, raw)


def _line(path: str, number: int, line: bytes) -> JsonValue:
    try:
        return loads_exactly(line)
    except ValueError as error:
        raise InvalidInput(
            f"{path}:{number}: not JSON: {error}", hint="write a JSON array, or one JSON value a line"
        ) from error


def _read(path: Path) -> bytes:
    with open_input(path) as stream:
        raw = stream.read(_MOST_INPUT + 1)
    if len(raw) > _MOST_INPUT:
        raise InvalidInput(
            f"{quoted(str(path))} has more than {_MOST_INPUT:,} bytes, too many for one request",
            hint="use --chunk-size with JSON lines",
        )
    return raw.removeprefix(BOM)


def sizes(text: str | None) -> list[int]:
    """Read ``1,4,16``.

    Raises:
        UsageError: it is something else.
    """
    words = (text or "5").split(",")
    if not all(word.strip().isdecimal() and 0 < int(word) <= 100_000 for word in words):  # noqa: PLR2004 - inputs
        raise UsageError(
            f"--batch-sizes: {quoted(text or '')} is no list of sizes", hint="write for example 1,4,16"
        )
    return [int(word) for word in words]
