"""Lines of ours, or the provider's own, in input order: most rows are moved from file to file, many at a time.

What comes out is what `write_rows` makes of the same rows, byte for byte and count for count.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Iterable
from itertools import islice

from batch_cli.digest import Digest
from batch_cli.results import NO_RESULT, OutputRow, Sink, Summary, finish_rows, missing_row
from batch_cli.row_index import RowIndex, Strays
from batch_cli.sealed_lines import Head, unified
from batch_cli.writers.base import FormatName

FORMS = frozenset((FormatName.LINES, FormatName.RAW))
"""What can be written in this way."""

_IDS_AT_ONCE = 2_000


def write_in_order(
    ids: Iterable[str],
    index: RowIndex,
    sink: Sink,
    form: FormatName,
    strays: Strays,
    *,
    why_missing: str = NO_RESULT,
    report: Callable[[Summary], None],
) -> Summary:
    """Write a line for each id, in the order of the ids, in one of the `FORMS`; no answer is looked into.

    ``strays`` are those of the index, and ``report`` is told what was written so far, now and then. Memory: some ids, and
    rows of a megabyte, or one row.
    """
    writer = _Writer(sink, form)
    ids = iter(ids)
    while known := list(islice(ids, _IDS_AT_ONCE)):
        at = 0
        while at < len(known):
            if found := index.take_sealed(known, at):
                writer.add_sealed(found)
                at += len(found)
            else:
                row = index.take(known[at]) or missing_row(known[at], why_missing)
                writer.add(next(finish_rows((row,), None)))
                at += 1
        report(writer.summary)
    index.refuse_rest()
    writer.summary.sha256 = writer.digest.finish()
    writer.summary.close(strays)
    return writer.summary


class _Writer:
    """Counts and hashes what it writes."""

    def __init__(self, sink: Sink, form: FormatName) -> None:
        self.sink = sink
        self.is_raw = form is FormatName.RAW
        self.summary = Summary()
        self.digest = Digest()

    def add_sealed(self, heads: list[Head]) -> None:
        self.summary.rows += len(heads)
        self.summary.ok += len(heads)
        self._write([head.string for head in heads] if self.is_raw else list(map(unified, heads)))

    def add(self, row: OutputRow) -> None:
        self.summary.add(row)
        line = row.source if self.is_raw else row.line
        if line is None:
            self.summary.left_out += 1
        else:
            self._write([line])

    def _write(self, lines: list[bytes]) -> None:
        lines.append(b"")
        data = b"\n".join(lines)
        self.sink.write(data)
        self.digest.update(data)
        self.summary.bytes += len(data)
        if not self.is_raw:
            lines.pop()
            self.summary.checksums.extend([crc32(b"\n", crc32(line)) for line in lines])
