from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from batch_cli.cli.console import ColorWhen, Console, ReaderGone
from batch_cli.errors import DiskError, UsageError


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "env", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_the_first_rule_about_colour_that_says_something_wins(
    color: str, env: dict[str, str], *, terminal: bool, colored: bool
) -> None:
    console = Console(env, color=ColorWhen(color))

    assert console.colors(Terminal() if terminal else io.StringIO()) is colored


def test_an_error_is_three_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())

    Console({}).fail(UsageError("what \x1b[2J", where="where", hint="how"))

    assert stream.getvalue() == "Error: what \\x1b[2J\n  where\n  fix: how\n"


def test_on_a_terminal_it_has_a_sign_and_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())

    Console({}).fail(UsageError("what"))
    Console({}, color=ColorWhen.NEVER).warn("careful", "do this")

    assert stream.getvalue() == "❌ \x1b[1;31mError\x1b[0m: what\n⚠️  Warning: careful\n  fix: do this\n"


def test_quiet_leaves_only_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    console = Console({}, quiet=1)

    console.say("talk")
    console.warn("warning")
    console.fail(UsageError("error"))

    assert stream.getvalue() == "Error: error\n"


def test_details_are_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())

    Console({}).say("detail", detail=True)
    Console({}, verbose=1).say("asked", detail=True)

    assert stream.getvalue() == "asked\n"


class Broken:
    """A standard output that fails in a given way."""

    def __init__(self, error: OSError) -> None:
        self.error = error
        self.buffer = self

    def write(self, _data: bytes) -> int:
        raise self.error

    flush: Any = None


@pytest.mark.parametrize(
    ("error", "kind"), [(BrokenPipeError(), ReaderGone), (OSError(28, "full"), DiskError)]
)
def test_a_standard_output_that_fails_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type[Exception]
) -> None:
    broken = Broken(error)
    broken.flush = lambda: broken.write(b"")
    monkeypatch.setattr(sys, "stdout", broken)

    with pytest.raises(kind):
        Console({}).line("x")
    with pytest.raises(kind):
        Console({}).flush()


def test_a_standard_error_that_fails_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, Broken(OSError(28, "full"))):
        monkeypatch.setattr(sys, "stderr", stream)
        Console({}).talk("x")
