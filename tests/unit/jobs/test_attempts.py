"""One row for each request, the best of all attempts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import DamagedData
from batch_cli.jobs.attempts import merge
from batch_cli.model import ResultError
from batch_cli.results import OutputRow

GOOD, ANSWERED, FAILED, NOTHING = "good", "answered", "failed", "nothing"
STATUS = {GOOD: 200, ANSWERED: 200, FAILED: 500, NOTHING: None}


def row(custom_id: str, what: str) -> OutputRow:
    status = STATUS[what]
    response = None if status is None else {"status_code": status}
    error = None if what == GOOD else ResultError(what, what)
    line = {"custom_id": custom_id, "response": response, "error": error and {"message": what}}
    return OutputRow(custom_id, json.dumps(line).encode(), response, error)


def attempt_of(found: OutputRow) -> int:
    return int(json.loads(found.line)["attempt"])


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ((FAILED, GOOD), 2),
        ((GOOD, FAILED), 1),
        ((GOOD, GOOD), 1),
        ((FAILED, FAILED, FAILED), 3),
        ((FAILED, GOOD, FAILED), 2),
        ((FAILED, NOTHING), 2),
        ((ANSWERED, FAILED), 1),
        ((ANSWERED, ANSWERED), 2),
        ((NOTHING, ANSWERED, NOTHING), 2),
    ],
)
def test_a_good_answer_wins_then_an_answer_then_the_newest(rows: tuple[str, ...], best: int) -> None:
    first, *others = ([row("a", what)] for what in rows)

    (found,) = merge(first, list(enumerate(others, start=2)))

    assert attempt_of(found) == best
    assert (found.error is None) is (rows[best - 1] == GOOD)


@given(
    st.lists(st.sampled_from([GOOD, ANSWERED, FAILED, NOTHING]), max_size=30),
    st.lists(st.dictionaries(st.integers(0, 29), st.sampled_from([GOOD, FAILED, NOTHING])), max_size=4),
)
def test_every_row_of_the_first_comes_once_in_its_order_with_a_row_of_its_own(
    first: list[str], others: list[dict[int, str]]
) -> None:
    again = [[(at, what) for at, what in sorted(one.items()) if at < len(first)] for one in others]

    found = list(
        merge(
            [row(f"r{at}", what) for at, what in enumerate(first)],
            [(n, [row(f"r{at}", what) for at, what in one]) for n, one in enumerate(again, start=2)],
        )
    )

    assert [one.custom_id for one in found] == [f"r{at}" for at in range(len(first))]
    for at, one in enumerate(found):
        assert json.loads(one.line)["custom_id"] == one.custom_id
        tries = [first[at], *(what for rows in again for place, what in rows if place == at)]
        assert (one.error is None) is (GOOD in tries)


@pytest.mark.parametrize("others", [["b", "a"], ["x"], ["a", "a"]])
def test_rows_of_others_are_refused_rather_than_put_somewhere(others: list[str]) -> None:
    first = [row("a", FAILED), row("b", FAILED)]

    with pytest.raises(DamagedData, match="attempt 2"):
        list(merge(first, [(2, [row(one, GOOD) for one in others])]))
