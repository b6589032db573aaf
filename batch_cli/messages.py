"""Messages files: what a person has (chats, prompts, rows), read leniently into neutral requests.

The text is written anew in the provider's dialect anyway, so a byte order mark, blank lines and CRLF are
let pass here; in a request file that is uploaded byte for byte they would be errors.
"""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from batch_cli.errors import Problem, ProblemLog, UsageError, quoted
from batch_cli.id_index import IdIndex
from batch_cli.json_faults import explain, locate
from batch_cli.jsonl import BOM, LineTooLong, is_blank, loads_exactly, read_lines
from batch_cli.model import BatchRequest, JsonObject, JsonValue

_SYSTEM_ROLES = ("system", "developer")
_SHAPES = 'an array of messages, such as [{"role": "user", "content": "Hi"}]'


class MessagesForm(enum.StrEnum):
    """How a messages file is laid out."""

    JSONL = "jsonl"
    TEXT = "txt"
    CSV = "csv"

    @classmethod
    def of(cls, path: Path | None, prompt_column: str | None) -> MessagesForm:
        """Guess from the file name; a prompt column always means CSV."""
        suffix = path.suffix.lower() if path else ""
        if prompt_column is not None or suffix in (".csv", ".tsv"):
            return cls.CSV
        return cls.TEXT if suffix == ".txt" else cls.JSONL


@dataclass(frozen=True, slots=True)
class MessagesOptions:
    """How to read a messages file."""

    form: MessagesForm = MessagesForm.JSONL
    prompt_column: str | None = None
    """The CSV column that holds the prompt."""
    delimiter: str = ","
    id_prefix: str = "request-"
    id_field: str | None = None
    """A field (JSONL) or column (CSV) whose value is the ``custom_id``."""
    skip: int = 0
    limit: int | None = None
    line_bytes: int = 10_000_000
    system: str | None = None
    """A system message for every request that has none of its own."""


