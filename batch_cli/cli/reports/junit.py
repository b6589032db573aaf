"""Problems as JUnit XML, which CI systems show as failed tests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from batch_cli.cli.reports.lines import closing_lines
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.reports.rules import rule
from batch_cli.cli.reports.tally import CodeTally
from batch_cli.cli.text import one_line
from batch_cli.errors import Severity

# What XML 1.0 has no way to write, not even escaped. Source: https://www.w3.org/TR/xml/#charsets (5th edition).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(reports: Sequence[FileReport]) -> bytes:
    """Give the document: a suite for each file, a case for each code found there, one passed case if none was.

    A warning is a passed case that says so in its output.
    """
    suites = [_suite(report) for report in reports]
    root = ET.Element("testsuites", name="batch-cli validate")
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(report: FileReport) -> ET.Element:
    codes = report.tally.codes()
    failures = sum(tally.severity is Severity.ERROR for tally in codes)
    name = xml_text(report.name)
    suite = ET.Element(
        "testsuite",
        name=name,
        tests=str(len(codes) or 1),
        failures=str(failures),
        errors="0",
        skipped="0",
    )
    for tally in codes:
        suite.append(_case(report, tally, name))
    if not codes:
        ET.SubElement(suite, "testcase", classname=name, name="valid")
    return suite


def _case(report: FileReport, tally: CodeTally, name: str) -> ET.Element:
    case = ET.Element("testcase", classname=name, name=f"{tally.code} {rule(tally.code)}")
    shown = [problem for problem in report.problems.kept if problem.code == tally.code]
    lines = [f"{problem.place}: {problem.message}" for problem in shown]
    lines += [text.strip() for text in closing_lines(report, terminal=True, only=tally.code)]
    lines += [f"fix: {hint}" for hint in dict.fromkeys(problem.hint for problem in shown) if hint]
    if tally.severity is Severity.ERROR:
        out = ET.SubElement(case, "failure", type=tally.code, message=f"{tally.count} in {name}")
    else:
        out = ET.SubElement(case, "system-out")
    out.text = "\n".join(map(xml_text, lines))
    return case


def xml_text(text: str) -> str:
    """Make foreign text safe for a screen, then leave out what XML cannot hold."""
    return _NOT_XML.sub("", one_line(text))
