"""How rows become a file: one module for each form, loaded only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from batch_cli.results import OutputRow, Sink, Summary, write_lines
from batch_cli.row_index import Strays
from batch_cli.writers.base import FormatName, Shape

if TYPE_CHECKING:
    from batch_cli.writers.base import Writer

__all__ = ["WRITERS", "FormatName", "Shape", "write_rows"]

WRITERS = {
    FormatName.RAW: "batch_cli.writers.raw:RawWriter",
    FormatName.OBJECTS: "batch_cli.writers.objects:ObjectsWriter",
    FormatName.TEXT: "batch_cli.writers.text:TextWriter",
    FormatName.CSV: "batch_cli.writers.csv_writer:CsvWriter",
    FormatName.PARQUET: "batch_cli.writers.parquet:ParquetWriter",
}
"""The classes, as ``module:class``; called with a sink and a `Shape`. Our own lines need none."""


def write_rows(rows: Iterable[OutputRow], sink: Sink, shape: Shape, strays: Strays | None = None) -> Summary:
    """Write all rows in the form that ``shape`` names, in order, and count them.

    ``sha256`` and ``bytes`` are over everything that went to ``sink``. Memory: a row, or a batch of rows where
    the form demands it. ``strays`` are those of the same rows.

    Raises:
        UsageError: the form needs to know what the answers look like, and nobody does.
        ConfigError: the form needs a library that is not installed.
    """
    if shape.name is FormatName.LINES:
        return write_lines(rows, sink, strays)
    module, _, name = WRITERS[shape.name].partition(":")
    proof = _Proof(sink)
    writer: Writer = getattr(importlib.import_module(module), name)(proof, shape)
    summary = Summary()
    for row in rows:
        summary.add(row)
        if not writer.add(row):
            summary.left_out += 1
    writer.finish()
    summary.bytes, summary.sha256 = proof.bytes, proof.digest.hexdigest()
    summary.close(strays)
    return summary


class _Proof:
    """Passes bytes on, and counts and hashes them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.digest = sha256()
        self.bytes = 0

    def write(self, data: bytes) -> None:
        self._sink.write(data)
        self.digest.update(data)
        self.bytes += len(data)
