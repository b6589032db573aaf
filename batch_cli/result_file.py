"""Result files: what a provider hands out for a batch, checked line by line before it is believed.

`check` finds everything that is wrong with a file that somebody has, `read_rows` gives the rows of one that we have
fetched. Both tell where each row stands, so that nobody has to keep it. Memory: one block of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from typing import BinaryIO

from batch_cli.errors import DamagedData, Problem, ProblemLog, Severity
from batch_cli.json_faults import MAX_DEPTH, explain, locate
from batch_cli.jsonl import (
    BOM,
    Line,
    LineTooLong,
    dumps,
    is_blank,
    loads,
    loads_exactly,
    may_hold_a_long_number,
    read_lines,
)
from batch_cli.model import BatchResult, JsonObject, ResultError, RowFile, RowPlace
from batch_cli.request_line import packed
from batch_cli.row_index import DAMAGED, RowIndex
from batch_cli.sealed_blocks import SealedBlock, sealed_blocks
from batch_cli.sealed_lines import changed, good_row, heads_of, ids_of, is_sealed, unified

Read = Callable[[JsonObject], BatchResult]
"""From a parsed line to its row; raises `NotAResult`."""

UNREAD = "unknown_result"
"""The error type of a row whose line is a result that nobody here understands; reading warns once for each code."""

_LONGEST_LINE = 256_000_000
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


def read_rows(
    stream: BinaryIO, read: Read, name: str, index: RowIndex | None = None
) -> Iterator[BatchResult]:
    """Give the rows of a file in one pass; whoever takes them finds out about repeated and missing ones.

    A line that is no result comes as a row without an id, whose error is of the type `DAMAGED`. With an ``index``, rows
    that can be taken many at a time go there in their turn, and only the others are given; they are to be put there, too.

    Raises:
        DamagedData: already the first line is no result, so this is another kind of file.
    """
    file = _row_file(stream, read)
    reader = _RowReader(file, read, name)
    if index is None or file is None:
        for line in read_lines(stream, max_bytes=_LONGEST_LINE):
            yield from reader.rows(line)
        return
    with closing(sealed_blocks(stream, _LONGEST_LINE, index.number_of(file))) as blocks:
        for block in blocks:
            at = 0
            for run in block.runs if reader.knows_sealed else ():
                yield from chain.from_iterable(map(reader.rows, block.lines_between(at, run.start)))
                at = run.start + len(run.keys)
                if not index.put_sealed(run):
                    yield from chain.from_iterable(map(reader.rows, block.lines_between(run.start, at)))
            yield from chain.from_iterable(map(reader.rows, block.lines_between(at, block.count)))


class _RowReader:
    """Makes rows of lines, one after the other."""

    def __init__(self, file: RowFile | None, read: Read, name: str) -> None:
        self.file, self.read, self.name = file, read, name
        self.has_begun = self.knows_sealed = False

    def rows(self, line: Line) -> Iterator[BatchResult]:
        """Give the row of a line; none for a blank one."""
        if is_blank(line.raw):
            return
        raw, file = _without_bom(line), self.file
        offset = line.offset + len(line.raw) - len(raw)
        try:
            good = good_row(raw) if self.knows_sealed else None
            row, is_own = (good, True) if good is not None else _row_of(loads(raw), raw, self.read)
        except (ValueError, TypeError, NotAResult) as error:
            what = f"line {line.number:,} of {self.name} is not a result: {error}"
            if not self.has_begun:
                raise DamagedData(
                    what, hint="get the results again; if it stays, report it to the provider"
                ) from error
            place = None if file is None else RowPlace(file, offset, len(raw), is_own=False)
            yield BatchResult("", error=ResultError(DAMAGED, what), place=place)
            return
        self.has_begun = True
        self.knows_sealed |= is_own  # whoever reads one of them as good reads all so
        row.source = raw
        if file is not None:  # its own bytes will be read again
            row.place = RowPlace(file, offset, len(raw), is_own=is_own)
        elif is_own:
            row.raw = _own_row(raw).raw
        yield row


def _row_file(stream: BinaryIO, read: Read) -> RowFile | None:
    """Give the file behind a stream that stands at its start; None: it is none, or none that can be read anywhere."""
    try:
        descriptor = stream.fileno()
        os.pread(descriptor, 0, 0)
    except OSError:  # io.UnsupportedOperation is one
        return None

    def again(raw: bytes, is_own: bool) -> BatchResult:  # noqa: FBT001 - as `RowFile.again`
        try:
            if is_own:
                return _own_row(raw)
            row = _row_of(loads(raw), raw, read)[0]
        except (ValueError, TypeError, NotAResult) as error:
            raise changed() from error
        row.source = raw
        return row

    return RowFile(descriptor, again)


def _without_bom(line: Line) -> bytes:
    """Give a line's bytes; what is read here is written anew, so a byte order mark does no harm."""
    return line.raw.removeprefix(BOM) if line.number == 1 else line.raw


