"""Where every problem of a file is, also those that are not shown: counts and line numbers for each code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from batch_cli.errors import Problem, Severity
from batch_cli.jobs.line_runs import LineRuns

_MOST_REPEATED = 1_000


@dataclass(slots=True)
class CodeTally:
    """All problems with one code in one file."""

    code: str
    severity: Severity
    count: int = 0
    lines: LineRuns = field(default_factory=LineRuns)
    repeats: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often what stands in a field (its name) was repeated, by the line where it stood first.

    Kept for the first thousand such lines only, so that memory stays bounded.
    """


class Tally:
    """Counts the problems of one file by code; memory follows the runs of bad lines, not the problems."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_code: dict[str, CodeTally] = {}

    def add(self, problem: Problem) -> None:
        """Count a problem and note its line."""
        tally = self._by_code.get(problem.code)
        if tally is None:
            tally = self._by_code[problem.code] = CodeTally(problem.code, problem.severity)
        tally.count += 1
        if problem.line is not None:
            tally.lines.add(problem.line)
        if problem.first_line is not None:
            key = (problem.path or "", problem.first_line)
            if key in tally.repeats or len(tally.repeats) < _MOST_REPEATED:
                tally.repeats[key] += 1

    def codes(self) -> list[CodeTally]:
        """Give what was counted, in the order of the codes."""
        return [self._by_code[code] for code in sorted(self._by_code)]
