"""Results for GitHub Actions: Markdown for the summary of a step, and an annotation for each kind of error."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from batch_cli.cli.reports.failed_row import FailedRow
from batch_cli.cli.reports.github import escaped_message, escaped_property
from batch_cli.cli.text import one_line
from batch_cli.error_taxonomy import advice
from batch_cli.results import Summary

_MOST_SHOWN = 10
"""Failed rows in the summary; also the most annotations that GitHub shows of a step.
Source: docs.github.com, "Usage limits" of annotations (read 2026-11-21)."""
_LONGEST_CELL = 300
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+!|~:@]")


def markdown(title: str, summary: Summary, failed: Sequence[FailedRow]) -> str:
    """Give the counts, the kinds of errors and the first failed rows as tables; foreign text is only text there."""
    lines = [
        f"### {_cell(title)}",
        "",
        "| rows | ok | failed | missing | may pass when sent again |",
        "|---:|---:|---:|---:|---:|",
        f"| {summary.rows:,} | {summary.ok:,} | {summary.failed:,} | {summary.missing:,} | {summary.retryable:,} |",
        "",
    ]
    if not summary.is_good:
        lines += ["| rows | why | what to do |", "|---:|---|---|"]
        for kind, count in summary.errors_by_kind.most_common():
            lines.append(f"| {count:,} | {_cell(kind)} | {_cell(advice(kind))} |")
        lines += ["", "| custom_id | type | message |", "|---|---|---|"]
        for row in islice(failed, _MOST_SHOWN):
            lines.append(f"| {_cell(row.custom_id)} | {_cell(row.type)} | {_cell(row.message)} |")
        more = summary.rows - summary.ok - min(len(failed), _MOST_SHOWN)
        lines += ["", f"… and {more:,} more" if more else ""]
    return "\n".join(lines).rstrip("\n") + "\n\n"


def annotation_lines(title: str, summary: Summary) -> Iterator[str]:
    """Give ``::error title=…::…`` for each kind of error, the most frequent first."""
    for kind, count in summary.errors_by_kind.most_common(_MOST_SHOWN):
        words = escaped_message(one_line(f"{count:,} of {summary.rows:,} rows: {kind}; {advice(kind)}"))
        yield f"::error title={escaped_property(title)}::{words}"


def _cell(text: str) -> str:
    """Write foreign text so that neither Markdown nor HTML sees anything in it."""
    plain = html.escape(one_line(text, _LONGEST_CELL), quote=False)
    # The ampersands of the entities stay: neither they nor the semicolons are marks of Markdown.
    return _MARKDOWN.sub(lambda mark: f"&#{ord(mark[0])};", plain)
