"""Reports for people: a line for each problem, and for each code with more of them a line that closes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePath

from batch_cli.cli.main import problem_lines
from batch_cli.cli.reports.excerpt import excerpts
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.reports.tally import CodeTally
from batch_cli.cli.text import one_line

MOST_PLACES = 10_000
_MOST_RUNS = 100
_MOST_GROUPS = 5


def report_lines(report: FileReport, *, full: bool, terminal: bool) -> Iterator[str]:
    """Give the shown problems (``full``: each with an excerpt of its line), then what closes each code."""
    kept = report.problems.kept
    yield from problem_lines(kept, excerpts(report) if full else None)
    yield from closing_lines(report, terminal=terminal)


def closing_lines(report: FileReport, *, terminal: bool, only: str | None = None) -> Iterator[str]:
    """Say for each code that was not shown in full how many problems it has, and where the others are.

    Numbers are plain, for scripts. On a terminal the places are ranges, elsewhere ``name:LINE`` for each.
    ``only`` is the one code that is asked for.
    """
    name = one_line(PurePath(report.name).name)
    for tally, shown, lines in report.unshown():
        if only not in (None, tally.code):
            continue
        what = tally.severity if tally.count == 1 else f"{tally.severity}s"
        where = "".join(_ranges(tally, lines) if terminal else _places(tally, lines, name))
        yield f"{tally.code}: {tally.count} {what} in all, {shown} shown{where and '; the others: '}{where}"
        yield from _groups(tally)


def _places(tally: CodeTally, shown: set[int], name: str) -> Iterator[str]:
    places = tally.lines.lines(shown)
    yield " ".join(f"{name}:{line}" for line in islice(places, MOST_PLACES))
    if left := sum(1 for _ in places):
        yield f" and {left} more places"


def _ranges(tally: CodeTally, shown: set[int]) -> Iterator[str]:
    runs = tally.lines.runs(shown)
    yield from _comma_separated(
        f"line {first}" if first == last else f"lines {first}-{last}"
        for first, last in islice(runs, _MOST_RUNS)
    )
    if left := sum(last - first + 1 for first, last in runs):
        yield f" and {left} more lines"


def _comma_separated(words: Iterable[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        yield f", {word}" if at else word


def _groups(tally: CodeTally) -> Iterator[str]:
    """Name what is repeated most: one mistake that is made on many lines is one thing to repair."""
    for (field, first), count in tally.repeats.most_common(_MOST_GROUPS):
        if count > 1:
            yield f"  {count} repeats of {one_line(field)} first seen on line {first}"
