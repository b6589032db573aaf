"""Reports about results: whatever the text of a row holds, it is only text there."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from batch_cli.cli.reports.failed_row import FailedRow
from batch_cli.cli.reports.result_github import annotation_lines, markdown
from batch_cli.cli.reports.result_junit import junit_xml
from batch_cli.error_taxonomy import explained
from batch_cli.model import ResultError
from batch_cli.results import Summary

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "[bold red]x[/]",
    '=HYPERLINK("http://evil")',
    "</script><script>alert(1)</script>",
    "::error file=x::owned",
    "%0A::error::owned",
    "a\n::error::owned\r\n::set-output name=x::y",
    "]]>",
    "<!-- --> &amp; &#x1b;",
    "\x00\x01\x0b\x1f\x7f\x85\x9b",
    "\ud800 \udfff",
    "\ufffe\uffff",
    "\u202egpj.exe\u2066",
    "| a | b |\n|---|---|",
    "[x](javascript:alert(1)) ![y](http://evil/p.png) `code` @team #1 **bold**",
    "x" * 100_000,
]


def reported(text: str) -> tuple[Summary, list[FailedRow]]:
    error = explained(ResultError(text, text, text))
    summary = Summary(rows=2, ok=1, failed=1)
    summary.errors_by_type[error.type] += 1
    summary.errors_by_kind[error.kind] += 1
    return summary, [FailedRow.of(text, error)]


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_is_well_formed_whatever_a_row_says(text: str) -> None:
    document = junit_xml(text, *reported(text))

    root = ET.fromstring(document)
    (failure,) = root.iter("failure")
    assert failure.get("message") is not None
    assert not any(bad in document for bad in (b"\x1b", b"\x00", b"\x9b", b"<script"))
    assert "\u202e" not in document.decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_annotation_is_one_command_of_ours(text: str) -> None:
    summary, _ = reported(text)

    (line,) = annotation_lines(text, summary)

    assert line.startswith("::error title=")
    assert not any(end in line for end in "\r\n\x1b")
    title = line.removeprefix("::error title=").partition("::")[0]
    assert "," not in title
    assert line.count("::") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_a_summary_shows_text_and_neither_markdown_nor_html(text: str) -> None:
    lines = markdown(text, *reported(text)).splitlines()

    (row,) = lines[lines.index("| custom_id | type | message |") + 2 : -1] or [lines[-1]]
    assert row.replace("\\|", "").count("|") == 4
    assert not any(mark in row for mark in ("<", "[", "](", "`", "**", "@", "\x1b", "\u202e"))
    assert len(row) < 20_000


def test_junit_lists_some_rows_and_counts_the_rest() -> None:
    summary, (row,) = reported("oops")
    summary.rows, summary.failed = 12, 11

    root = ET.fromstring(junit_xml("results", summary, [row] * 4))

    (suite,) = root.iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), len(list(root.iter("testcase")))) == ("6", "5", 6)
    assert "7 more rows without one" in {case.get("name") for case in root.iter("testcase")}
    assert {item.get("name"): item.get("value") for item in root.iter("property")}["rows"] == "12"


def test_a_summary_of_good_results_has_no_errors() -> None:
    text = markdown("results of b", Summary(rows=2, ok=2), [])

    assert "| 2 | 2 | 0 | 0 | 0 |" in text
    assert "custom_id" not in text
