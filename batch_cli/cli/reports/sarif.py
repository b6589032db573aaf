"""Problems as SARIF 2.1.0, which code scanning reads.

Source: OASIS SARIF 2.1.0, errata 01, https://docs.oasis-open.org/sarif/sarif/v2.1.0/ (2023-08-28).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from urllib.parse import quote

from batch_cli import __version__
from batch_cli.cli.reports.lines import closing_lines
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.reports.rules import rule
from batch_cli.cli.text import one_line
from batch_cli.errors import Problem, Severity
from batch_cli.model import JsonObject


def sarif_log(reports: Sequence[FileReport]) -> JsonObject:
    """Give the log of one run over all files; the same files give the same log, so it holds no times.

    Problems that are not shown are notifications: they have no place of their own.
    """
    codes = sorted({problem.code for report in reports for problem in report.problems.kept})
    results = [
        _result(problem, report, codes.index(problem.code))
        for report in reports
        for problem in report.problems.kept
    ]
    run = {
        "tool": {
            "driver": {"name": "batch-cli", "version": __version__, "rules": [_rule(code) for code in codes]}
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(report)}} for report in reports],
        "invocations": [_invocation(reports)],
        "results": results,
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(code: str) -> JsonObject:
    level = Severity.WARNING if code.startswith("W") else Severity.ERROR
    return {
        "id": code,
        "shortDescription": {"text": rule(code)},
        "help": {"text": f"{rule(code)} The message of each result says how to fix it."},
        "defaultConfiguration": {"level": level},
    }


def _result(problem: Problem, report: FileReport, index: int) -> JsonObject:
    text = one_line(problem.message)
    if problem.hint:
        text += f"\nfix: {one_line(problem.hint)}"
    found: JsonObject = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": text},
        "locations": [_location(report, problem.line, problem.column)],
    }
    if problem.first_line is not None:
        first = _location(report, problem.first_line, None)
        found["relatedLocations"] = [{**first, "message": {"text": "first seen here"}}]
    return found


def _location(report: FileReport, line: int | None, column: int | None) -> JsonObject:
    """Place a result; GitHub shows none without a region, so what concerns a whole file is put on line 1."""
    region: JsonObject = {"startLine": line or 1}
    if column is not None:
        region["startColumn"] = column
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(report)}, "region": region}}


def _uri(report: FileReport) -> str:
    """Give the file as a relative reference, or as a file URI where its path is absolute."""
    if report.path is None:
        return "stdin"
    quoted = quote(os.fsencode(report.path))
    return f"file://{quoted}" if report.path.is_absolute() else quoted


def _invocation(reports: Sequence[FileReport]) -> JsonObject:
    notes = [
        {"level": "note", "message": {"text": f"{one_line(report.name)}: {text.strip()}"}}
        for report in reports
        for text in closing_lines(report, terminal=True)
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}
