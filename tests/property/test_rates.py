"""Whatever comes when: no minute holds more than it may, and what may go does go."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_cli.engine.handlers.live.rates import MINUTE, Rates
from tests.support import FakeClock

ARRIVALS = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60)), min_size=1, max_size=150)
"""Seconds since the one before, and tokens."""


def fullest(moments: list[tuple[float, float]]) -> float:
    """Give the largest sum in any 60 seconds."""
    return max(sum(amount for at, amount in moments if start <= at < start + MINUTE) for start, _ in moments)


@settings(deadline=None)
@given(arrivals=ARRIVALS, most=st.integers(1, 90))
def test_no_minute_holds_more_requests_than_it_may(arrivals: list[tuple[float, int]], most: int) -> None:
    clock = FakeClock()
    rates = Rates(most, None, clock.monotonic)
    sent = []
    for pause, _ in arrivals:
        clock.advance(pause)
        place = rates.reserve(0)
        assert place is not None
        assert place.at >= clock.steady
        sent.append((place.at, 1.0))

    assert fullest(sent) <= most
    assert sent == sorted(sent)


@settings(deadline=None)
@given(arrivals=ARRIVALS, most=st.integers(60, 600), really=st.floats(0.1, 1.0))
def test_no_minute_holds_more_tokens_than_it_may(
    arrivals: list[tuple[float, int]], most: int, really: float
) -> None:
    clock = FakeClock()
    rates = Rates(None, most, clock.monotonic)
    sent = []
    for pause, tokens in arrivals:
        clock.advance(pause)
        place = rates.reserve(tokens)
        assert place is not None
        place.took(tokens * really)
        sent.append((place.at, tokens * really))

    assert fullest(sent) <= most + 1e-6


@settings(deadline=None)
@given(most=st.integers(1, 120))
def test_a_minute_that_is_asked_for_all_the_time_is_used(most: int) -> None:
    clock = FakeClock()
    rates = Rates(most, None, clock.monotonic)

    places = [rates.reserve(0) for _ in range(most * 2)]

    last = places[-1]
    assert last is not None
    assert last.at - clock.steady <= 2 * (MINUTE + 0.5)


def test_places_are_spread_over_the_minute_so_that_a_restart_does_not_burst() -> None:
    clock = FakeClock()
    rates = Rates(60, None, clock.monotonic)

    places = [rates.reserve(0) for _ in range(5)]

    assert [round(place.at - clock.steady) for place in places if place] == [0, 1, 2, 3, 4]


def test_a_request_larger_than_a_minute_goes_alone() -> None:
    clock = FakeClock()
    rates = Rates(None, 100, clock.monotonic)

    first, second = rates.reserve(500), rates.reserve(10)

    assert first is not None
    assert second is not None
    assert first.at == clock.steady
    assert second.at >= clock.steady + MINUTE


def test_without_limits_nothing_waits() -> None:
    assert Rates(None, None, FakeClock().monotonic).reserve(10) is None
