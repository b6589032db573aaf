"""Results as CSV that spreadsheet programs open without harm."""

from __future__ import annotations

import csv
import io

from batch_cli.model import JsonValue
from batch_cli.results import OutputRow, Sink
from batch_cli.writers.base import Shape
from batch_cli.writers.columns import Columns, as_text
from batch_cli.writers.controls import escaped

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell begins with that spreadsheet programs take for a formula.
Source: https://owasp.org/www-community/attacks/CSV_Injection (read 2026-11-21)."""


class CsvWriter:
    r"""Writes UTF-8 with a heading, lines ended by ``\n``, every text in quotes, numbers plain, nothing for null.

    A text that begins like a formula gets an apostrophe before it; control characters but tabs and line ends
    are written ``\x1b``. Failed rows are there, with the reason in the last two columns.
    """

    def __init__(self, sink: Sink, shape: Shape) -> None:
        """Write to ``sink``, the heading first."""
        self._sink = sink
        self._columns = Columns(shape)
        self._line = io.StringIO()
        self._csv = csv.writer(self._line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        self._write([_cell(name) for name in self._columns.names])

    def add(self, row: OutputRow) -> bool:
        """Write a row."""
        self._write([_cell(value) for value in self._columns.cells(row)])
        return True

    def finish(self) -> None:
        """Do nothing: every line is written."""

    def _write(self, cells: list[str | int | float]) -> None:
        self._csv.writerow(cells)
        self._sink.write(self._line.getvalue().encode("utf-8"))
        self._line.seek(0)
        self._line.truncate()


def _cell(value: JsonValue) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = escaped(as_text(value))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
