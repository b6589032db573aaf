from __future__ import annotations

from random import Random

import pytest

from batch_cli.engine.handlers.live.pace import Pace
from batch_cli.engine.handlers.live.retrying import Verdict, backoff, judge, retry_after
from tests.support import FakeClock

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 451, 501])
def test_what_the_server_refuses_is_final(status: int) -> None:
    assert judge(status, {}) is Verdict.FINAL


@pytest.mark.parametrize("status", [408, 409, 425, 500, 504, 520])
def test_a_fault_is_tried_again(status: int) -> None:
    assert judge(status, {}) is Verdict.FAULT


@pytest.mark.parametrize("status", [429, 502, 503, 529])
def test_where_there_is_no_room_all_wait(status: int) -> None:
    assert judge(status, {"code": "rate_limit_exceeded"}) is Verdict.NO_ROOM


def test_an_exhausted_quota_is_final() -> None:
    assert judge(429, {"code": "insufficient_quota"}) is Verdict.FINAL


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "86400"}, 300.0),
        ({"retry-after": "1e9"}, 300.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-4"}, None),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:07 GMT", "date": DATE}, 7.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": DATE}, None),
        ({"retry-after": "Sat, 21 Nov 2099 09:00:00 GMT", "date": DATE}, 300.0),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:07 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:07", "date": DATE}, None),
    ],
)
def test_what_the_server_asks_for_is_kept_within_reason(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_pauses_grow_with_the_tries_up_to_a_cap() -> None:
    longest = [max(backoff(tries, Random(seed)) for seed in range(300)) for tries in (1, 2, 3, 10, 10_000)]

    for seconds, cap in zip(longest, (0.5, 1, 2, 20, 20), strict=True):
        assert 0.9 * cap < seconds <= cap


class Told:
    def __init__(self) -> None:
        self.clock, self.lines = FakeClock(), list[str]()
        self.pace = Pace("http://m/v1", self.lines.append, self.clock.monotonic, Random(1))

    def refuse(self, *, sent: float = 0.0, wait: float | None = None, is_away: bool = False) -> None:
        self.pace.refused(self.clock.monotonic() - sent, "no", wait=wait, is_away=is_away)


def test_one_refusal_holds_all_back_as_long_as_the_server_asked() -> None:
    told = Told()

    told.refuse(wait=30)

    assert told.pace.delay() == 30
    told.clock.advance(30)
    assert told.pace.delay() == 0


def test_requests_that_were_under_way_together_are_one_round() -> None:
    """Or sixteen refusals at once would make the longest pause at once."""
    told = Told()
    began = told.clock.monotonic()
    told.refuse()
    first = told.pace.delay()
    for _ in range(50):
        told.clock.advance(0.0001)
        told.pace.refused(began, "no", wait=None, is_away=False)

    assert told.pace.delay() <= first <= 0.5


def test_the_longest_wait_of_a_round_holds() -> None:
    told = Told()
    told.clock.advance(1)
    told.refuse(wait=5)
    told.refuse(sent=1, wait=60)

    assert told.pace.delay() == 60


def test_an_answer_opens_the_way_at_once() -> None:
    told = Told()
    told.refuse(wait=300)
    told.pace.answered()

    assert told.pace.delay() == 0


def test_one_line_says_that_it_went_and_one_that_it_is_back() -> None:
    told = Told()
    for _ in range(5):
        told.refuse(is_away=True)
        told.clock.advance(20)
    for _ in range(3):
        told.pace.answered()

    assert told.lines == [
        "the model server at http://m/v1 is not there: no; trying again",
        "the model server at http://m/v1 is back after 100 s",
    ]


def test_a_single_refusal_is_not_worth_a_line_and_a_series_is() -> None:
    told = Told()
    told.refuse()
    told.clock.advance(20)
    told.pace.answered()
    assert told.lines == []

    for _ in range(2):
        told.refuse()
        told.clock.advance(20)
    assert len(told.lines) == 1
