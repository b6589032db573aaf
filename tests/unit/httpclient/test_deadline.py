"""When a request has to be over."""

from __future__ import annotations

import pytest

from batch_cli.httpclient.deadline import Deadline
from tests.support import FakeClock


@pytest.fixture
def deadline(clock: FakeClock) -> Deadline:
    return Deadline(clock.monotonic)


def test_nothing_is_due_before_the_first_request(deadline: Deadline) -> None:
    assert deadline.left(None) == float("inf")
    assert deadline.left(7.0) == 7.0


def test_steps_share_the_time_of_their_request(deadline: Deadline, clock: FakeClock) -> None:
    deadline.start(60.0)
    clock.advance(45.0)
    assert deadline.left(None) == 15.0
    assert deadline.left(10.0) == 10.0

    deadline.count(1_000_000)
    clock.advance(16.0)
    assert deadline.left(None) < 0


def test_a_body_may_take_hours_while_it_keeps_coming(deadline: Deadline, clock: FakeClock) -> None:
    deadline.start(None)
    for _ in range(500):
        clock.advance(50.0)
        assert deadline.left(None) > 0
        deadline.count(60_000)
    assert deadline.left(None) == 60.0


def test_a_body_that_crawls_is_given_up(deadline: Deadline, clock: FakeClock) -> None:
    deadline.start(None)
    for _ in range(59):
        clock.advance(1.0)
        assert deadline.left(None) > 0
        deadline.count(900)
    clock.advance(1.0)
    assert deadline.left(None) <= 0


def test_a_new_request_has_all_its_time(deadline: Deadline, clock: FakeClock) -> None:
    deadline.start(5.0)
    clock.advance(100.0)
    deadline.start(5.0)
    assert deadline.left(None) == 5.0
