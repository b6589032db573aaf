"""Lines of ours, or the provider's own, in input order: most rows are moved from file to file, many at a time.

What comes out is what `write_rows` makes of the same rows, byte for byte and count for count.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from batch_cli.digest import Digest
from batch_cli.forked import InTurns
from batch_cli.results import NO_RESULT, OutputRow, Sink, Summary, finish_rows, missing_row
from batch_cli.row_index import RowIndex, Strays
from batch_cli.sealed_lines import Head, unified
from batch_cli.writers.base import FormatName

FORMS = frozenset((FormatName.LINES, FormatName.RAW))
"""What can be written in this way."""

WORTHWHILE = 16_000_000
"""Bytes of results from which on other processes gain more than their start costs."""
_AT_ONCE = 1 << 20

Ids = Callable[[], Sequence[str]]
"""Gives some ids of requests when it is called: cutting them out of a file is work for whoever needs them."""


def write_in_order(
    ids: Callable[[], Iterable[Ids]],
    index: RowIndex,
    sink: Sink,
    form: FormatName,
    strays: Strays,
    *,
    why_missing: str = NO_RESULT,
    report: Callable[[Summary], None],
) -> Summary:
    """Write a line for each id, in the order of the ids, in one of the `FORMS`; no answer is looked into.

    ``ids`` gives all of them, each once, whenever it is called. ``strays`` are those of the index, and ``report`` is told
    what was written so far, now and then. Memory: some pieces of a megabyte, or of one row; other processes, where
    there are processors for them, share the index.
    """
    summary, digest, found = Summary(), Digest(), 0
    work = partial(_pieces, index, form, why_missing)
    with InTurns(ids, work, worthwhile=index.size >= WORTHWHILE) as pieces:
        for piece in pieces:
            sink.write(piece.data)
            digest.update(piece.data)
            summary.add_all(piece.summary)
            found += piece.found
            report(summary)
    if found < len(index):
        for some in ids():
            index.leave_out(some())
        index.refuse_rest()
    summary.sha256 = digest.finish()
    summary.close(strays)
    return summary


@dataclass(slots=True)
class _Piece:
    """Some lines of the output."""

    data: bytes
    summary: Summary
    found: int
    """Requests for which something came."""


def _pieces(index: RowIndex, form: FormatName, why_missing: str, some: Ids) -> Iterator[_Piece]:
    """Give the lines for some ids, in order."""
    ids = some()
    places = index.places_of(ids)
    gathered = _Lines(is_raw=form is FormatName.RAW)
    at = 0
    while at < len(ids):
        if heads := index.sealed(ids, places, at):
            gathered.add_sealed(heads)
            at += len(heads)
        else:
            row = index.find(ids[at])
            gathered.found += row is not None
            row = row or missing_row(ids[at], why_missing)
            gathered.add(next(finish_rows((row,), None)))
            at += 1
        if gathered.summary.bytes >= _AT_ONCE:
            yield gathered.piece()
            gathered = _Lines(gathered.is_raw)
    yield gathered.piece()


@dataclass(slots=True)
class _Lines:
    """Gathers lines and counts them."""

    is_raw: bool
    summary: Summary = field(default_factory=Summary)
    lines: list[bytes] = field(default_factory=list)
    """Each with its line end."""
    found: int = 0

    def add_sealed(self, heads: list[Head]) -> None:
        self.found += len(heads)
        self.summary.rows += len(heads)
        self.summary.ok += len(heads)
        self._add([head.string + b"\n" for head in heads] if self.is_raw else unified(heads))

    def add(self, row: OutputRow) -> None:
        self.summary.add(row)
        line = row.source if self.is_raw else row.line
        if line is None:
            self.summary.left_out += 1
        else:
            self._add([line + b"\n"])

    def _add(self, lines: list[bytes]) -> None:
        self.lines += lines
        self.summary.bytes += sum(map(len, lines))

    def piece(self) -> _Piece:
        if not self.is_raw:
            self.summary.checksums.extend(map(crc32, self.lines))
        return _Piece(b"".join(self.lines), self.summary, self.found)
