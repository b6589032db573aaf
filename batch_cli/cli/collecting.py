"""How ``results`` turns its options into an order for the core, and its outcome into words, files and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.cli import documents
from batch_cli.cli.context import Context
from batch_cli.cli.fail_if import Condition
from batch_cli.cli.outcome import exit_code, sink_for, tell_left_out, tell_reasons
from batch_cli.cli.result_extras import Extras, ExtrasWanted
from batch_cli.cli.tables import Column, RowFormat, Table, show
from batch_cli.cli.text import plural
from batch_cli.clock import rfc3339
from batch_cli.errors import ExitCode, quoted
from batch_cli.jobs.attempts import ended_attempts, running_attempts
from batch_cli.jobs.results import (
    ResultsOrder,
    Written,
    ended_batch,
    refuse_useless,
    rows,
    shape_of,
    stream_results,
    write_results,
)
from batch_cli.jobs.side_files import side_name
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.jsonl import dumps
from batch_cli.model import Batch, JsonObject, JsonValue
from batch_cli.object_store import ObjectAddress, is_object
from batch_cli.providers.base import Answer
from batch_cli.response_model import load_response_model
from batch_cli.results import OutputRow, Summary
from batch_cli.row_index import StrayKind, Strays
from batch_cli.writers import FormatName

_MOST_TABLE_ROWS = 1_000
_LONGEST_CELL = 200


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How a run came to its results."""

    via: str
    """``batch``, ``direct`` or ``local``."""
    started_at: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say about the results."""

    output: str | None
    """``-`` is standard output; None shows a table there."""
    response_model: str | None = None
    in_order: bool = True
    force: bool = False
    allow_partial: bool = False
    form: FormatName = FormatName.LINES
    fail_if: tuple[Condition, ...] = ()
    return_error: bool = False
    """Failed rows say how they were asked, too."""
    prompts: tuple[str, ...] = ()
    """What the rows answer, where it was typed: shown with them in place of a table."""
    extras: ExtrasWanted = field(default_factory=ExtrasWanted)
    run: RunFacts | None = None
    """What ``run`` adds to the document, under a name of its own."""


def collect(context: Context, workspace: Workspace, place: BatchPlace, wanted: Wanted) -> ExitCode:
    """Write the results of a batch that has ended, and say what they are worth."""
    batch = ended_batch(workspace, place)
    model = None
    if wanted.response_model is not None:
        model = load_response_model(wanted.response_model, Path.cwd())
    with Extras(wanted.extras, context.environment, wanted.output) as extras:
        watch = None if wanted.extras.nothing else extras.watch
        order = ResultsOrder(
            model,
            in_order=wanted.in_order,
            force=wanted.force,
            form=wanted.form,
            with_call=wanted.return_error,
            watch=watch,
        )
        if wanted.output is None and wanted.prompts:
            written = _show_pairs(context, workspace, batch, order, wanted)
        elif wanted.output is None:
            written = _show_table(context, workspace, batch, order)
        elif wanted.output == "-":
            written = stream_results(workspace, batch, order, sink_for(context.console, wanted.form))
        elif is_object(wanted.output):
            from batch_cli.jobs.object_results import write_results_object  # noqa: PLC0415 - only there

            written = write_results_object(workspace, batch, order, ObjectAddress.parse(wanted.output))
        else:
            written = write_results(workspace, batch, order, Path(wanted.output))
        extras.finish(context.console, written.summary, f"results of {batch.id}{documents.mark(batch)}")
    return _conclude(context, written, wanted)


def _conclude(context: Context, written: Written, wanted: Wanted) -> ExitCode:
    console, summary = context.console, written.summary
    counts = f"({summary.ok:,} ok, {summary.failed:,} failed, {summary.missing:,} missing)"
    counts += documents.mark(written.batch)
    if wanted.output not in (None, "-"):
        again = " (already complete)" if written.already_complete else ""
        console.say(f"Results saved to: {wanted.output} {counts}{again}")
    else:
        console.say(f"{plural(summary.rows, 'row')} {counts}")
    if console.json and wanted.output not in (None, "-"):
        facts: JsonObject = {
            "batch": documents.batch_object(written.batch),
            "file": wanted.output,
            **documents.summary_object(summary),
            "already_complete": written.already_complete,
        }
        if wanted.run is not None:
            facts |= _run_object(written.batch, wanted.run, context.clock.now())
        console.document("results" if wanted.run is None else "run", facts)
    if summary.duplicates:
        console.warn(
            f"{plural(summary.duplicates, 'result')} came twice with the same content; each is written once"
        )
    tell_left_out(console, summary, wanted.form)
    if summary.is_damaged:
        warn_of_strays(context, summary, wanted.output)
        return ExitCode.DAMAGED
    refuse_useless(written)
    running = running_attempts(written.batch)
    tell_reasons(console, summary, () if running else (written.batch.id,))
    for one in running:
        console.warn(
            f"attempt {one.attempt} has not ended: its answers are not among these",
            hint=f"batch-cli wait {one.id}, then batch-cli results {written.batch.id} again",
        )
    code = exit_code(console, summary, wanted.fail_if, allow_partial=wanted.allow_partial)
    return ExitCode.PENDING if running and code is ExitCode.INCOMPLETE else code


def _run_object(batch: Batch, run: RunFacts, now: float) -> JsonObject:
    again = ended_attempts(batch)
    return {
        "via": run.via,
        "started_at": rfc3339(run.started_at),
        "finished_at": rfc3339(now),
        "attempts": 1 + len(again),
        "retried": sum(one.counts.total or 0 for one in again),
    }


def warn_of_strays(context: Context, summary: Summary, output: str | None) -> None:
    """Say what came with the results and cannot be believed, and where it is kept."""
    is_file = output not in (None, "-")
    for count, noun, kind, what in (
        (
            summary.conflicts,
            "request",
            StrayKind.CONFLICT,
            "with several results that differ: none was chosen",
        ),
        (summary.unknown, "result", StrayKind.UNKNOWN, "for an id that no request has"),
        (summary.damaged, "line", StrayKind.DAMAGED, "that cannot be read as a result"),
    ):
        if not count:
            continue
        ids = ", ".join(quoted(custom_id) for custom_id in summary.stray_ids.get(kind, ()))
        kept = side_name(str(output), kind) if is_file else "nowhere; use -o FILE to keep them"
        context.console.warn(f"{plural(count, noun)} {what}{f' ({ids})' if ids else ''}; kept in {kept}")


# --- the table ---


def _show_pairs(
    context: Context, workspace: Workspace, batch: Batch, order: ResultsOrder, wanted: Wanted
) -> Written:
    from batch_cli.cli.prompting import show_pairs  # noqa: PLC0415 - only where prompts were typed

    strays, shape = Strays(), shape_of(workspace, batch, order)
    found = rows(workspace, batch, order, strays)
    summary = show_pairs(context.console, wanted.prompts, found, shape, with_errors=wanted.return_error)
    summary.close(strays)
    return Written(batch, summary, "-")


def _show_table(context: Context, workspace: Workspace, batch: Batch, order: ResultsOrder) -> Written:
    title = f"{batch.id}{documents.mark(batch)}"
    answer = shape_of(workspace, batch, order).answer
    strays = Strays()
    summary = show_rows(context, title, rows(workspace, batch, order, strays), answer)
    summary.close(strays)
    return Written(batch, summary, "-")


def show_rows(
    context: Context, title: str, found: Iterable[OutputRow], answer: Callable[[JsonValue], Answer | None]
) -> Summary:
    """Show rows as a table with a column for each field of the parsed answers."""
    summary = Summary()
    shown: list[OutputRow] = []
    for row in found:
        summary.add(row)
        if len(shown) < _MOST_TABLE_ROWS:
            shown.append(row)
    names = list(dict.fromkeys(name for row in shown for name in _fields(row)))
    columns = [Column("custom_id", "custom_id"), *(Column(name, name) for name in names or ["answer"])]
    has_errors = any(row.error for row in shown)
    if has_errors:
        columns.append(Column("error", "error"))
    cells = [list(_cells(row, names, answer, has_errors=has_errors)) for row in shown]
    show(
        context.console,
        Table(title, columns, cells),
        RowFormat.TABLE if context.console.is_terminal else None,
        header=True,
    )
    if summary.rows > len(shown):
        context.console.say(f"… and {summary.rows - len(shown):,} more rows; use -o FILE for all")
    return summary


def _fields(row: OutputRow) -> list[str]:
    return list(row.parsed) if isinstance(row.parsed, dict) else []


def _cells(
    row: OutputRow, names: list[str], answer: Callable[[JsonValue], Answer | None], *, has_errors: bool
) -> Iterator[str]:
    yield row.custom_id
    if names:
        parsed = row.parsed if isinstance(row.parsed, dict) else {}
        yield from (_cell(parsed.get(name)) for name in names)
    else:
        said = answer((row.response or {}).get("body"))
        yield _cell(row.parsed if row.parsed is not None else said and said.text)
    if has_errors:
        yield "" if row.error is None else f"{row.error.type}: {row.error.message}"


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else dumps(value).decode("utf-8")
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
