"""What is known about one checked file, from which every form of report is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from batch_cli.cli.reports.tally import CodeTally, Tally
from batch_cli.errors import ProblemLog
from batch_cli.jobs.fix import Fixed
from batch_cli.jobs.measure import Sizes
from batch_cli.request_file import Scan


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file."""

    name: str
    """Its path as given, or ``<stdin>``; always valid Unicode."""
    path: Path | None
    """Where it is; None for standard input."""
    provider: str | None
    """Whose rules it was held to; None when it could not be opened."""
    scan: Scan
    problems: ProblemLog
    """The problems to show, and how many there are."""
    tally: Tally
    """The places of all problems."""
    open_text: Callable[[], BinaryIO] | None = None
    """Opens the lines as they were counted, for excerpts."""
    max_line_bytes: int = 0
    sizes: Sizes | None = None
    """Only where statistics were asked for."""
    fixed: Fixed | None = None
    """Only where fixing was asked for."""

    def unshown(self) -> list[tuple[CodeTally, int, set[int]]]:
        """Give the codes of which not every problem is shown: how many are, and on which lines."""
        kept = self.problems.kept
        shown = Counter(problem.code for problem in kept)
        lines: dict[str, set[int]] = {}
        for problem in kept:
            if problem.line is not None:
                lines.setdefault(problem.code, set()).add(problem.line)
        return [
            (tally, shown[tally.code], lines.get(tally.code, set()))
            for tally in self.tally.codes()
            if tally.count > shown[tally.code]
        ]

    @property
    def is_truncated(self) -> bool:
        """Tell whether there are more problems than are shown."""
        return self.problems.errors + self.problems.warnings > len(self.problems.kept)
