"""Rows to predict from: a name of a model, or an input, on each line; a JSON list; or a CSV file of names or numbers.

They are read leniently into neutral requests, as `messages` reads messages; what is asked for stands in ``params``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

from batch_cli.errors import Problem, ProblemLog, quoted
from batch_cli.json_faults import explain
from batch_cli.jsonl import BOM, LineTooLong, is_blank, loads_exactly, read_lines
from batch_cli.messages import MessagesForm, MessagesOptions, RequestIds
from batch_cli.model import BatchRequest, JsonObject, JsonValue

NAMES = "model_name"
_IDS = "custom_id"
_MOST_LIST = 16_000_000
_CHATS = {"messages", "prompt", "params", "request", "body", "contents"}


def read_rows(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions, asked: str
) -> Iterator[BatchRequest]:
    """Give the rows of a file in order, one at a time; ``asked`` is the member of the body that they are put into.

    A line is a JSON value: the input itself, or an object that holds it as ``asked``, with ``custom_id`` and
    settings beside it. Where names are asked for, a line that is no JSON is a name as it stands. A file that is one
    JSON list over several lines has a row in each element, and so has one on a single line, where names are asked
    for or the file is called ``.json``; elsewhere that is one input. A CSV file may have a header; its column
    ``custom_id``, or the one that ``options`` name, gives the ids, and the others the input. What is wrong goes to
    ``problems``. Rows without an id are numbered from 0. Memory: one line, or a list of 16 MB; and the ids.
    """
    ids = RequestIds(options.id_prefix)
    position = -1
    reader = _read_csv if options.form is MessagesForm.CSV else _read_lines
    for row in reader(stream, name, problems, options, asked):
        position += 1
        if position < options.skip:
            continue
        if options.limit is not None and position >= options.skip + options.limit:
            return
        custom_id, first = ids.note(row.custom_id, position, row.line)
        if first is not None:
            problems.add(
                Problem(
                    "E307",
                    f'duplicate custom_id "{custom_id}" (first on line {first})',
                    "make every custom_id unique",
                    name,
                    row.line,
                    custom_id=custom_id,
                )
            )
        yield replace(row, custom_id=custom_id)
    if position < 0 and not problems.errors:
        problems.add(Problem("E107", "the file is empty", "put at least one row in it", name))


def _read_lines(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions, asked: str
) -> Iterator[BatchRequest]:
    try:
        for number, found in _with_list_opened(_lines(stream, options), name, asked):
            try:
                value = found.value if isinstance(found, _Element) else _value(found, asked)
                yield _row(value, number, options, asked)
            except _WrongRow as wrong:
                problems.add(Problem(wrong.code, str(wrong), wrong.hint, name, number, 1))
            except ValueError:
                fault = explain(found) if isinstance(found, bytes) else None
                if fault is not None:
                    problems.add(fault.at(name, number))
    except LineTooLong as error:
        message = f"line too long: more than {options.line_bytes:,} bytes"
        problems.add(Problem("E105", message, "split the input", name, error.number))
    except _ListTooLong as error:
        message = f"a JSON list of more than {_MOST_LIST:,} bytes, which is read whole"
        problems.add(Problem("E105", message, "write each element on a line of its own", name, error.number))


def _lines(stream: BinaryIO, options: MessagesOptions) -> Iterator[tuple[int, bytes]]:
    for line in read_lines(stream, max_bytes=options.line_bytes):
        raw = line.raw.removeprefix(BOM) if line.number == 1 else line.raw
        if not is_blank(raw):
            yield line.number, raw


@dataclass(frozen=True, slots=True)
class _Element:
    """One of a JSON list that the whole file is."""

    value: JsonValue


class _ListTooLong(Exception):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _with_list_opened(
    lines: Iterator[tuple[int, bytes]], name: str, asked: str
) -> Iterator[tuple[int, bytes | _Element]]:
    """Give the lines, or the elements of the list that the whole file is.

    Raises:
        _ListTooLong: it begins like such a list, and goes on for too long.
    """
    held = list(islice(lines, 2))
    if held and held[0][1].lstrip().startswith(b"["):
        is_one_line = len(held) == 1 and (asked == NAMES or name.lower().endswith(".json"))
        if is_one_line or (len(held) > 1 and not _is_json(held[0][1])):
            size = 0
            for number, raw in lines:
                held.append((number, raw))
                size += len(raw) + 1
                if size > _MOST_LIST:
                    raise _ListTooLong(held[0][0])
            whole = b"\n".join(raw for _, raw in held)
            if _is_json(whole):
                yield from ((held[0][0], _Element(value)) for value in loads_exactly(whole))
                return
    yield from held
    yield from lines


def _is_json(raw: bytes) -> bool:
    try:
        loads_exactly(raw)
    except ValueError:
        return False
    return True


class _WrongRow(Exception):
    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


def _value(raw: bytes, asked: str) -> JsonValue:
    """Give what a line holds; a bare name is a text."""
    if asked == NAMES and not raw.lstrip().startswith((b"{", b'"', b"[")):
        return raw.decode("utf-8").strip()
    return loads_exactly(raw)


def _row(value: JsonValue, number: int, options: MessagesOptions, asked: str) -> BatchRequest:
    custom_id = ""
    body: JsonObject = {asked: value}
    if isinstance(value, dict):
        id_field = options.id_field or _IDS
        own = value.get(id_field, "")
        if not isinstance(own, str):
            raise _WrongRow("E302", f"{id_field} must be a string", "put it in quotes")
        rest = {key: inner for key, inner in value.items() if key != id_field}
        custom_id = own
        if asked in value:
            body = rest
        elif rest.keys() & _CHATS:
            raise _WrongRow("E312", f"this is a request for a chat model, not a row of {asked}", _hint(asked))
        else:
            body = {asked: rest}
    if asked == NAMES and not (isinstance(body[NAMES], str) and body[NAMES]):
        raise _WrongRow("E302", "a row must name a model", _hint(asked))
    return BatchRequest(custom_id, [], body, number)


def _hint(asked: str) -> str:
    return 'write {"model_name": "m1"}, or m1' if asked == NAMES else 'write {"inputs": [1, 2]}, or [1, 2]'


def _read_csv(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions, asked: str
) -> Iterator[BatchRequest]:
    csv.field_size_limit(options.line_bytes)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    rows = csv.reader(text, delimiter=options.delimiter, strict=True)
    id_at: int | None = None
    try:
        for at, row in enumerate(rows):
            if not row:
                continue
            if at == 0 and _is_header(row, asked):
                id_field = options.id_field or _IDS
                id_at = row.index(id_field) if id_field in row else None
                continue
            cells = [cell for column, cell in enumerate(row) if column != id_at]
            custom_id = row[id_at] if id_at is not None and id_at < len(row) else ""
            try:
                value = _of_cells(cells, asked)
            except _WrongRow as wrong:
                problems.add(Problem(wrong.code, str(wrong), wrong.hint, name, rows.line_num))
                continue
            yield BatchRequest(custom_id, [], {asked: value}, rows.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        code, what = (
            ("E201", "not valid CSV") if isinstance(error, csv.Error) else ("E102", "not valid UTF-8")
        )
        problems.add(Problem(code, f"{what}: {error}", "save the file as UTF-8 CSV", name, rows.line_num + 1))
    finally:
        text.detach()  # the stream belongs to whoever opened it


def _is_header(row: list[str], asked: str) -> bool:
    """Tell a header from a row: one of names says so, one of numbers holds something else than numbers."""
    if asked == NAMES:
        return NAMES in row
    return not any(_number(cell) is not None for cell in row)


def _of_cells(cells: list[str], asked: str) -> JsonValue:
    """Give a name, or a list of numbers with None for an empty cell."""
    if asked == NAMES:
        if not cells or not cells[0].strip():
            raise _WrongRow("E303", "a row must name a model", "fill in the first column")
        return cells[0].strip()
    values: list[JsonValue] = []
    for cell in cells:
        value = _number(cell)
        if value is None and cell.strip():
            raise _WrongRow("E304", f"{quoted(cell[:40])} is not a number", "write numbers, or nothing")
        values.append(value)
    return values


def _number(cell: str) -> JsonValue:
    """Give a cell as a number; None for anything else."""
    try:
        value = loads_exactly(cell.strip().encode())
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
