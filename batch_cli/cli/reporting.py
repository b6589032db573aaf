"""How ``report`` finds the rows, and shows what is known of them: on a terminal, as a document, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from batch_cli.cli import documents
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import is_same_file
from batch_cli.cli.output_names import output_named
from batch_cli.cli.reports.number import number
from batch_cli.cli.tables import Column, Table, show
from batch_cli.cli.text import duration
from batch_cli.clock import rfc3339
from batch_cli.error_taxonomy import advice
from batch_cli.errors import ExitCode, UsageError
from batch_cli.files import write_atomically
from batch_cli.histogram import Histogram
from batch_cli.jobs.report import Report, report_of, rows_of_output
from batch_cli.jobs.results import ResultsOrder, ended_batch, rows
from batch_cli.model import JsonObject, ModelName

_QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
_MOST_REASONS = 10
_WIDEST_BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def report(context: Context, given: str | None, chosen: ModelName | None, html: str | None) -> ExitCode:
    """Read the rows of a batch or of an output, and show what came of them."""
    if html is not None and given is not None and is_same_file(given, html):
        raise UsageError(
            "the results and the report are the same file", hint="choose another name for --html"
        )
    if html == "-" and context.console.json:
        raise UsageError("--json and a page on standard output do not go together", hint="use --html FILE")
    if (output := output_named(given)) is not None:
        title, found, took = str(given), report_of(rows_of_output(output)), None
    else:
        title, found, took = _report_of_batch(context, given, chosen)
    if html is not None:
        _write_page(context, title, found, html)
    if context.console.json:
        context.console.document("report", document(title, found, took))
    elif html is None:
        _show(context, title, found, took)
    return ExitCode.OK


def _report_of_batch(
    context: Context, given: str | None, chosen: ModelName | None
) -> tuple[str, Report, float | None]:
    with context.workspace() as workspace:
        batch = ended_batch(workspace, workspace.find_batch(given, chosen))
        found = report_of(rows(workspace, batch, ResultsOrder()))
        took = None
        if batch.created_at is not None and batch.completed_at is not None:
            took = batch.completed_at - batch.created_at
        return f"{batch.id}{documents.mark(batch)}", found, took


def _write_page(context: Context, title: str, found: Report, html: str) -> None:
    from batch_cli.cli.reports.result_html import page  # noqa: PLC0415 - only with --html

    data = page(title, found, rfc3339(context.clock.now()) or "").encode("utf-8")
    if html == "-":
        context.console.write(data)
    else:
        write_atomically(Path(html), data)
        context.console.say(f"Report written to: {html}")


# --- the document ---


def document(title: str, found: Report, took: float | None) -> JsonObject:
    """Give what ``--json`` prints besides its schema and version."""
    summary = found.summary
    return {
        "source": title,
        "seconds": took,
        **{name: getattr(summary, name) for name in ("rows", "ok", "failed", "missing", "retryable")},
        "reasons": [
            {"kind": kind, "type": name, "rows": count, "suggestion": advice(kind)}
            for kind, name, count in found.top_reasons
        ],
        "latency_seconds": _distribution(found.seconds),
        "tokens": {
            "input": _distribution(found.input_tokens),
            "output": _distribution(found.output_tokens),
        },
        "usage": dict(found.usage),
    }


def _distribution(histogram: Histogram) -> JsonObject | None:
    """Give a distribution; None where no row said anything."""
    if not histogram.count:
        return None
    return {
        "rows": histogram.count,
        "sum": histogram.total,
        "mean": histogram.mean,
        "min": histogram.smallest,
        **{name: histogram.quantile(share) for name, share in _QUANTILES},
        "max": histogram.largest,
        "bars": [asdict(bar) for bar in histogram.bars()],
    }


# --- the terminal ---


def _show(context: Context, title: str, found: Report, took: float | None) -> None:
    summary = found.summary
    outcome = [
        ("rows", summary.rows),
        ("ok", summary.ok),
        ("failed", summary.failed),
        ("missing", summary.missing),
    ]
    lines = [(name, f"{count:,}", _bar(count, summary.rows)) for name, count in outcome]
    _table(context, "outcome", title, ("outcome", "rows", ""), lines)
    if took is not None:
        _table(context, "time", "", ("time", ""), [("whole batch", duration(took))])
    if found.reasons:
        top = found.top_reasons
        _table(
            context,
            "reasons",
            "Why not",
            ("kind", "type", "rows", "", "what to do"),
            [
                (kind, name, f"{count:,}", _bar(count, top[0][2], _WIDEST_BAR // 4), advice(kind))
                for kind, name, count in top[:_MOST_REASONS]
            ],
        )
    for name, histogram, unit in (
        ("Seconds for an answer", found.seconds, "s"),
        ("Input tokens", found.input_tokens, ""),
        ("Output tokens", found.output_tokens, ""),
    ):
        if histogram.count:
            _show_distribution(context, name, histogram, unit)
    if found.usage:
        _table(
            context,
            "usage",
            "Usage",
            ("counted as", "sum"),
            [(name, f"{n:,}") for name, n in found.usage.items()],
        )


def _show_distribution(context: Context, name: str, histogram: Histogram, unit: str) -> None:
    facts = [("mean", histogram.mean), *((key, histogram.quantile(share)) for key, share in _QUANTILES)]
    facts.append(("max", histogram.largest))
    told = ", ".join(
        f"{key} {number(value)}{unit and ' '}{unit}" for key, value in facts if value is not None
    )
    bars = histogram.bars()
    most = max(bar.count for bar in bars)
    lines = [
        (f"{number(bar.low)} to {number(bar.high)}", f"{bar.count:,}", _bar(bar.count, most)) for bar in bars
    ]
    _table(context, name.lower(), f"{name}: {told}", ("from … to", "rows", ""), lines)


def _table(
    context: Context, section: str, title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]
) -> None:
    """Show a table: drawn under its title on a terminal, with its section in the first column in a pipe."""
    columns = [Column("section", "section", plain_only=True)]
    columns += [Column(head, head, right=head in ("rows", "sum")) for head in heads]
    console = context.console
    show(console, Table(title, columns, [(section, *line) for line in lines]), None, header=True)
    console.line("")


def _bar(count: int, most: int, width: int = _WIDEST_BAR) -> str:
    """Draw a share in block characters, an eighth of one at least for what is there at all."""
    eighths = max(round(count * width * 8 / most), 1) if count and most else 0
    return (_EIGHTHS[-1] * (eighths // 8) + _EIGHTHS[eighths % 8]).strip()
