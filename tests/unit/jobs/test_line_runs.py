from __future__ import annotations

from batch_cli.jobs.line_runs import LineRuns


def runs_of(*lines: int) -> LineRuns:
    found = LineRuns()
    for line in lines:
        found.add(line)
    return found


def test_neighbours_become_one_run() -> None:
    assert list(runs_of(1, 2, 3, 7, 9, 10).runs()) == [(1, 3), (7, 7), (9, 10)]


def test_a_line_that_comes_twice_counts_once() -> None:
    assert list(runs_of(4, 4, 5, 4).lines()) == [4, 5]


def test_lines_can_be_left_out_anywhere() -> None:
    assert list(runs_of(*range(1, 11), 20).runs({1, 4, 5, 10, 20})) == [(2, 3), (6, 9)]
    assert list(runs_of(3, 4).runs({1, 3, 4, 9})) == []


def test_a_line_is_found_only_where_it_was_noted() -> None:
    found = runs_of(2, 3, 8)

    assert [line for line in range(12) if line in found] == [2, 3, 8]
    assert 1 not in LineRuns()


def test_a_smaller_line_does_not_get_lost() -> None:
    assert list(runs_of(8, 3).lines()) == [8, 3]
