"""Check: a request file held against its provider's rules, without sending anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO, cast

from batch_cli.errors import ProblemLog
from batch_cli.events import Phase, Progress
from batch_cli.halves import scan_halves
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import LineTooLong, loads, read_lines
from batch_cli.model import JsonObject, JsonValue, Limits, object_of
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.request_file import Rules, Scan, scan

_PEEKED_LINES = 20
_PEEKED_BYTES = 10_000_000
_GUESSED = ("openai", "anthropic", "google", "mistral", "regolo")
"""Providers whose dialects can be told apart, in the order of trying; the others share OpenAI's."""


def rules_of(codec: Codec, expected_model: str | None = None) -> Rules:
    """Give a dialect in the form that scanning a file needs."""
    return Rules(
        codec.title,
        codec.check,
        codec.id_field,
        codec.limits,
        codec.model_of,
        codec.schema_of,
        codec.check_id,
        codec.free_texts,
        codec.one_model,
        expected_model,
    )


def with_limits(codec: Codec, given: Mapping[str, int | None]) -> Codec:
    """Give a dialect whose limits are ``given`` (by the names of `Limits`' fields) where that is not None."""
    limits = replace(codec.limits, **{name: value for name, value in given.items() if value is not None})
    return _limited(codec, limits)


def of_any_length(codec: Codec) -> Codec:
    """Give a dialect without limits for a batch as a whole, for a file that will be cut."""
    return _limited(codec, replace(codec.limits, requests=None, bytes=None))


def _limited(codec: Codec, limits: Limits) -> Codec:
    limited: Codec = replace(cast("Any", codec), limits=limits)  # every codec is a dataclass
    return limited


def scan_file(
    workspace: Workspace,
    open_file: Callable[[], BinaryIO],
    name: str,
    codec: Codec,
    problems: ProblemLog,
    expected_model: str | None = None,
    *,
    hashed: bool = True,
) -> Scan:
    """Check every line of a request file, telling the listener how far it is."""

    def report(lines: int) -> None:
        workspace.say(Progress(Phase.CHECK, lines, None, unit="lines"))

    rules = rules_of(codec, None if codec.any_model else expected_model)
    found = scan_halves(open_file, name, rules, report, hashed=hashed)
    if found is not None:
        return found
    with open_file() as stream:
        return scan(stream, name, rules, problems, report, hashed=hashed)


def dialect_of(line: JsonObject) -> str | None:
    """Recognise whose dialect a parsed request line is in; None when it is nobody's."""
    for name in _GUESSED:
        if load_codec(name).is_readable(line):
            return name
    return None


def first_object(open_file: Callable[[], BinaryIO]) -> JsonObject | None:
    """Give the first of the first lines that is JSON, if it is an object."""
    value = _first_value(open_file)
    return value if isinstance(value, dict) else None


def looks_like_messages(open_file: Callable[[], BinaryIO]) -> bool:
    """Tell by the first lines whether a JSON lines file is one of messages, and no request file of anybody."""
    value = _first_value(open_file)
    if isinstance(value, dict):
        return is_messages_line(value)
    return isinstance(value, list) and bool(value) and "role" in object_of(value[0])


def is_messages_line(line: JsonObject) -> bool:
    """Tell a line of messages from a request line.

    Both may be ``{"custom_id", "params"}`` or ``{"custom_id", "body"}``; a request says something that
    only requests say, such as its model.
    """
    name = dialect_of(line)
    if name is None:
        return bool(line.keys() & {"messages", "prompt"})
    holder = object_of(line.get("params", line.get("body")))
    return name in ("anthropic", "mistral") and not holder.keys() & _REQUEST_WORDS and "messages" in holder


_REQUEST_WORDS = frozenset(("model", "random_seed", "safe_prompt", "stop_sequences", "tool_choice"))


def _first_value(open_file: Callable[[], BinaryIO]) -> JsonValue:
    with open_file() as stream:
        try:
            for line in islice(read_lines(stream, max_bytes=_PEEKED_BYTES), _PEEKED_LINES):
                try:
                    return loads(line.raw)
                except ValueError:
                    continue
        except LineTooLong:
            pass
    return None


def guess_provider(open_file: Callable[[], BinaryIO]) -> str:
    """Guess whose dialect a file is in by its first line; OpenAI's if nothing speaks for another."""
    line = first_object(open_file)
    return (None if line is None else dialect_of(line)) or _GUESSED[0]
