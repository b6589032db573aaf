"""Shows what the core tells while it works: a bar on a terminal, a line now and then elsewhere, or JSON."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass, field
from typing import Any, Self

from batch_cli.cli.console import Console
from batch_cli.cli.text import dollars, duration, plural
from batch_cli.clock import Clock
from batch_cli.events import Event, LiveFigures, Note, Phase, Progress
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject

_LINE_SECONDS = 30.0
_JSON_SECONDS = 0.5
_STEPS = 10
_WORDS = {
    Phase.CHECK: "checking",
    Phase.STAGE: "storing",
    Phase.RUN: "running",
    Phase.RESULTS: "writing",
}


class ProgressMode(enum.StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    BAR = "bar"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


@dataclass(slots=True)
class Reporter:
    """The listener of a command. Use it as a context manager, so that a bar is always taken away."""

    console: Console
    clock: Clock
    mode: ProgressMode = ProgressMode.AUTO
    _phase: Phase | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _first: int = field(default=0, init=False)
    """What was done already when the phase was first heard of."""
    _shown_at: float = field(default=0.0, init=False)
    _shown_step: int = field(default=0, init=False)
    _bar: Any = field(default=None, init=False)
    _task: Any = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Decide how to show progress on this standard error."""
        if self.mode is ProgressMode.AUTO:
            if self.console.quiet:
                self.mode = ProgressMode.NONE
            else:
                is_terminal = sys.stderr is not None and sys.stderr.isatty()
                self.mode = ProgressMode.BAR if is_terminal else ProgressMode.LINES
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._stop_bar()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Note):
            self._note(event)
        else:
            self._progress(event)

    def _note(self, note: Note) -> None:
        self._stop_bar()
        if note.warning:
            self.console.warn(note.text, note.hint)
        else:
            self.console.say(note.text, detail=note.detail)
            if note.hint:
                self.console.say(f"  fix: {note.hint}", detail=note.detail)

    def _progress(self, event: Progress) -> None:
        now = self.clock.monotonic()
        if event.phase is not self._phase:
            self._stop_bar()
            self._phase, self._started, self._first = event.phase, now, event.done
            self._shown_at, self._shown_step = now, 0
        match self.mode:
            case ProgressMode.BAR:
                self._draw(event)
            case ProgressMode.JSON:
                self._json(event, now)
            case ProgressMode.LINES:
                self._line(event, now)
            case _:
                pass

    def _rate(self, event: Progress, now: float) -> float:
        return (event.done - self._first) / max(now - self._started, 1e-6)

    def _eta(self, event: Progress, now: float) -> float | None:
        rate = self._rate(event, now)
        if event.total is None or rate <= 0:
            return None
        return (event.total - event.done) / rate

    def _json(self, event: Progress, now: float) -> None:
        is_last = event.done == event.total
        if not is_last and now - self._shown_at < _JSON_SECONDS and self._shown_step:
            return
        self._shown_at, self._shown_step = now, 1
        eta = self._eta(event, now)
        facts = {
            "event": "progress",
            "phase": event.phase,
            "done": event.done,
            "failed": event.failed,
            "total": event.total,
            "unit": event.unit,
            "eta_s": None if eta is None else round(eta, 1),
            **self._live_facts(event, now),
        }
        self.console.raw_error_line(dumps(facts))

    def _live_facts(self, event: Progress, now: float) -> JsonObject:
        live = event.live
        if live is None:
            return {}
        return {
            "in_flight": live.in_flight,
            "rate": round(self._rate(event, now), 1),
            "tokens": live.tokens,
            "tokens_rate": round(self._tokens_rate(live, now), 1),
            "saved": live.saved,
            "cost_usd": None if live.dollars is None else round(live.dollars, 6),
            "away_s": live.away and round(live.away, 1),
            "p50_s": live.p50 and round(live.p50, 3),
            "p95_s": live.p95 and round(live.p95, 3),
        }

    def _tokens_rate(self, live: LiveFigures, now: float) -> float:
        return live.tokens / max(now - self._started, 1e-6)

    def _live_words(self, event: Progress, now: float) -> list[str]:
        """Say how requests fare that are asked one by one: ``64 in flight, 9,000 tokens/s, p50 0.8 s, p95 2.1 s``."""
        live = event.live
        if live is None:
            return []
        words = [f"{live.in_flight:,} in flight"]
        if live.tokens:
            words.append(f"{self._tokens_rate(live, now):,.0f} tokens/s")
        if live.dollars:
            words.append(f"about {dollars(live.dollars)}")
        if live.p50 is not None and live.p95 is not None:
            words.append(f"p50 {live.p50:.1f} s, p95 {live.p95:.1f} s")
        if live.away is not None:
            words.append(
                f"the server has taken nothing for {duration(live.away)}: waiting, Ctrl-C keeps what is done"
            )
        return words

    def _line(self, event: Progress, now: float) -> None:
        """Write a line every 30 seconds or every tenth of the way, whichever comes first."""
        step = event.done * _STEPS // event.total if event.total else 0
        due = now - self._shown_at >= _LINE_SECONDS
        if not due and (step <= self._shown_step or now - self._started < 1.0):
            return
        self._shown_at, self._shown_step = now, step
        total = f" of {event.total:,}" if event.total is not None else ""
        parts = [f"{_WORDS[event.phase]}: {event.done:,}{total} {event.unit}"]
        if event.failed:
            parts.append(f"{event.failed:,} failed")
        parts.append(f"{self._rate(event, now):,.0f}/s")
        parts += self._live_words(event, now)
        if (eta := self._eta(event, now)) and event.done != event.total:
            parts.append(f"{duration(eta)} left")
        self.console.say(", ".join(parts))

    def _draw(self, event: Progress) -> None:
        if self._bar is None:
            self._start_bar(event)
        now = self.clock.monotonic()
        words = [f"{self._rate(event, now):,.0f}/s"]
        words += [f"{event.failed:,} failed"] if event.failed else []
        words += self._live_words(event, now)
        self._bar.update(self._task, completed=event.done, total=event.total, rate=", ".join(words))

    def _start_bar(self, event: Progress) -> None:
        from rich import progress  # noqa: PLC0415 - 60 ms, only on a terminal
        from rich.console import Console as RichConsole  # noqa: PLC0415

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            console=RichConsole(stderr=True, no_color=not self.console.colors(sys.stderr)),
            transient=True,
        )
        self._task = self._bar.add_task(_WORDS[event.phase], total=event.total, completed=event.done, rate="")
        self._bar.start()

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def outcome(answered: int, total: int | None, seconds: float | None) -> str:
    """Say how much of what was asked for was answered, and in how long: ``8 of 10 requests in 2 s (4/s)``.

    Nothing is said of a time that is unknown or, because a clock was set, impossible.
    """
    of_all = "" if total is None or answered == total else f"{answered:,} of "
    text = f"{of_all}{plural(answered if total is None else total, 'request')}"
    if not answered or seconds is None or seconds <= 0:
        return text
    return f"{text} in {duration(seconds)} ({answered / seconds:,.0f}/s)"
