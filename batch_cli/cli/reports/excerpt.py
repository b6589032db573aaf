"""A piece of the offending line with a caret under the column, as compilers show it."""

from __future__ import annotations

from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.text import one_line
from batch_cli.jsonl import LineTooLong, read_lines

_BEFORE = 48
_AFTER = 24
"""Characters of the line that are shown on either side of the column."""


def excerpts(report: FileReport) -> list[list[str]]:
    """Give for each shown problem the lines of its excerpt; none where its line is not known.

    Reads the file once more, up to the last line that is wanted. Memory: one line.
    """
    problems = report.problems.kept
    found: list[list[str]] = [[] for _ in problems]
    wanted: dict[int, list[int]] = {}
    for at, problem in enumerate(problems):
        if problem.line is not None:
            wanted.setdefault(problem.line, []).append(at)
    if not wanted or report.open_text is None:
        return found
    last = max(wanted)
    with report.open_text() as stream:
        try:
            for line in read_lines(stream, max_bytes=report.max_line_bytes):
                for at in wanted.get(line.number, ()):
                    found[at] = excerpt(line.raw, line.number, problems[at].column)
                if line.number == last:
                    break
        except (LineTooLong, UnicodeDecodeError):
            pass  # such a line has no excerpt; the problem itself says what is wrong with it
    return found


def excerpt(raw: bytes, number: int, column: int | None) -> list[str]:
    r"""Cut a line around ``column`` (from 1, in characters) and mark that place; all of it is made safe.

    Bytes that are not UTF-8 are shown as ``\xNN``. Without a column it is the start of the line.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - only for this form of report

    text = raw.decode("utf-8", "backslashreplace").removesuffix("\r")
    at = min((column or 1) - 1, len(text))
    start, end = max(0, at - _BEFORE), at + _AFTER
    before = ("…" if start else "") + one_line(text[start:at])
    after = one_line(text[at:end]) + ("…" if end < len(text) else "")
    gutter = f"{number:>6}"
    lines = [f"{gutter} | {before}{after}"]
    if column is not None:
        lines.append(f"{'':{len(gutter)}} | {'':{cell_len(before)}}^")
    return lines
