"""Rows for people and for pipes: a table on a terminal, tab-separated columns elsewhere, JSON lines, CSV, Markdown."""

from __future__ import annotations

import csv
import enum
import io
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batch_cli.cli.console import Console
from batch_cli.cli.text import one_line
from batch_cli.errors import UsageError
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject
from batch_cli.writers.controls import escaped

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class RowFormat(enum.StrEnum):
    """How rows are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key (for ``--fields``) and its heading."""

    key: str
    title: str
    right: bool = False
    """Numbers are aligned to the right."""
    whole: bool = False
    """Never broken over two lines: an id has to be copied."""
    is_time: bool = False
    """On a terminal only month, day, hour and minute."""
    plain_only: bool = False
    """Left out of tables on a terminal, which are narrow."""


@dataclass(frozen=True, slots=True)
class Table:
    """What to show; the cells of a row in the order of the columns, foreign text allowed."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def only(self, fields: str | None) -> Table:
        """Keep the columns named in ``fields`` (``id,status``), in that order.

        Raises:
            UsageError: there is no such column.
        """
        if not fields:
            return self
        keys = [column.key for column in self.columns]
        wanted = [name.strip() for name in fields.split(",")]
        for name in wanted:
            if name not in keys:
                raise UsageError(
                    f"--fields: there is no column '{one_line(name, 40)}'",
                    hint=f"use one or more of {', '.join(keys)}",
                )
        places = [keys.index(name) for name in wanted]
        return Table(
            self.title,
            [self.columns[at] for at in places],
            [[row[at] for at in places] for row in self.rows],
        )


def show(
    console: Console,
    table: Table,
    style: RowFormat | None,
    *,
    header: bool = False,
    objects: Iterable[JsonObject] = (),
) -> None:
    """Write ``table`` to standard output; ``objects`` are its rows for JSON lines.

    Without a style it is a table on a terminal and tab-separated columns elsewhere.
    """
    chosen = style or (RowFormat.TABLE if console.is_terminal else RowFormat.PLAIN)
    match chosen:
        case RowFormat.TABLE:
            _show_table(console, table)
        case RowFormat.JSONL:
            for value in objects:
                console.write(dumps(value) + b"\n")
        case RowFormat.CSV:
            _show_csv(console, table)
        case RowFormat.MARKDOWN:
            _show_markdown(console, table)
        case RowFormat.PLAIN:
            if header:
                console.line("\t".join(column.title for column in table.columns))
            for row in table.rows:
                console.line("\t".join(one_line(cell) for cell in row))


def _show_table(console: Console, table: Table) -> None:
    from rich.console import Console as RichConsole  # noqa: PLC0415 - 40 ms, only on a terminal
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = RichTable(
        box=None,
        padding=(0, 1, 0, 0),
        title=Text(table.title),
        title_justify="left",
        title_style="bold",
        header_style="bold",
    )
    shown = [at for at, column in enumerate(table.columns) if not column.plain_only]
    for at in shown:
        column = table.columns[at]
        drawn.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            overflow="fold",
            min_width=max((len(row[at]) for row in table.rows), default=0) if column.whole else None,
        )
    for row in table.rows:
        # Text, not str: rich would take brackets in foreign text for its markup.
        drawn.add_row(*(Text(_cell(row[at], table.columns[at])) for at in shown))
    text = io.StringIO()
    colored = console.colors(sys.stdout)
    RichConsole(file=text, force_terminal=colored, no_color=not colored, width=_width(console)).print(drawn)
    console.write(text.getvalue().encode("utf-8"))


def _cell(cell: str, column: Column) -> str:
    return one_line(cell[5:16].replace("T", " ") if column.is_time else cell)


def _width(console: Console) -> int:
    columns = console.environment.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return max(int(columns), 20)
    return max(shutil.get_terminal_size((100, 24)).columns, 20) if console.is_terminal else 120


def _show_csv(console: Console, table: Table) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    for row in table.rows:
        # A cell that starts like a formula is one to spreadsheet programs.
        writer.writerow(escaped(f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell) for cell in row)
    console.write(text.getvalue().encode("utf-8"))


def _show_markdown(console: Console, table: Table) -> None:
    console.line(f"| {' | '.join(column.title for column in table.columns)} |")
    console.line(f"|{'|'.join('---:' if column.right else '---' for column in table.columns)}|")
    for row in table.rows:
        console.line(f"| {' | '.join(one_line(cell).replace('|', chr(92) + '|') for cell in row)} |")
