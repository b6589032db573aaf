"""What commands read: files by name, standard input kept in a private file so that it can be read twice."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from batch_cli.cli.console import Console
from batch_cli.cli.text import size
from batch_cli.config import Services
from batch_cli.errors import UsageError, disk_error
from batch_cli.files import open_input, reopened
from batch_cli.jsonl import loads_exactly
from batch_cli.model import DEFAULT_MODEL, INTENT, JsonObject, ModelName
from batch_cli.object_store import ObjectAddress, ObjectStore, is_object
from batch_cli.providers import entry

STDIN_NAME = "<stdin>"


def opener(path: str, console: Console) -> tuple[Callable[[], BinaryIO], str]:
    """Give how to open ``path`` again and again, and its name for messages; ``-`` is standard input.

    An object in a bucket is copied once into a file without a name, so that what is read twice is the same.

    Raises:
        InvalidInput: it cannot be opened.
        ConfigError, Rejected, Temporary: the store of an object cannot be used.
    """
    if is_object(path):
        return object_opener(path, console), path
    if path != "-":
        open_input(Path(path)).close()  # fails here, before anything else is done
        return lambda: open_input(Path(path)), path
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="name a file")
    if sys.stdin.isatty():
        console.talk("reading standard input; end it with Ctrl-D")
    spool = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - lives as long as the command
    while block := os.read(sys.stdin.fileno(), 1 << 20):  # a buffered read would want a second Ctrl-D
        spool.write(block)
    spool.flush()
    return lambda: reopened(spool.fileno()), STDIN_NAME


def object_opener(path: str, console: Console) -> Callable[[], BinaryIO]:
    """Copy an object to this machine, and give how to read the copy again and again."""
    address = ObjectAddress.parse(path)
    try:
        with tempfile.TemporaryFile(prefix="batch-cli-") as spool:
            facts = ObjectStore(os.environ).read(address, spool)
            spool.flush()
            copy = os.dup(spool.fileno())
    except OSError as error:
        raise disk_error(error, tempfile.gettempdir(), doing="copying an object to") from error
    console.say(f"{path}: {size(facts.size)} copied, ETag {facts.etag or 'unknown'}", detail=True)

    def open_copy() -> BinaryIO:
        return reopened(copy)

    weakref.finalize(open_copy, os.close, copy)
    return open_copy


def is_same_file(path: str, output: str) -> bool:
    """Tell whether what is read and what is to be written are one file, or one object."""
    if is_object(path):
        return path == output
    try:
        return path != "-" and Path(path).samefile(output)
    except OSError:
        return False


def chosen_model(
    model: str | None, provider: str | None = None, services: Services | None = None
) -> ModelName:
    """Give the model that was asked for, or the default; refuse a provider that is not known.

    ``services`` are those that the user has named.

    Raises:
        UsageError: the two contradict each other, the format is wrong (E601), or the provider unknown (E602).
    """
    name = ModelName.parse(DEFAULT_MODEL if model is None else model)
    entry(name.provider, str(name), services)
    if provider is not None:
        entry(provider, services=services)
        if model is not None and provider != name.provider:
            raise UsageError(
                f"--provider says {provider}, --model says {name.provider}",
                hint="give only one of the two",
            )
        if model is None:
            return ModelName(provider, "")
    return name


def filter_model(
    model: str | None, provider: str | None = None, services: Services | None = None
) -> ModelName | None:
    """Give the model or provider that narrows a choice, or None when neither was given."""
    return None if model is None and provider is None else chosen_model(model, provider, services)


def parameters(pairs: Sequence[str] | None) -> JsonObject:
    """Read ``--param K=JSON``; what is not JSON is taken as text.

    Raises:
        UsageError: there is no ``=`` in it, or it is not UTF-8.
    """
    found: JsonObject = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise UsageError("--param must be K=JSON", hint="write for example --param top_p=0.9")
        try:
            pair.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(
                "--param must be UTF-8", hint="set a UTF-8 locale, or write \\u escapes"
            ) from error
        try:
            found[key] = loads_exactly(text.encode("utf-8"))
        except ValueError:
            found[key] = text
    return found


_MOST_METADATA = 16
_LONGEST_KEY = 64
_LONGEST_VALUE = 512


def metadata(pairs: Sequence[str] | None, description: str | None) -> dict[str, str]:
    """Read ``--metadata K=V`` and ``--description``; the limits are OpenAI's, which others share.

    Raises:
        UsageError: no ``=``, or more or longer than providers take.
    """
    found = {"description": description} if description else {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise UsageError("--metadata must be K=V", hint="write for example --metadata team=search")
        if key == INTENT:
            raise UsageError(f"--metadata: {INTENT} is our own", hint="choose another key")
        found[key] = value
    if any(len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE for key, value in found.items()):
        raise UsageError(
            f"--metadata: a key may have {_LONGEST_KEY} characters, a value {_LONGEST_VALUE},"
            " the description among them",
            hint="shorten it",
        )
    if len(found) > _MOST_METADATA:
        raise UsageError(
            f"--metadata: at most {_MOST_METADATA} pairs, the description among them",
            hint="leave some out",
        )
    return found


def one_id(argument: str | None, option: str | None) -> str | None:
    """Give the batch id from wherever it was given.

    Raises:
        UsageError: two different ones were given.
    """
    if argument is not None and option is not None and argument != option:
        raise UsageError("two different batch ids were given", hint="give only one")
    return option if argument is None else argument


def named_ids(arguments: Sequence[str] | None, option: str | None) -> list[str | None]:
    """Give the batch ids from arguments and option; one None, the latest batch, where there are none."""
    return [*(arguments or ()), *([option] if option is not None else ())] or [None]


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str | None) -> float | None:
    """Read a time span: ``90``, ``90s``, ``10m``, ``2h``, ``7d``.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:  # noqa: PLR2004 - thirty years
        raise UsageError(f"not a time span: '{text[:40]}'", hint="write for example 90s, 10m, 2h or 7d")
    return value * _UNITS[unit]