def _row_of(value: JsonObject, raw: bytes, read: Read) -> tuple[BatchResult, bool]:
    """Give the row of a line that was parsed, and whether it is a sealed one."""
    result = read(value)
    if result.error is None and result.response is not None and is_sealed(raw):
        return result, True
    if may_hold_a_long_number(raw):
        result = read(loads_exactly(raw))
    return result, False


def _own_row(raw: bytes) -> BatchResult:
    """Give the row of a sealed line that was read before."""
    (head,) = heads_of((raw,))
    return BatchResult(ids_of((head,))[0], raw=unified((head,))[0][:-1], source=raw)


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
        self.knows_sealed = False

    def run(self, report: Callable[[int], None] | None) -> Checked:
        digest = sha256()
        number = None if self.file is None else self.number
        try:
            # Closed at once, whatever happens: other processes may be at work.
            with closing(sealed_blocks(self.stream, _LONGEST_LINE, number)) as blocks:
                for block in blocks:
                    digest.update(block.raw)
                    if block.number == 1 and self._is_something_else(block.lines[0]):
                        break
                    self._take_block(block)
                    self.found.bytes += block.size
                    if report is not None:
                        report(block.number + block.count - 1)
        except LineTooLong as error:
            self._problem("E701", f"line too long for a result: over {_LONGEST_LINE:,} bytes", error.number)
        self.found.sha256 = digest.hexdigest()
        for first, count in self.warned.values():
            more = f" (and {count - 1:,} more like it)" if count > 1 else ""
            self.problems.add(replace(first, message=f"{first.message}{more}"))
        return self.found

    def _take_block(self, block: SealedBlock) -> None:
        """Give the lines of a block to the index: those that are good beyond doubt together, every other by itself."""
        at = 0
        for run in block.runs if self.knows_sealed else ():
            self._take_each(block, at, run.start)
            at = run.start + len(run.keys)
            if not self.index.put_sealed(run):
                self._take_each(block, run.start, at)
        self._take_each(block, at, block.count)

    def _take_each(self, block: SealedBlock, first: int, stop: int) -> None:
        for line in block.lines_between(first, stop):
            raw = _without_bom(line)
            if raw[:1] == b"{" or not is_blank(raw):
                offset = line.offset + len(line.raw) - len(raw)
                self._take(raw, line.number, offset, is_last=not line.ended)

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
            result, is_own = _row_of(value, raw, self.read)
            # What is nested too deep can be read, but not written.
            if not is_own and raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
                dumps(value)
        except NotAResult as error:
            column = locate(raw.decode("utf-8"), error.path) if error.path else 1
            self._problem("E701", f"not a result line: {error}", number, column, hint=None)
            return
        except (ValueError, TypeError):
            self._fault(raw, number, is_last=is_last)
            return
        # Whoever reads one of them as good reads all so; without a file they have no places.
        self.knows_sealed |= is_own and self.file is not None
        if self.file is None:
            self.index.put(result)
        else:
            self.index.put_at(result, self.number, offset, len(raw), is_own=is_own)
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
