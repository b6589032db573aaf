"""Results as JUnit XML: a failed test for each row without a good answer, which CI systems list."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from batch_cli.cli.reports.failed_row import FailedRow
from batch_cli.cli.reports.junit import xml_text
from batch_cli.results import Summary


def junit_xml(title: str, summary: Summary, failed: Sequence[FailedRow]) -> bytes:
    """Give the document: a suite with the counts as properties, a case for each of the rows ``failed``.

    The rows that are not among them stand in one more case each: one for all good rows, one for all other bad ones.
    """
    name = xml_text(title)
    unlisted = summary.rows - summary.ok - len(failed)
    failures = len(failed) + (1 if unlisted else 0)
    tests = str(failures + 1)
    root = ET.Element("testsuites", name="batch-cli results", tests=tests, failures=str(failures), errors="0")
    suite = ET.SubElement(root, "testsuite", name=name, tests=tests, failures=str(failures), errors="0")
    properties = ET.SubElement(suite, "properties")
    for key in ("rows", "ok", "failed", "missing", "retryable"):
        ET.SubElement(properties, "property", name=key, value=str(getattr(summary, key)))
    for kind, count in summary.errors_by_kind.most_common():
        ET.SubElement(properties, "property", name=f"errors.{xml_text(kind)}", value=str(count))
    ET.SubElement(suite, "testcase", classname=name, name=f"{summary.ok:,} rows with a good answer")
    for row in failed:
        case = ET.SubElement(suite, "testcase", classname=name, name=xml_text(row.custom_id))
        out = ET.SubElement(case, "failure", type=xml_text(row.type), message=xml_text(row.message))
        out.text = f"{xml_text(row.type)} ({xml_text(row.kind)}): {xml_text(row.message)}\nfix: {xml_text(row.suggestion)}"
    if unlisted:
        case = ET.SubElement(suite, "testcase", classname=name, name=f"{unlisted:,} more rows without one")
        ET.SubElement(case, "failure", type="more", message=f"{unlisted:,} more rows are only counted here")
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
