from __future__ import annotations

from batch_cli.cli.reports.tally import Tally
from batch_cli.errors import Problem, Severity


def test_every_problem_is_counted_by_its_code() -> None:
    tally = Tally()
    for line in (1, 2, 2, 5):
        tally.add(Problem("E301", "missing", line=line))
    tally.add(Problem("W301", "unknown", line=3, severity=Severity.WARNING))
    tally.add(Problem("E402", "too large"))

    found = {code.code: (code.severity, code.count, list(code.lines.lines())) for code in tally.codes()}

    assert found == {
        "E301": ("error", 4, [1, 2, 5]),
        "E402": ("error", 1, []),
        "W301": ("warning", 1, [3]),
    }


def test_repeats_are_grouped_by_the_line_that_had_it_first() -> None:
    tally = Tally()
    for line, first in ((2, 1), (3, 1), (9, 8)):
        tally.add(Problem("E307", "duplicate", line=line, path="key", first_line=first))

    assert tally.codes()[0].repeats == {("key", 1): 2, ("key", 8): 1}


def test_the_groups_are_bounded() -> None:
    tally = Tally()
    for line in range(5_000):
        tally.add(Problem("E307", "duplicate", line=line, path="key", first_line=line))

    assert len(tally.codes()[0].repeats) == 1_000
    assert tally.codes()[0].count == 5_000
