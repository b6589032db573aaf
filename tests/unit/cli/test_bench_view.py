"""What a person sees while a measure runs."""

from __future__ import annotations

import json

import pytest

from batch_cli.bench.call import Call, Reply
from batch_cli.bench.runner import Plan, Recording
from batch_cli.cli.bench_view import BenchView, sparkline
from batch_cli.cli.console import Console
from batch_cli.cli.progress import ProgressMode
from tests.support import FakeClock

PLAN = Plan(calls=1000, seconds=60.0)


def recording(clock: FakeClock, count: int = 100) -> Recording:
    calls = [Call(0, 0.0, 0.0, 0.001 * (at % 10 + 1), Reply("x" if at == 5 else None)) for at in range(count)]
    return Recording(PLAN, calls, began=clock.monotonic())


def test_the_line_has_time_calls_rate_errors_and_times(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with BenchView(Console({}), clock, ProgressMode.BAR, PLAN) as view:
        run = recording(clock)
        clock.advance(2.0)
        view(run)

    err = capsys.readouterr().err
    assert "2.0 of 60 s  100 of 1,000 calls  50.0/s  1 error  p50 5.0 ms  p99 10.0 ms  " in err
    assert err.endswith("\r\x1b[2K")


def test_it_is_drawn_four_times_a_second_at_most(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    view = BenchView(Console({}), clock, ProgressMode.BAR, PLAN)
    run = recording(clock)
    for _ in range(100):
        clock.advance(0.1)
        view(run)

    assert 25 <= capsys.readouterr().err.count("\r") <= 40


def test_elsewhere_it_is_a_line_every_half_minute_and_quiet_is_nothing(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = BenchView(Console({}), clock, ProgressMode.AUTO, PLAN)
    quiet = BenchView(Console({}, quiet=1), clock, ProgressMode.AUTO, PLAN)
    run = recording(clock)
    for _ in range(65):
        clock.advance(1)
        loud(run)
        quiet(run)

    assert len(capsys.readouterr().err.splitlines()) == 2


def test_events_are_json(clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> None:
    view = BenchView(Console({}), clock, ProgressMode.JSON, PLAN)
    run = recording(clock)
    clock.advance(1.0)
    view(run)

    assert json.loads(capsys.readouterr().err) == {
        "event": "progress",
        "phase": "bench",
        "done": 100,
        "total": 1000,
        "unit": "calls",
        "elapsed_s": 1.0,
    }


def test_a_sparkline_shows_the_longest_of_each_share() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0]) == "█"
    assert sparkline([1, 1, 8, 1, 4, 4], columns=3) == "▂█▅"
    assert sparkline([0.0, 0.0]) == "▁▁"
