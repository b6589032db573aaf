from __future__ import annotations

import asyncio

from batch_cli.engine.handlers.live.in_flight import InFlight


def test_a_refusal_halves_what_was_in_flight_and_answers_win_it_back_one_by_one() -> None:
    flight = InFlight(16)
    for _ in range(12):
        flight.enter()

    flight.refused()
    assert flight.limit == 6
    for _ in range(6):
        flight.answered()
    assert 6.9 < flight.limit <= 7
    for _ in range(1000):
        flight.answered()
    assert flight.limit == 16


def test_one_may_always_go() -> None:
    flight = InFlight(4)
    for _ in range(10):
        flight.refused()

    assert flight.has_room
    flight.enter()
    assert not flight.has_room


def test_those_that_wait_are_told_in_their_order_when_one_comes_back() -> None:
    async def scene() -> list[bool]:
        flight = InFlight(1)
        flight.enter()
        first, second = flight.room(), flight.room()
        flight.leave()
        return [first.done(), second.done()]

    assert asyncio.run(scene()) == [True, False]


def test_one_that_gave_up_waiting_takes_nobodys_place() -> None:
    async def scene() -> list[bool]:
        flight = InFlight(1)
        flight.enter()
        gone, waiting = flight.room(), flight.room()
        gone.cancel()
        flight.leave()
        return [waiting.done()]

    assert asyncio.run(scene()) == [True]
