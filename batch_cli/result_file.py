"""Result files: what a provider hands out for a batch, checked line by line before it is believed.

Two passes over a file: `check` finds everything that is wrong with it, `rows` gives its rows. Memory of both:
one line, and some 40 bytes for each line of the file.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import BinaryIO

from batch_cli.errors import DamagedData, Problem, ProblemLog, Severity
from batch_cli.id_index import IdIndex
from batch_cli.json_faults import MAX_DEPTH, explain, locate
from batch_cli.jsonl import BOM, Line, LineTooLong, dumps, is_blank, loads, loads_exactly, read_lines
from batch_cli.model import BatchResult, JsonObject, JsonValue
from batch_cli.request_line import packed

Read = Callable[[JsonObject], BatchResult]
"""From a parsed line to its row; raises `NotAResult`."""
Conflict = Callable[[bytes, bytes], None]
"""Told both lines, as they are, of each pair that contradicts itself."""

UNREAD = "unknown_result"
"""The error type of a row whose line is a result that nobody here understands; reading warns once for each code."""

_LONGEST_LINE = 256_000_000
_REPORT_EVERY = 5_000
_OWN_MEMBERS = ("custom_id", "id", "response", "error")
_ALL_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_AGAIN = "download the file again"


class NotAResult(Exception):
    """A line is no result of this provider. Carries why, and the field (``path``) where it is known."""

    def __init__(self, message: str, path: str = "") -> None:
        """Keep the reason and the place."""
        super().__init__(message)
        self.path = path


@dataclass(slots=True)
class Checked:
    """What a pass over a result file found."""

    results: int = 0
    """Rows; a repeated one counts once."""
    repeats: array[int] = field(default_factory=lambda: array("Q"))
    """The numbers of the lines that say again what an earlier line said, rising."""
    bytes: int = 0
    sha256: str = ""
    """Over the whole file as it is."""


def check(
    stream: BinaryIO,
    name: str,
    read: Read,
    problems: ProblemLog,
    *,
    asked: IdIndex | None = None,
    conflict: Conflict | None = None,
    report: Callable[[int], None] | None = None,
) -> Checked:
    """Read a whole result file, a real one; what is wrong goes to ``problems``.

    ``asked`` holds the ids of the requests: no other may appear. ``report`` is told the lines read, now and then.
    """
    return _Checker(stream, name, read, problems, asked, conflict).run(report)


def rows(stream: BinaryIO, read: Read, checked: Checked) -> Iterator[BatchResult]:
    """Give the rows of a file that was checked and found good, in the order of the file, each once."""
    repeats = iter(checked.repeats)
    repeat = next(repeats, None)
    for line in read_lines(stream, max_bytes=_LONGEST_LINE):
        if line.number == repeat:
            repeat = next(repeats, None)
        elif not is_blank(line.raw):
            raw = _without_bom(line)
            yield replace(read(_exact(raw)), source=raw)


def read_rows(stream: BinaryIO, read: Read, name: str) -> Iterator[BatchResult]:
    """Give the rows of a file in one pass; whoever reads them finds out about repeated and missing ones.

    Raises:
        DamagedData: a line is no result; the rows before it were given.
    """
    for line in read_lines(stream, max_bytes=_LONGEST_LINE):
        if is_blank(line.raw):
            continue
        try:
            raw = _without_bom(line)
            yield replace(_row(raw, read), source=raw)
        except (ValueError, TypeError, NotAResult) as error:
            raise DamagedData(
                f"line {line.number:,} of {name} is not a result: {error}",
                hint="get the results again; if it stays, report it to the provider",
            ) from error


def _without_bom(line: Line) -> bytes:
    """Give a line's bytes; what is read here is written anew, so a byte order mark does no harm."""
    return line.raw.removeprefix(BOM) if line.number == 1 else line.raw


def _row(raw: bytes, read: Read) -> BatchResult:
    """Read a line; what a provider wrote of a good row is kept byte for byte, where it stands as our own line has it."""
    value = loads(raw)
    result = read(value)
    if len(value) == len(_OWN_MEMBERS) and (kept := _with_own_bytes(raw, result)) is not None:
        return kept
    return read(loads_exactly(raw)) if _may_hold_a_long_number(raw) else result


def _with_own_bytes(raw: bytes, result: BatchResult) -> BatchResult | None:
    """Give a good row of OpenAI's shape with its own bytes; None: the line is written in another way.

    Only the two ids at the start change places; the response, which is nearly all of the line, is not written anew.
    """
    if result.error is not None or result.response is None or raw.count(b'"response"') != 1:
        return None
    row_id, custom_id = dumps(result.id), dumps(result.custom_id)
    for colon, comma in ((b": ", b", "), (b":", b",")):
        before = b'{"id"%b%b%b"custom_id"%b%b%b"response"%b{' % (
            *(colon, row_id, comma),
            *(colon, custom_id, comma, colon),
        )
        behind = b'}%b"error"%bnull}' % (comma, colon)
        if raw.startswith(before) and raw.endswith(behind):
            response = memoryview(raw)[len(before) - 1 : 1 - len(behind) or None]
            own = (
                b'{"custom_id":',
                custom_id,
                b',"id":',
                row_id,
                b',"response":',
                response,
                b',"error":null}',
            )
            return replace(result, raw=b"".join(own))
    return None


def _exact(raw: bytes) -> JsonValue:
    """Parse a good line, and keep integers that no 64 bits hold."""
    return loads_exactly(raw) if _may_hold_a_long_number(raw) else loads(raw)


