"""How ``validate`` reports: every problem with its place, a summary for each file."""

from __future__ import annotations

from dataclasses import dataclass

from batch_cli.cli.context import Context
from batch_cli.cli.documents import input_object
from batch_cli.cli.inputs import opener
from batch_cli.cli.main import problem_lines, problem_object
from batch_cli.cli.text import plural, size
from batch_cli.errors import ExitCode, InvalidInput, Problem, ProblemLog, UsageError
from batch_cli.jobs.check import guess_provider, scan_file
from batch_cli.model import JsonObject, ModelName
from batch_cli.providers import load_codec
from batch_cli.request_file import Scan


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file."""

    path: str
    provider: str | None
    scan: Scan
    problems: ProblemLog


def validate(
    context: Context,
    files: list[str],
    model: ModelName | None,
    *,
    max_errors: int,
    as_json: bool,
    exit_zero: bool,
) -> ExitCode:
    """Check every file, report all of them, and fail if one of them is wrong."""
    if not files:
        raise UsageError("no file given", hint="batch-cli validate FILE")
    reports = []
    for path in files:
        report = _check(context, path, model, max_errors)
        reports.append(report)
        if not as_json:
            _print(context, report)
    errors = sum(report.problems.errors for report in reports)
    if as_json:
        warnings = sum(report.problems.warnings for report in reports)
        context.console.document(
            "validate",
            {"files": [_object(report) for report in reports], "errors": errors, "warnings": warnings},
        )
    return ExitCode.INVALID_INPUT if errors and not exit_zero else ExitCode.OK


def _check(context: Context, path: str, model: ModelName | None, max_errors: int) -> Report:
    problems = ProblemLog(max_errors)
    try:
        open_file, name = opener(path, context.console)
    except InvalidInput as error:
        problems.add(Problem(error.reference, error.message, error.hint, path))
        return Report(path, None, Scan(), problems)
    provider = model.provider if model else guess_provider(open_file)
    if model is None:
        context.console.say(f"{name}: checked as {load_codec(provider).title} format", detail=True)
    with context.workspace() as workspace:
        expected = model.name or None if model else None
        found = scan_file(workspace, open_file, name, load_codec(provider), problems, expected)
    return Report(name, provider, found, problems)


def _print(context: Context, report: Report) -> None:
    console, problems = context.console, report.problems
    for line in problem_lines(problems.kept):
        console.line(line)
    hidden = problems.errors + problems.warnings - len(problems.kept)
    if hidden > 0:
        console.line(f"… and {hidden:,} more")
    scan = report.scan
    models = f", {plural(len(scan.models), 'model')}" if scan.models else ""
    console.say(
        f"{report.path}: {plural(scan.requests, 'request')}{models}, {size(scan.bytes)}:"
        f" {plural(problems.errors, 'error')}, {plural(problems.warnings, 'warning')}"
    )


def _object(report: Report) -> JsonObject:
    problems = report.problems
    return {
        "ok": problems.errors == 0,
        "format": report.provider,
        **input_object(report.path, report.scan),
        "errors": problems.errors,
        "warnings": problems.warnings,
        "problems": [problem_object(problem) for problem in problems.kept],
        "truncated": problems.errors + problems.warnings > len(problems.kept),
    }
