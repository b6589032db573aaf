from __future__ import annotations

import json

import pytest

from batch_cli.cli.console import Console
from batch_cli.cli.progress import ProgressMode, Reporter, outcome
from batch_cli.events import LiveFigures, Note, Phase, Progress
from tests.support import FakeClock

Stderr = pytest.CaptureFixture[str]


def tell(
    reporter: Reporter, clock: FakeClock, steps: list[tuple[int, float]], total: int | None = 100
) -> None:
    with reporter:
        for done, seconds in steps:
            clock.advance(seconds)
            reporter(Progress(Phase.RUN, done, total, failed=done // 50))


def test_lines_come_every_tenth_of_the_way(capsys: Stderr, clock: FakeClock) -> None:
    tell(Reporter(Console({}), clock, ProgressMode.LINES), clock, [(n, 0.5) for n in range(101)])

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "running: 10 of 100 requests, 2/s, 45 s left"
    assert lines[5] == "running: 60 of 100 requests, 1 failed, 2/s, 20 s left"
    assert lines[-1] == "running: 100 of 100 requests, 2 failed, 2/s"


def test_lines_come_every_thirty_seconds_where_it_is_slow(capsys: Stderr, clock: FakeClock) -> None:
    tell(Reporter(Console({}), clock, ProgressMode.LINES), clock, [(n, 10) for n in range(10)], total=10_000)

    assert len(capsys.readouterr().err.splitlines()) == 3


def test_what_is_quick_is_silent(capsys: Stderr, clock: FakeClock) -> None:
    tell(Reporter(Console({}), clock, ProgressMode.LINES), clock, [(0, 0), (100, 0.2)])

    assert capsys.readouterr().err == ""


def test_json_lines_are_for_programs(capsys: Stderr, clock: FakeClock) -> None:
    tell(Reporter(Console({}), clock, ProgressMode.JSON), clock, [(0, 0), (1, 0.1), (50, 5), (100, 5)])

    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["done"] for event in events] == [0, 50, 100]
    assert events[1] == {
        "event": "progress", "phase": "run", "done": 50, "failed": 1, "total": 100, "unit": "requests", "eta_s": 5.1,
    }  # fmt: skip


def test_live_requests_are_told_of_with_their_speed(capsys: Stderr, clock: FakeClock) -> None:
    live = LiveFigures(
        in_flight=64, tokens=9_000, saved=2, saved_tokens=50, p50=0.81, p95=2.14, dollars=0.0423
    )
    for mode in (ProgressMode.LINES, ProgressMode.JSON):
        with Reporter(Console({}), clock, mode) as reporter:
            reporter(Progress(Phase.RUN, 0, 100))
            clock.advance(2)
            reporter(Progress(Phase.RUN, 50, 100, live=live))

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "running: 50 of 100 requests, 25/s, 64 in flight, 4,500 tokens/s, about $0.042, p50 0.8 s, p95 2.1 s, 2 s left"
    )
    told = json.loads(lines[-1])
    wanted = {
        "in_flight": 64,
        "rate": 25.0,
        "tokens": 9000,
        "tokens_rate": 4500.0,
        "cost_usd": 0.0423,
        "p50_s": 0.81,
        "p95_s": 2.14,
    }
    assert {name: told[name] for name in wanted} == wanted
    assert told["saved"] == 2


def test_a_server_that_is_away_is_told_of_for_as_long_as_it_is(capsys: Stderr, clock: FakeClock) -> None:
    live = LiveFigures(in_flight=0, tokens=0, saved=0, saved_tokens=0, p50=None, p95=None, away=95.26)
    for mode in (ProgressMode.LINES, ProgressMode.JSON):
        with Reporter(Console({}), clock, mode) as reporter:
            reporter(Progress(Phase.RUN, 0, 100))
            clock.advance(31)
            reporter(Progress(Phase.RUN, 0, 100, live=live))

    lines = capsys.readouterr().err.splitlines()
    assert "the server has taken nothing for 1 min 35 s: waiting, Ctrl-C keeps what is done" in lines[0]
    assert json.loads(lines[-1])["away_s"] == 95.3


@pytest.mark.parametrize(("quiet", "mode"), [(0, ProgressMode.LINES), (1, ProgressMode.NONE)])
def test_auto_is_lines_where_nobody_looks_and_nothing_when_quiet(
    clock: FakeClock, quiet: int, mode: ProgressMode
) -> None:
    with Reporter(Console({}, quiet=quiet), clock) as reporter:
        assert reporter.mode is mode


def test_a_bar_is_drawn_and_taken_away(clock: FakeClock) -> None:
    reporter = Reporter(Console({}), clock, ProgressMode.BAR)

    tell(reporter, clock, [(0, 0), (50, 1), (100, 1)])

    assert reporter._bar is None


def test_notes_are_told_as_talk_or_warnings(capsys: Stderr, clock: FakeClock) -> None:
    with Reporter(Console({}), clock) as reporter:
        reporter(Note("a decision", hint="another way"))
        reporter(Note("odd", warning=True, hint="look"))
        reporter(Note("a detail", detail=True))

    assert capsys.readouterr().err.splitlines() == [
        "a decision", "  fix: another way", "Warning: odd", "  fix: look",
    ]  # fmt: skip


def test_an_unknown_total_has_no_end(capsys: Stderr, clock: FakeClock) -> None:
    tell(Reporter(Console({}), clock, ProgressMode.LINES), clock, [(0, 0), (70, 31)], total=None)

    assert capsys.readouterr().err == "running: 70 requests, 1 failed, 2/s\n"


@pytest.mark.parametrize(
    ("answered", "total", "seconds", "text"),
    [
        (10, 10, 2.0, "10 requests in 2 s (5/s)"),
        (8, 10, 2.0, "8 of 10 requests in 2 s (4/s)"),
        (0, 10, 2.0, "0 of 10 requests"),
        (8, None, None, "8 requests"),
        (10, 10, -3_600.0, "10 requests"),
    ],
)
def test_an_outcome_names_what_was_answered_and_the_rate(
    answered: int, total: int | None, seconds: float | None, text: str
) -> None:
    assert outcome(answered, total, seconds) == text
