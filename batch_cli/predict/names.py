"""The models that a file names: a whole request body, JSON lines, or one name a line."""

from __future__ import annotations

from batch_cli.errors import InvalidInput
from batch_cli.jsonl import BOM, is_blank, loads
from batch_cli.model import JsonValue

_HINT = 'write {"predictions": [{"model_name": "m1"}]}, JSON lines with model_name, or one name a line'


def read_names(raw: bytes, source: str) -> list[str]:
    """Give the names in their order; one may stand there twice. ``source`` is what messages call the file.

    A line that begins neither with ``{`` nor with a quotation mark is a name as it stands.

    Raises:
        InvalidInput: an entry has no name, or the file is not UTF-8.
    """
    raw = raw.removeprefix(BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{source}: not UTF-8 (byte {error.start + 1})", hint=_HINT) from error
    try:
        whole: JsonValue = loads(raw)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "predictions" in whole:
        whole = whole["predictions"]
        if not isinstance(whole, list):
            raise InvalidInput(f"{source}: predictions is not a list", hint=_HINT)
    if isinstance(whole, list):
        return [_name(entry, f"{source}: entry {at}") for at, entry in enumerate(whole)]
    lines = text.split("\n")
    return [
        _of_line(line.strip(), f"{source}:{number}")
        for number, line in enumerate(lines, 1)
        if not is_blank(line.encode())
    ]


def _of_line(line: str, place: str) -> str:
    if not line.startswith(("{", '"')):
        return line
    try:
        return _name(loads(line), place)
    except ValueError as error:
        raise InvalidInput(f"{place}: not JSON: {error}", hint=_HINT) from error


def _name(entry: JsonValue, place: str) -> str:
    name = entry.get("model_name") if isinstance(entry, dict) else entry
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"{place}: there is no model_name", hint=_HINT)
    return name
