"""Reports as JSON: the document about all files, and problems one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from batch_cli.cli.documents import input_object
from batch_cli.cli.main import problem_object
from batch_cli.cli.reports.lines import MOST_PLACES
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.reports.tally import CodeTally
from batch_cli.model import JsonObject


def document(reports: Sequence[FileReport]) -> JsonObject:
    """Give what ``--json`` prints besides its schema and version."""
    return {
        "files": [file_object(report) for report in reports],
        "errors": sum(report.problems.errors for report in reports),
        "warnings": sum(report.problems.warnings for report in reports),
    }


def file_object(report: FileReport) -> JsonObject:
    """Give one file; sizes and tokens are null unless statistics were asked for."""
    problems, sizes, fixed = report.problems, report.sizes, report.fixed
    lines = sizes and {"smallest": sizes.smallest, "largest": sizes.largest, "mean": round(sizes.mean, 1)}
    return {
        "ok": problems.errors == 0,
        "format": report.provider,
        **input_object(report.name, report.scan),
        "line_bytes": lines,
        "tokens_estimate": sizes and sizes.tokens,
        "errors": problems.errors,
        "warnings": problems.warnings,
        "problems": [problem_object(problem) for problem in problems.kept],
        "truncated": report.is_truncated,
        "codes": {tally.code: _code_object(tally) for tally in report.tally.codes()},
        "fix": fixed
        and {
            "written": fixed.written,
            "path": fixed.output,
            "ids": fixed.id_map,
            "changes": {str(change): count for change, count in sorted((+fixed.changes).items())},
        },
    }


def _code_object(tally: CodeTally) -> JsonObject:
    """Give all problems of a code: their number, and their lines as the first ten thousand ranges."""
    return {"count": tally.count, "lines": [list(run) for run in islice(tally.lines.runs(), MOST_PLACES)]}
