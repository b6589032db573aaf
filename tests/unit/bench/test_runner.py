"""Plans are carried out: how many calls, when they begin, and that each counts once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from batch_cli.bench.call import CutOff, Reply
from batch_cli.bench.runner import CUT_OFF, Plan, run
from batch_cli.clock import SystemClock

Answer = Callable[[int], Reply]


class Fake:
    """A target whose calls are answered by a function of their number."""

    name = "fake"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent = 0
        self.closed = 0
        self._lock = threading.Lock()
        self._cut = threading.Event()

    def open(self) -> Fake:
        return self

    def send(self) -> Any:
        with self._lock:
            self.sent += 1
            number = self.sent
        if self._cut.is_set():
            raise CutOff(sent=False)
        return self.answer(number)

    def read(self, raw: Any) -> Reply:
        reply: Reply = raw
        return reply

    def hang(self, _: int = 0) -> Reply:
        self._cut.wait(20)
        raise CutOff(sent=True)

    def cut(self) -> None:
        self._cut.set()

    def close(self) -> None:
        with self._lock:
            self.closed += 1


def good(_: int) -> Reply:
    return Reply(inputs=5, batch_size=5, successful=5, predictions=[1])


@pytest.mark.parametrize("workers", [1, 4])
def test_a_plan_of_calls_has_exactly_so_many(workers: int) -> None:
    target = Fake(good)

    found = run(target, Plan(calls=103, workers=workers), SystemClock())

    assert len(found.calls) == target.sent == 103
    assert target.closed == workers
    assert found.stopped_by is None


def test_the_warm_up_is_of_each_worker_and_does_not_count() -> None:
    target = Fake(good)

    found = run(target, Plan(calls=5, workers=3, warm_up=2), SystemClock())

    assert (len(found.calls), target.sent) == (5, 11)


def test_predictions_are_not_kept_but_their_fingerprints_are() -> None:
    def answer(number: int) -> Reply:
        return Reply(predictions=[1.0, 2.0 if number == 3 else 1.0])

    found = run(Fake(answer), Plan(calls=4, fingerprints=True), SystemClock())

    assert all(call.reply.predictions is None for call in found.calls)
    assert len({call.fingerprint for call in found.calls}) == 2
    assert (found.first, found.other) == ([1.0, 1.0], [1.0, 2.0])


def test_a_call_counts_from_when_it_should_have_begun() -> None:
    def answer(number: int) -> Reply:
        time.sleep(0.2 if number == 1 else 0.0)
        return good(number)

    found = run(Fake(answer), Plan(calls=6, workers=1, rate=50.0), SystemClock())

    calls = sorted(found.calls, key=lambda call: call.intended)
    starts = [call.intended - found.began for call in calls]
    assert starts == pytest.approx([at / 50 for at in range(6)], abs=1e-6)
    # The second should have begun after 20 ms and could only after 200: it has waited 180.
    assert calls[1].response_ms >= 170
    assert calls[0].response_ms >= 199


def test_a_time_ends_calls_that_hang_within_a_second_and_counts_each_that_was_sent() -> None:
    target = Fake(good)
    target.answer = target.hang
    begin = time.monotonic()

    found = run(target, Plan(seconds=0.2, workers=3), SystemClock())

    assert time.monotonic() - begin < 1.5
    assert [call.reply.error for call in found.calls] == [CUT_OFF] * 3
    assert target.sent == 3


def test_code_that_nobody_can_end_counts_once_and_holds_nobody_up() -> None:
    release = threading.Event()

    def answer(number: int) -> Reply:
        release.wait(20)
        return good(number)

    found = run(Fake(answer), Plan(seconds=0.1, workers=2), SystemClock())
    count = len(found.calls)
    release.set()
    time.sleep(0.1)

    assert count == len(found.calls) == 2
    assert {call.reply.error for call in found.calls} == {CUT_OFF}


def test_what_cannot_be_reached_ends_a_long_run_early() -> None:
    begin = time.monotonic()

    found = run(Fake(lambda _: Reply("refused", reached=False)), Plan(seconds=60, workers=2), SystemClock())

    assert time.monotonic() - begin < 5
    assert 5 <= len(found.calls) <= 8


def test_a_stop_keeps_what_there_is_and_without_anything_is_raised() -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    def slowly(number: int) -> Reply:
        time.sleep(0.01)
        return good(number)

    found = run(Fake(slowly), Plan(seconds=60), SystemClock(), stop)
    assert isinstance(found.stopped_by, KeyboardInterrupt)
    assert found.calls

    with pytest.raises(KeyboardInterrupt):
        run(_Unsent(good), Plan(seconds=60), SystemClock(), stop)


@pytest.mark.parametrize("warm_up", [0, 1])
def test_a_bug_in_a_thread_is_raised_and_hangs_nothing(warm_up: int) -> None:
    def broken(_: int) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(Fake(broken), Plan(seconds=60, workers=3, warm_up=warm_up), SystemClock())


class _Unsent(Fake):
    """A target of which no call is ever sent."""

    def send(self) -> Any:
        self._cut.wait(20)
        raise CutOff(sent=False)