def _may_hold_a_long_number(raw: bytes) -> bool:
    """Tell whether nineteen digits stand in a row; ten times faster than a regular expression."""
    return _LONG_NUMBER in raw.translate(_ALL_ZEROS)


class _Checker:
    """The state of one pass."""

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        read: Read,
        problems: ProblemLog,
        asked: IdIndex | None,
        conflict: Conflict | None,
    ) -> None:
        self.stream, self.name, self.read, self.problems = stream, name, read, problems
        self.asked, self.conflict = asked, conflict
        self.found = Checked()
        self.ids = IdIndex()
        self.ends = array("Q")  # where each line ends, for looking again at one that has a second
        self.warned: dict[str, tuple[Problem, int]] = {}

    def run(self, report: Callable[[int], None] | None) -> Checked:
        digest = sha256()
        try:
            for line in read_lines(self.stream, max_bytes=_LONGEST_LINE):
                digest.update(line.raw)
                digest.update(b"\n" if line.ended else b"")
                self.ends.append(line.offset + len(line.raw))
                if line.number == 1 and self._is_something_else(line.raw):
                    break
                if not is_blank(line.raw):
                    self._take(line)
                if report is not None and line.number % _REPORT_EVERY == 0:
                    report(line.number)
        except LineTooLong as error:
            self._problem("E701", f"line too long for a result: over {_LONGEST_LINE:,} bytes", error.number)
        self.found.bytes = self.ends[-1] if self.ends else 0
        self.found.sha256 = digest.hexdigest()
        for first, count in self.warned.values():
            more = f" (and {count - 1:,} more like it)" if count > 1 else ""
            self.problems.add(replace(first, message=f"{first.message}{more}"))
        return self.found

    def _problem(
        self, code: str, message: str, line: int, column: int = 1, hint: str | None = _AGAIN
    ) -> None:
        self.problems.add(Problem(code, message, hint, self.name, line, column))

    def _warn(self, key: str, code: str, message: str, line: int, custom_id: str) -> None:
        """Warn of the first of a kind and count the others."""
        first, count = self.warned.get(key, (None, 0))
        if first is None:
            first = Problem(
                code, message, None, self.name, line, 1, custom_id=custom_id, severity=Severity.WARNING
            )
        self.warned[key] = (first, count + 1)

    def _is_something_else(self, raw: bytes) -> bool:
        if packed(raw) is not None:
            self._problem("E701", "compressed file, not a result file", 1, hint="decompress it first")
        elif raw.lstrip().startswith(b"<"):
            hint = "download the file again; the page may say what was wrong"
            self._problem("E701", "this is an HTML page, not a result file", 1, hint=hint)
        else:
            return False
        return True

    def _take(self, line: Line) -> None:
        value = self._parsed(line)
        if value is None:
            return
        try:
            result = self.read(value)
        except NotAResult as error:
            column = locate(_without_bom(line).decode("utf-8"), error.path) if error.path else 1
            self._problem("E701", f"not a result line: {error}", line.number, column, hint=None)
            return
        if self.asked is not None and self.asked.get(result.custom_id) is None:
            message = f'unknown custom_id "{result.custom_id[:64]}": no request has it'
            self._problem("E704", message, line.number, hint="name the request file of this batch")
            return
        first = self.ids.add(result.custom_id, line.number)
        if first is not None:
            self._compare(result.custom_id, line, first)
            return
        self.found.results += 1
        if result.error is not None and result.error.type == UNREAD:
            message = f"{result.error.message}; the row counts as failed"
            self._warn(result.error.code or UNREAD, "W701", message, line.number, result.custom_id)

    def _parsed(self, line: Line) -> JsonObject | None:
        raw = _without_bom(line)
        try:
            value = loads(raw)
            # What is nested too deep can be read, but not written.
            if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
                dumps(value)
            if _may_hold_a_long_number(raw):
                loads_exactly(raw)
        except (ValueError, TypeError):
            self._fault(raw, line)
            return None
        if not isinstance(value, dict):
            self._problem("E701", "not a result line: it must be a JSON object", line.number)
            return None
        return value

    def _fault(self, raw: bytes, line: Line) -> None:
        fault = explain(raw, last=not line.ended)
        if fault is None:
            self._problem("E701", "not a result line: not valid JSON", line.number)
        elif fault.code == "E202":
            self._problem("E705", "the file is cut off in this line", line.number, fault.column)
        else:
            self._problem("E701", f"not a result line: {fault.message}", line.number, fault.column)

    def _compare(self, custom_id: str, line: Line, first: int) -> None:
        """Decide whether a second result says the same as the first."""
        start = self.ends[first - 2] + 1 if first > 1 else 0
        # Not by seeking: the stream is in the middle of being read.
        earlier = os.pread(self.stream.fileno(), self.ends[first - 1] - start, start)
        if first == 1:
            earlier = earlier.removeprefix(BOM)
        if earlier.strip() == line.raw.strip() or loads(earlier) == loads(line.raw):
            self.found.repeats.append(line.number)
            message = f'duplicate result for "{custom_id[:64]}", identical to the one on line {first}'
            self._warn("repeat", "W703", message, line.number, custom_id)
            return
        message = f'duplicate result for "{custom_id[:64]}": it differs from the one on line {first}'
        self._problem("E703", message, line.number, hint="keep the right one of the two lines")
        if self.conflict is not None:
            self.conflict(earlier, line.raw)
