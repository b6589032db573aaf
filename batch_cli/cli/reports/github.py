"""Problems as workflow commands, which GitHub Actions shows as annotations beside the lines of the file."""

from __future__ import annotations

from collections.abc import Iterator

from batch_cli.cli.reports.lines import closing_lines
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.text import one_line
from batch_cli.errors import Problem


def github_lines(report: FileReport) -> Iterator[str]:
    """Give ``::error file=…,line=…,col=…,title=…::message`` for each shown problem, notices for the others."""
    for problem in report.problems.kept:
        yield _command(problem, report.name)
    for text in closing_lines(report, terminal=True):
        yield f"::notice file={escaped_property(report.name)}::{escaped_message(text.strip())}"


def _command(problem: Problem, name: str) -> str:
    facts = {
        "file": problem.file or name,
        "line": problem.line,
        "col": problem.column,
        "title": problem.code,
    }
    properties = ",".join(
        f"{key}={escaped_property(str(fact))}" for key, fact in facts.items() if fact is not None
    )
    message = escaped_message(one_line(problem.message))
    if problem.hint:
        message += f"%0Afix: {escaped_message(one_line(problem.hint))}"
    return f"::{problem.severity} {properties}::{message}"


def escaped_message(text: str) -> str:
    """Escape a message. Source: actions/toolkit, packages/core/src/command.ts (read 2026-11-21)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Escape a property, which besides may not hold what separates properties."""
    return escaped_message(one_line(text)).replace(":", "%3A").replace(",", "%2C")
