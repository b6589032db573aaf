"""Result files: what a provider hands out for a batch, checked line by line before it is believed.

`check` finds everything that is wrong with a file that somebody has, `read_rows` gives the rows of one that we have
fetched. Both tell where each row stands, so that nobody has to keep it. Memory: one block of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from batch_cli.digest import Digest
from batch_cli.errors import DamagedData, Problem, ProblemLog, Severity
from batch_cli.json_faults import MAX_DEPTH, explain, locate
from batch_cli.jsonl import (
    BOM,
    Block,
    Line,
    LineTooLong,
    dumps,
    is_blank,
    loads,
    loads_exactly,
    read_blocks,
    read_lines,
)
from batch_cli.model import BatchResult, JsonObject, ResultError, RowFile, RowPlace
from batch_cli.request_line import packed
from batch_cli.row_index import DAMAGED, RowIndex

Read = Callable[[JsonObject], BatchResult]
"""From a parsed line to its row; raises `NotAResult`."""

UNREAD = "unknown_result"
"""The error type of a row whose line is a result that nobody here understands; reading warns once for each code."""

_LONGEST_LINE = 256_000_000
_OWN_MEMBERS = ("custom_id", "id", "response", "error")
# Ids with escapes are left to the parser; all that parses has no raw control characters in them.
_OWN_HEAD = re.compile(rb'\{"id": ?("[^"\\]*"|null), ?"custom_id": ?("[^"\\]+"), ?"response": ?(?=\{)')
_OWN_TAILS = (b'}, "error": null}', b'},"error":null}')
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

    bytes: int = 0
    sha256: str = ""
    """Over the whole file as it is."""


def check(
    stream: BinaryIO,
    name: str,
    read: Read,
    problems: ProblemLog,
    index: RowIndex,
    *,
    report: Callable[[int], None] | None = None,
) -> Checked:
    """Read a whole result file, a real one: its rows go to ``index``, what cannot be read to ``problems``.

    ``report`` is told the lines read, now and then.
    """
    return _Checker(stream, name, read, problems, index).run(report)


def read_rows(stream: BinaryIO, read: Read, name: str) -> Iterator[BatchResult]:
    """Give the rows of a file in one pass; whoever takes them finds out about repeated and missing ones.

    A line that is no result comes as a row without an id, whose error is of the type `DAMAGED`.

    Raises:
        DamagedData: already the first line is no result, so this is another kind of file.
    """
    file = _row_file(stream, read)
    has_begun = False
    for line in read_lines(stream, max_bytes=_LONGEST_LINE):
        if is_blank(line.raw):
            continue
        raw = _without_bom(line)
        offset = line.offset + len(line.raw) - len(raw)
        try:
            row, head = _row_of(loads(raw), raw, read)
        except (ValueError, TypeError, NotAResult) as error:
            what = f"line {line.number:,} of {name} is not a result: {error}"
            if not has_begun:
                raise DamagedData(
                    what, hint="get the results again; if it stays, report it to the provider"
                ) from error
            place = None if file is None else RowPlace(file, offset, len(raw), is_own=False)
            yield BatchResult("", error=ResultError(DAMAGED, what), place=place)
            continue
        has_begun = True
        row.source = raw
        if file is not None:  # its own bytes will be read again
            row.place = RowPlace(file, offset, len(raw), is_own=head is not None)
        elif head is not None:
            row.raw = _own_row(head, raw).raw
        yield row


def _row_file(stream: BinaryIO, read: Read) -> RowFile | None:
    """Give the file behind a stream that stands at its start; None: it is none, or none that can be read anywhere."""
    try:
        descriptor = stream.fileno()
        os.pread(descriptor, 0, 0)
    except OSError:  # io.UnsupportedOperation is one
        return None

    def again(raw: bytes, is_own: bool) -> BatchResult:  # noqa: FBT001 - as `RowFile.again`
        if is_own and (head := _OWN_HEAD.match(raw)) is not None:
            return _own_row(head, raw)
        try:
            row = _row_of(loads(raw), raw, read)[0]
        except (ValueError, TypeError, NotAResult) as error:
            raise DamagedData(
                "a result file was changed while it was read", hint="run the same command again"
            ) from error
        row.source = raw
        return row

    return RowFile(descriptor, again)


def _without_bom(line: Line) -> bytes:
    """Give a line's bytes; what is read here is written anew, so a byte order mark does no harm."""
    return line.raw.removeprefix(BOM) if line.number == 1 else line.raw


