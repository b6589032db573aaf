"""How ``verify`` shows what it found: a table, a document, or a suite of tests."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from batch_cli.cli import documents
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import opener
from batch_cli.cli.main import problem_lines, problem_object
from batch_cli.cli.reports.junit import xml_text
from batch_cli.cli.tables import Column, RowFormat, Table, show
from batch_cli.errors import ExitCode
from batch_cli.jobs.asked import Source
from batch_cli.jobs.verify import Check, Outcome, Verified, verify
from batch_cli.model import JsonObject


def run_verify(context: Context, output: str, requests: str | None, style: str) -> ExitCode:
    """Verify an output and show the outcome."""
    source = None if requests is None else Source(*opener(requests, context.console))
    with context.workspace() as workspace:
        found = verify(workspace, Path(output), source)
    console = context.console
    if style == "json":
        console.document("verify", _document(found))
    elif style == "junit":
        console.write(_junit(found))
    else:
        _table(context, found)
    if style != "json" and not context.shared.quiet:
        for line in problem_lines(found.problems.kept):
            console.talk(line)
        if (hidden := found.problems.errors - len(found.problems.kept)) > 0:
            console.talk(f"… and {hidden:,} more")
    console.say(f"{found.output}: {_verdict(found)}")
    return found.exit_code


def _verdict(found: Verified) -> str:
    summary = found.summary
    if found.problems.errors:
        return "not what was written"
    if summary.is_damaged:
        return (
            "as it was written, from results that contradict themselves or the requests"
            f" ({summary.conflicts:,} in conflict, {summary.unknown:,} unknown, {summary.damaged:,} unreadable)"
        )
    counts = f"{summary.ok:,} ok, {summary.failed:,} failed, {summary.missing:,} missing"
    return f"as it was written ({counts})"


def _table(context: Context, found: Verified) -> None:
    columns = [Column("check", "Check", whole=True), Column("result", "Result"), Column("detail", "Detail")]
    rows = [[check.name, check.outcome, check.detail] for check in found.checks]
    style = RowFormat.TABLE if context.console.is_terminal else None
    show(context.console, Table(found.output, columns, rows), style, header=True)


def _document(found: Verified) -> JsonObject:
    return {
        "file": found.output,
        "intact": not found.problems.errors,
        "exit": int(found.exit_code),
        "batch": found.manifest.get("batch"),
        **documents.summary_object(found.summary),
        "checks": [
            {"name": check.name, "outcome": check.outcome, "detail": check.detail} for check in found.checks
        ],
        "problems": [problem_object(problem) for problem in found.problems.kept],
        "problems_total": found.problems.errors,
    }


def _junit(found: Verified) -> bytes:
    name = xml_text(found.output)
    answers = Check(
        "answers",
        Outcome.OK if found.summary.is_good else Outcome.FAILED,
        f"{found.summary.ok:,} of {found.summary.rows:,} requests have a good answer",
    )
    checks = (*found.checks, answers)
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.outcome is Outcome.FAILED for check in checks)),
        "errors": "0",
        "skipped": str(sum(check.outcome is Outcome.SKIPPED for check in checks)),
    }
    root = ET.Element("testsuites", name="batch-cli verify")
    suite = ET.SubElement(root, "testsuite", counts, name=name)
    lines = [xml_text(line) for line in problem_lines(found.problems.kept)]
    for check in checks:
        case = ET.SubElement(suite, "testcase", classname=name, name=check.name)
        detail = xml_text(check.detail)
        if check.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=detail)
        elif check.outcome is Outcome.FAILED:
            failure = ET.SubElement(case, "failure", type=check.name, message=detail)
            failure.text = "\n".join([detail, *(lines if check is not answers else [])])
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
