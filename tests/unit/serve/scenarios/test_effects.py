from __future__ import annotations

import json
from typing import Any

import pytest

from batch_cli.engine.handlers.simulate.luck import luck
from batch_cli.serve.scenarios.effects import FailingShare, executed_requests, played, rejection

ROWS = list(range(20))


@pytest.mark.parametrize(
    ("effects", "count"),
    [({}, 20), ({"drop": 0.1}, 18), ({"duplicate": 0.1}, 22), ({"drop": 1}, 0), ({"drop": 0.01}, 19)],
)
def test_rows_are_missing_or_there_twice_by_an_exact_share(effects: dict[str, Any], count: int) -> None:
    found = list(played(iter(ROWS), {**effects, "seed": 3}, len(ROWS)))

    assert len(found) == count
    assert found == sorted(found)
    assert found == list(played(iter(ROWS), {**effects, "seed": 3}, len(ROWS)))


@pytest.mark.parametrize("total", [2, 3, 20, 5_000])
@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_are_all_there_and_never_in_order(total: int, seed: int) -> None:
    rows = list(range(total))

    found = list(played(iter(rows), {"shuffle": True, "seed": seed}, total))

    assert sorted(found) == rows
    assert found != rows


def test_one_row_or_none_can_be_shuffled() -> None:
    assert list(played(iter([1]), {"shuffle": True}, 1)) == [1]
    assert list(played(iter([]), {"shuffle": True}, 0)) == []


@pytest.mark.parametrize(("share", "count"), [(0.3, 3), (0.01, 1), (0.95, 10), (1, 10)])
def test_an_exact_share_of_the_requests_is_below_the_error_rate(share: float, count: int) -> None:
    lines = [json.dumps({"custom_id": f"r{n}"}).encode() for n in range(10)]
    failing = FailingShare({"failing": share, "seed": 5})

    assert list(failing.watch(iter(lines))) == lines

    settings = failing.settings()
    assert sum(luck(5, f"r{n}")[0] < settings["error_rate"] for n in range(10)) == count
    assert settings["seed"] == 5


def test_without_a_share_the_settings_stay() -> None:
    failing = FailingShare({})

    list(failing.watch(iter([b"never parsed"])))

    assert failing.settings() == {}


@pytest.mark.parametrize(
    ("effects", "count"),
    [
        ({}, 10),
        ({"stop": "expired"}, 5),
        ({"stop": "never", "after": 0}, 0),
        ({"stop": "expired", "after": 1}, 10),
    ],
)
def test_a_batch_that_stops_is_executed_in_part(effects: dict[str, Any], count: int) -> None:
    assert executed_requests(effects, 10) == count


def test_a_rejection_has_all_that_the_wire_shows() -> None:
    assert rejection({}) is None
    assert rejection({"reject": {"code": "c", "line": 3}}) == {
        "code": "c",
        "message": "The batch was rejected.",
        "param": None,
        "line": 3,
    }