def read_messages(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[BatchRequest]:
    """Give the requests of a messages file, in order, one at a time.

    A line that is wrong goes to ``problems`` (placed in file ``name``) and is left out; the caller
    refuses the file at the end. Requests without an id of their own are numbered from 0 by their place
    in the whole file, so ``skip`` does not change anybody's id. Memory: one line, plus the id index.
    """
    readers = {
        MessagesForm.JSONL: _read_jsonl,
        MessagesForm.TEXT: _read_text,
        MessagesForm.CSV: _read_csv,
    }
    ids = RequestIds(options.id_prefix)
    position = -1
    for request in readers[options.form](stream, name, problems, options):
        position += 1
        if position < options.skip:
            continue
        if options.limit is not None and position >= options.skip + options.limit:
            return
        custom_id, first = ids.note(request.custom_id, position, request.line)
        if first is not None:
            problems.add(
                Problem(
                    "E307",
                    f'duplicate custom_id "{custom_id}" (first on line {first})',
                    hint="make every custom_id unique",
                    file=name,
                    line=request.line,
                    custom_id=custom_id,
                )
            )
        yield replace(request, custom_id=custom_id, messages=_with_system(request.messages, options.system))
    if position < 0 and not problems.errors:
        problems.add(
            Problem("E107", "the messages file is empty", hint="put at least one request in it", file=name)
        )


def _with_system(messages: list[JsonObject], system: str | None) -> list[JsonObject]:
    if not system or any(message["role"] in _SYSTEM_ROLES for message in messages):
        return messages
    return [{"role": "system", "content": system}, *messages]


class RequestIds:
    """The ids given so far. A file without ids of its own costs no memory: the made-up ones are a range."""

    def __init__(self, prefix: str) -> None:
        """Begin with none; made-up ids are ``prefix`` and a number."""
        self._prefix = prefix
        self._index = IdIndex()
        self._made_up_from: tuple[int, int] | None = None
        """Position and line of the first request that got a made-up id."""

    def note(self, own: str, position: int, line: int) -> tuple[str, int | None]:
        """Give the id of a request, made up from its position if it has none, and the line that had it before."""
        custom_id = own or f"{self._prefix}{position}"
        if not own and not self._index.count:
            self._made_up_from = self._made_up_from or (position, line)
            return custom_id, None
        if self._made_up_from and not self._index.count:
            # The first id of the file's own: from here on every id is kept, those made up so far as well.
            start, first_line = self._made_up_from
            for earlier in range(start, position):
                self._index.add(f"{self._prefix}{earlier}", first_line + earlier - start)
        return custom_id, self._index.add(custom_id, line)


def _read_jsonl(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[BatchRequest]:
    for number, raw in _with_list_joined(_lines(stream, name, problems, options), options.line_bytes):
        try:
            value = loads_exactly(raw)
        except ValueError:
            fault = explain(raw)
            if fault is not None:
                problems.add(fault.at(name, number))
            continue
        try:
            yield from _requests_of(value, number, options)
        except _WrongShape as wrong:
            column = locate(raw.decode("utf-8", "replace"), wrong.path) if wrong.path else 1
            problems.add(
                Problem(wrong.code, str(wrong), wrong.hint, name, number, column, wrong.path or None)
            )


def _with_list_joined(lines: Iterator[tuple[int, bytes]], most: int) -> Iterator[tuple[int, bytes]]:
    """Give the lines, those of a JSON list of texts that the whole file is as one; held are ``most`` bytes of it."""
    held: list[tuple[int, bytes]] = []
    size = 0
    for number, raw in lines:
        if not held and (not raw.lstrip().startswith(b"[") or _is_json(raw)):
            yield number, raw
            break
        held.append((number, raw))
        size += len(raw) + 1
        if size > most:
            break
    whole = b"\n".join(raw for _, raw in held)
    if len(held) > 1 and size <= most and _is_json(whole):
        yield held[0][0], whole
    else:
        yield from held
    yield from lines


def _is_json(raw: bytes) -> bool:
    try:
        loads_exactly(raw)
    except ValueError:
        return False
    return True


def _lines(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[tuple[int, bytes]]:
    """Give the lines that hold something, without a byte order mark."""
    try:
        for line in read_lines(stream, max_bytes=options.line_bytes):
            raw = line.raw.removeprefix(BOM) if line.number == 1 else line.raw
            if not is_blank(raw):
                yield line.number, raw
    except LineTooLong as error:
        problems.add(
            Problem(
                "E105",
                f"line too long: more than {options.line_bytes:,} bytes",
                hint="split the line; one request stands on one line",
                file=name,
                line=error.number,
            )
        )


def _read_text(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[BatchRequest]:
    for number, raw in _lines(stream, name, problems, options):
        try:
            text = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            fault = explain(raw)
            if fault is not None:
                problems.add(fault.at(name, number))
            continue
        yield _prompt_request(text, number)


def _read_csv(
    stream: BinaryIO, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[BatchRequest]:
    csv.field_size_limit(options.line_bytes)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    rows = csv.reader(text, delimiter=options.delimiter, strict=True)
    try:
        yield from _csv_requests(rows, name, problems, options)
    except (csv.Error, UnicodeDecodeError) as error:
        code, what = (
            ("E201", "not valid CSV") if isinstance(error, csv.Error) else ("E102", "not valid UTF-8")
        )
        problems.add(
            Problem(
                code,
                f"{what}: {error}",
                hint="save the file as UTF-8 CSV with a header row",
                file=name,
                line=rows.line_num + 1,
            )
        )
    finally:
        text.detach()  # the stream belongs to whoever opened it


def _csv_requests(
    rows: Any, name: str, problems: ProblemLog, options: MessagesOptions
) -> Iterator[BatchRequest]:
    header: list[str] = next(rows, [])
    prompt_at = _column(header, options.prompt_column or "prompt", name, "--prompt-column")
    id_at = _column(header, options.id_field, name, "--id-field") if options.id_field else None
    for row in rows:
        if not row:
            continue
        if len(row) <= max(prompt_at, id_at or 0) or not row[prompt_at].strip():
            problems.add(
                Problem(
                    "E303",
                    f"empty prompt: column {quoted(header[prompt_at])} has no text in this row",
                    hint="fill it in, or remove the row",
                    file=name,
                    line=rows.line_num,
                )
            )
            continue
        own = {
            name: cell
            for at, (name, cell) in enumerate(zip(header, row, strict=False))
            if at not in (prompt_at, id_at)
        }
        request = replace(_prompt_request(row[prompt_at], rows.line_num), columns=own)
        yield request if id_at is None else replace(request, custom_id=row[id_at])


def _column(header: list[str], wanted: str, name: str, option: str) -> int:
    if wanted in header:
        return header.index(wanted)
    known = ", ".join(quoted(column) for column in header[:12])
    raise UsageError(
        f"{quoted(name)} has no column {quoted(wanted)}",
        where=f"its columns: {known or 'none'}",
        hint=f"name one of them with {option} NAME",
    )


def _prompt_request(text: str, line: int) -> BatchRequest:
    return BatchRequest("", [{"role": "user", "content": text}], {}, line)


# --- the shapes of a JSON line ---


class _WrongShape(Exception):
    def __init__(self, code: str, message: str, hint: str | None = None, path: str = "") -> None:
        super().__init__(message)
        self.code, self.hint, self.path = code, hint, path


def _requests_of(value: JsonValue, line: int, options: MessagesOptions) -> Iterator[BatchRequest]:
    """Read a list of texts as so many prompts, and anything else as one request."""
    if not (isinstance(value, list) and value and all(isinstance(one, str) for one in value)):
        yield _request_of(value, line, options)
        return
    for at, text in enumerate(value):
        if not text.strip():
            raise _WrongShape("E303", "the prompt is empty", "give it a text", f"[{at}]")
        yield _prompt_request(text, line)


def _request_of(value: JsonValue, line: int, options: MessagesOptions) -> BatchRequest:
    if isinstance(value, list):
        return BatchRequest("", _checked_messages(value, ""), {}, line)
    if not isinstance(value, dict):
        raise _WrongShape(
            "E207",
            f"expected {_SHAPES}, or an object with messages or a prompt",
            'write [{"role": "user", "content": …}] on each line',
        )
    if "custom_id" in value and ("response" in value or "result" in value):
        raise _WrongShape("E312", "this is a results file, not a messages file", "submit the file it answers")
    custom_id = _custom_id(value, options)
    body, path = _body_of(value)
    if "messages" in body:
        messages = _checked_messages(body["messages"], f"{path}messages")
    elif isinstance(body.get("prompt"), str) and body["prompt"].strip():
        messages = [{"role": "user", "content": body["prompt"]}]
    elif "prompt" in body:
        raise _WrongShape("E303", "the prompt is empty", "give it a text", f"{path}prompt")
    else:
        raise _WrongShape(
            "E301",
            f"missing {path}messages",
            f'add "messages" with {_SHAPES}, or "prompt" with a text',
            path.rstrip("."),
        )
    system = body.get("system") if path == "params." else None
    if isinstance(system, str):
        messages = [{"role": "system", "content": system}, *messages]
    params = {key: body[key] for key in body if key not in _NOT_PARAMS and not (key == "system" and system)}
    not_own = {*_LINE_MEMBERS, options.id_field}
    own = {key: value[key] for key in value if key not in not_own}
    return BatchRequest(custom_id, messages, params, line, columns=own)


_LINE_MEMBERS = ("custom_id", "messages", "prompt", "body", "params", "method", "url", "model")
"""What a line says of its request; every other member of it is the user's own."""
_NOT_PARAMS = frozenset(("messages", "prompt", "model", "custom_id", "method", "url"))


def _body_of(value: JsonObject) -> tuple[JsonObject, str]:
    """Find the part that says what is asked: ``body``, ``params``, or of the line the known fields."""
    for key in ("body", "params"):
        if key in value:
            if not isinstance(value[key], dict):
                raise _WrongShape("E302", f"{key} must be an object", "make it an object", key)
            return value[key], f"{key}."
    return {key: value[key] for key in ("messages", "prompt") if key in value}, ""


def _custom_id(value: JsonObject, options: MessagesOptions) -> str:
    key = options.id_field or "custom_id"
    if key not in value:
        if options.id_field:
            raise _WrongShape("E301", f"missing {key}", f"add {key}, or leave out --id-field")
        return ""
    custom_id = value[key]
    if isinstance(custom_id, int) and not isinstance(custom_id, bool) and options.id_field:
        custom_id = str(custom_id)
    if not isinstance(custom_id, str):
        raise _WrongShape("E302", f"{key} must be a string", "put it in quotes", key)
    if not custom_id:
        raise _WrongShape("E303", f"{key} is empty", "give it a text, or leave it out", key)
    return custom_id


def _checked_messages(value: JsonValue, path: str) -> list[JsonObject]:
    if not isinstance(value, list):
        raise _WrongShape("E302", f"{path or 'the line'} must be {_SHAPES}", path=path)
    if not value:
        raise _WrongShape("E303", f"{path or 'the list of messages'} is empty", "add a message", path)
    for at, message in enumerate(value):
        here = f"{path}[{at}]"
        if not isinstance(message, dict):
            raise _WrongShape("E302", f"{here} must be an object with role and content", path=here)
        if "role" not in message:
            raise _WrongShape("E301", f"missing {here}.role", 'add "role": "user"', here)
        if not isinstance(message["role"], str):
            raise _WrongShape("E302", f"{here}.role must be a string", path=f"{here}.role")
    return value