def _row_of(value: JsonObject, raw: bytes, read: Read) -> tuple[BatchResult, re.Match[bytes] | None]:
    """Give the row of a line that was parsed, and the start of the line where it stands as ours does."""
    result = read(value)
    if result.error is None and result.response is not None and len(value) == len(_OWN_MEMBERS):
        head = _own_head(raw)
        if head is not None:
            return result, head
    if _may_hold_a_long_number(raw):
        result = read(loads_exactly(raw))
    return result, None


def _own_head(raw: bytes) -> re.Match[bytes] | None:
    """Find the ids of a good row of OpenAI's shape; None: the line is written in another way than ours."""
    if not raw.endswith(_OWN_TAILS) or raw.count(b'"response"') != 1:
        return None
    return _OWN_HEAD.match(raw)


def _own_row(head: re.Match[bytes], raw: bytes) -> BatchResult:
    """Give the row of such a line, with our line for it.

    Only the two ids at the start change places; the response, which is nearly all of the line, is not written anew.
    """
    row_id, custom_id = head.groups()
    tail = _OWN_TAILS[0] if raw.endswith(_OWN_TAILS[0]) else _OWN_TAILS[1]
    response = raw[head.end() : 1 - len(tail)]
    line = b"".join(
        (b'{"custom_id":', custom_id, b',"id":', row_id, b',"response":', response, b',"error":null}')
    )
    return BatchResult(custom_id[1:-1].decode("utf-8"), raw=line, source=raw)


def _may_hold_a_long_number(raw: bytes) -> bool:
    """Tell whether nineteen digits stand in a row; ten times faster than a regular expression."""
    return _LONG_NUMBER in raw.translate(_ALL_ZEROS)


class _Checker:
    """The state of one pass."""

    def __init__(
        self, stream: BinaryIO, name: str, read: Read, problems: ProblemLog, index: RowIndex
    ) -> None:
        self.stream, self.name, self.read, self.problems = stream, name, read, problems
        self.index = index
        self.file = _row_file(stream, read)
        self.number = 0 if self.file is None else index.number_of(self.file)
        self.found = Checked()
        self.warned: dict[str, tuple[Problem, int]] = {}

    def run(self, report: Callable[[int], None] | None) -> Checked:
        digest = Digest()
        try:
            for block in read_blocks(self.stream, max_bytes=_LONGEST_LINE):
                digest.update(block.raw)
                if block.number == 1 and self._is_something_else(block.lines[0]):
                    break
                self._take_block(block)
                self.found.bytes += len(block.raw)
                if report is not None:
                    report(block.number + len(block.lines) - 1)
        except LineTooLong as error:
            self._problem("E701", f"line too long for a result: over {_LONGEST_LINE:,} bytes", error.number)
        self.found.sha256 = digest.finish()
        for first, count in self.warned.values():
            more = f" (and {count - 1:,} more like it)" if count > 1 else ""
            self.problems.add(replace(first, message=f"{first.message}{more}"))
        return self.found

    def _take_block(self, block: Block) -> None:
        offset, number = self.found.bytes, block.number
        last = -1 if block.raw.endswith(b"\n") else number + len(block.lines) - 1
        for raw in block.lines:
            start = len(BOM) if number == 1 and raw.startswith(BOM) else 0
            text = raw[start:] if start else raw
            if text[:1] == b"{" or not is_blank(text):
                self._take(text, number, offset + start, is_last=number == last)
            offset += len(raw) + 1
            number += 1

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

    def _take(self, raw: bytes, number: int, offset: int, *, is_last: bool) -> None:
        try:
            value = loads(raw)
            if not isinstance(value, dict):
                self._problem("E701", "not a result line: it must be a JSON object", number)
                return
            result, head = _row_of(value, raw, self.read)
            # What is nested too deep can be read, but not written.
            if head is None and raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
                dumps(value)
        except NotAResult as error:
            column = locate(raw.decode("utf-8"), error.path) if error.path else 1
            self._problem("E701", f"not a result line: {error}", number, column, hint=None)
            return
        except (ValueError, TypeError):
            self._fault(raw, number, is_last=is_last)
            return
        if self.file is None:
            self.index.put(result)
        else:
            self.index.put_at(result, self.number, offset, len(raw), is_own=head is not None)
        if result.error is not None and result.error.type == UNREAD:
            message = f"{result.error.message}; the row counts as failed"
            self._warn(result.error.code or UNREAD, "W701", message, number, result.custom_id)

    def _fault(self, raw: bytes, number: int, *, is_last: bool) -> None:
        fault = explain(raw, last=is_last)
        if fault is None:
            self._problem("E701", "not a result line: not valid JSON", number)
        elif fault.code == "E202":
            self._problem("E705", "the file is cut off in this line", number, fault.column)
        else:
            self._problem("E701", f"not a result line: {fault.message}", number, fault.column)
