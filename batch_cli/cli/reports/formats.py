"""The forms of a report, by the names that ``--format`` knows."""

from __future__ import annotations

import enum


class ReportFormat(enum.StrEnum):
    """How problems are written."""

    CONCISE = "concise"
    """A line for each problem: ``file:line:column: error[code]: what``."""
    FULL = "full"
    """The same with an excerpt of each offending line."""
    JSON = "json"
    """One document about all files."""
    JSONL = "jsonl"
    """One JSON object for each problem, on a line of its own."""
    GITHUB = "github"
    """Workflow commands, which GitHub Actions shows beside the lines of the file."""
    SARIF = "sarif"
    """SARIF 2.1.0, for code scanning."""
    JUNIT = "junit"
    """JUnit XML, for CI systems: a suite for each file, a test case for each kind of problem."""
