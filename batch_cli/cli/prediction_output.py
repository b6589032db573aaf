"""What `predict` writes: rows as they come, a table, a document, an ensemble, a comparison."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batch_cli.cli.context import Context
from batch_cli.cli.tables import Column, RowFormat, Table, show
from batch_cli.errors import ExitCode
from batch_cli.files import PartFile
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict.prediction import SUCCESS, Prediction
from batch_cli.writers.controls import escaped

if TYPE_CHECKING:
    from batch_cli.cli.predicting import Asked

_COLUMNS = (
    Column("index", "#", right=True),
    Column("model_name", "Model"),
    Column("model_version", "Version"),
    Column("status", "Status"),
    Column("prediction", "Prediction"),
    Column("duration_ms", "ms", right=True),
    Column("error_message", "Error"),
)
_ELEMENTS = (
    Column("element", "#", right=True),
    Column("a", "A", right=True),
    Column("b", "B", right=True),
    Column("difference", "B - A", right=True),
)
_SHOWN_NUMBERS = 6
_LONGEST_CELL = 80

Write = Callable[[Sequence[Prediction]], None]


def streams(asked: Asked) -> bool:
    """Tell whether rows are written as they come: JSON lines, and every file."""
    return asked.output is not None or asked.style is RowFormat.JSONL


@contextlib.contextmanager
def lines(context: Context, asked: Asked) -> Iterator[Write]:
    """Give what writes predictions as JSON lines or CSV; a file gets its name when all are written."""
    form = _csv_rows if asked.style is RowFormat.CSV else _json_rows
    head = _csv_head() if asked.style is RowFormat.CSV else b""
    if asked.output in (None, "-"):
        context.console.write(head)
        yield lambda predictions: context.console.write(form(predictions))
        return
    with PartFile(Path(str(asked.output))) as part:
        part.write(head)
        yield lambda predictions: part.write(form(predictions))
        part.commit()
    context.console.say(f"Predictions saved to: {asked.output}")


def show_whole(context: Context, asked: Asked, predictions: Sequence[Prediction], facts: JsonObject) -> None:
    """Write everything at once: a document, or a table with the ensemble as its last row, or a comparison."""
    if asked.output is not None:
        with lines(context, asked) as write:
            write([*predictions, *_ensemble(predictions, facts)])
        if context.console.json and asked.output != "-":
            context.console.document("predict", {**facts, "file": asked.output})
        return
    if context.console.json:
        document = {**facts, "predictions": [each.as_json() for each in predictions]}
        context.console.document("predict", document)
        return
    if "comparison" in facts:
        _show_comparison(context, asked, predictions, facts["comparison"])
        return
    shown = [*predictions, *_ensemble(predictions, facts)]
    is_data = asked.style is RowFormat.CSV
    table = Table("Predictions", _COLUMNS, [_row(each, whole=is_data) for each in shown])
    show(
        context.console,
        table.only(asked.fields),
        asked.style,
        header=asked.header,
        objects=[each.as_json() for each in shown],
    )
    ensemble = facts.get("ensemble")
    if ensemble is not None and not ensemble["equal_lengths"]:
        context.console.warn(
            f"the models give {ensemble['lengths']} values: later elements are of fewer models"
        )


def show_facts(context: Context, what: str, found: JsonValue, code: ExitCode) -> ExitCode:
    """Write what a server says about itself."""
    if context.console.json:
        context.console.document("predict_server", {what: found})
    elif isinstance(found, list):
        columns = (Column("name", "Model"), Column("status", "Status"), Column("from", "From"))
        rows = [[str(one[column.key] or "") for column in columns] for one in found]
        show(context.console, Table("Models", columns, rows), None)
    else:
        rows = [[str(key), _cell(value, whole=True)] for key, value in found.items()]
        show(context.console, Table(what.title(), (Column("key", ""), Column("value", "")), rows), None)
    return code


def _ensemble(predictions: Sequence[Prediction], facts: JsonObject) -> list[Prediction]:
    found = facts.get("ensemble")
    if found is None:
        return []
    name = f"ensemble:{found['method']}"
    return [Prediction(len(predictions), name, SUCCESS, found["values"])]


def _show_comparison(
    context: Context, asked: Asked, predictions: Sequence[Prediction], found: JsonObject
) -> None:
    first, second = (
        next(each for each in predictions if each.model == name) for name in (found["a"], found["b"])
    )
    left, right = (each.values if isinstance(each.values, list) else [] for each in (first, second))
    rows = [
        [str(at), _cell(left[at]), _cell(right[at]), _cell(difference)]
        for at, difference in enumerate(found["differences"])
    ]
    objects = [dict(zip(("element", "a", "b", "difference"), row, strict=True)) for row in rows]
    table = Table(f"{found['a']} (A) and {found['b']} (B)", _ELEMENTS, rows)
    show(context.console, table.only(asked.fields), asked.style, header=asked.header, objects=objects)
    for each in (first, second):
        if each.error:
            context.console.warn(f"{each.model}: {each.error}")
    context.console.say(
        f"MAE {_cell(found['mae'])}, RMSE {_cell(found['rmse'])}, largest {_cell(found['max_abs'])}"
        f" over {found['compared']:,} elements ({found['nulls']:,} with null);"
        f" lengths {found['lengths'][0]} and {found['lengths'][1]};"
        f" duration {_cell(found['duration_difference_ms']) or '?'} ms"
    )


def _row(prediction: Prediction, *, whole: bool) -> list[str]:
    return [
        str(prediction.index),
        prediction.model,
        prediction.version or "",
        prediction.status,
        _cell(prediction.values, whole=whole),
        "" if prediction.duration_ms is None else f"{prediction.duration_ms:.10g}",
        prediction.error or "",
    ]


def _cell(value: JsonValue, *, whole: bool = False) -> str:
    """Write a value for a table: numbers with six digits, a long list with how much is left out."""
    if value is None:
        return ""
    if isinstance(value, float) and not whole:
        return f"{value:.6g}"
    if isinstance(value, list) and not whole:
        start = ", ".join(_cell(item) or "null" for item in value[:_SHOWN_NUMBERS])
        more = f", … {len(value) - _SHOWN_NUMBERS:,} more" if len(value) > _SHOWN_NUMBERS else ""
        return f"[{start}{more}]"
    text = value if isinstance(value, str) else dumps(value).decode()
    return text if whole or len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _json_rows(predictions: Sequence[Prediction]) -> bytes:
    return b"".join(dumps(each.as_json()) + b"\n" for each in predictions)


def _csv_head() -> bytes:
    return _csv([[column.key for column in _COLUMNS]])


def _csv_rows(predictions: Sequence[Prediction]) -> bytes:
    return _csv([_row(each, whole=True) for each in predictions])


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    # A cell that starts like a formula is one to spreadsheet programs.
    writer.writerows(
        [escaped(f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell) for cell in row]
        for row in rows
    )
    return text.getvalue().encode("utf-8")
