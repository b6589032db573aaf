"""Whatever becomes of lines, it is found, and a single damage is named exactly."""

from __future__ import annotations

from array import array

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_cli.jobs.line_alignment import Change, Difference, differences

written = st.lists(st.integers(0, 2**32 - 1), unique=True, min_size=2, max_size=40)


def changes(before: list[int], after: list[int]) -> list[Change]:
    return list(differences(array("I", before), array("I", after)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written, st.lists(st.integers(0, 60), max_size=45))
def test_there_are_differences_exactly_if_the_lines_differ(before: list[int], places: list[int]) -> None:
    after = [before[at] if at < len(before) else at for at in places]

    assert bool(changes(before, after)) == (before != after)
    assert changes(before, before) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written, st.data())
def test_one_damage_is_named_with_its_line(before: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(before) - 1))
    new = data.draw(st.integers(0, 2**32 - 1).filter(lambda checksum: checksum not in before))
    line = at + 1

    changed = [*before[:at], new, *before[line:]]
    assert changes(before, changed) == [Change(Difference.CHANGED, line, line)]
    assert changes(before, [*before[:at], *before[line:]]) == [Change(Difference.LOST, line, line)]
    assert changes(before, [*before[:at], new, *before[at:]]) == [Change(Difference.FOREIGN, line)]
    doubled = [*before[:line], *before[at:]]
    assert changes(before, doubled) == [Change(Difference.DOUBLED, line + 1, line)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written, st.data())
def test_two_lines_that_changed_places_are_both_named(before: list[int], data: st.DataObject) -> None:
    one, other = sorted(
        data.draw(st.lists(st.integers(0, len(before) - 1), unique=True, min_size=2, max_size=2))
    )
    after = before[:]
    after[one], after[other] = before[other], before[one]

    assert changes(before, after) == [
        Change(Difference.MOVED, one + 1, other + 1),
        Change(Difference.MOVED, other + 1, one + 1),
    ]
