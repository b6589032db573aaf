"""What a person sees while a measure runs: one line on a terminal, drawn anew; a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

from batch_cli.bench.call import Call
from batch_cli.bench.runner import Plan, Recording
from batch_cli.bench.spread import percentile
from batch_cli.cli.console import Console
from batch_cli.cli.progress import ProgressMode
from batch_cli.cli.text import plural
from batch_cli.clock import Clock
from batch_cli.jsonl import dumps

_EVERY = {ProgressMode.BAR: 0.25, ProgressMode.LINES: 30.0, ProgressMode.JSON: 0.5}
_LEVELS = "▁▂▃▄▅▆▇█"
_COLUMNS = 24
_LATEST = 1000


class BenchView:
    """Watches a recording. Use it as a context manager, so that its line is always taken away."""

    def __init__(self, console: Console, clock: Clock, mode: ProgressMode, plan: Plan) -> None:
        """Decide how to show it on this standard error."""
        if mode is ProgressMode.AUTO:
            is_terminal = sys.stderr is not None and sys.stderr.isatty()
            mode = ProgressMode.BAR if is_terminal else ProgressMode.LINES
            if console.quiet:
                mode = ProgressMode.NONE
        self._console, self._clock, self._mode, self._plan = console, clock, mode, plan
        self._shown_at: float | None = None

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        if self._mode is ProgressMode.BAR and self._shown_at is not None:
            self._draw("")

    def __call__(self, recording: Recording) -> None:
        """Show how far it is, if it is time to."""
        every = _EVERY.get(self._mode)
        now = self._clock.monotonic()
        since = recording.began if self._shown_at is None else self._shown_at
        if every is None or now - since < every or not recording.calls:
            return
        self._shown_at = now
        calls = recording.calls[-_LATEST:]
        match self._mode:
            case ProgressMode.BAR:
                self._draw(self.line(recording, calls, now))
            case ProgressMode.JSON:
                self._console.raw_error_line(dumps(self._event(recording, now)))
            case _:
                self._console.talk(self.line(recording, calls, now))

    def line(self, recording: Recording, latest: Sequence[Call], now: float) -> str:
        """Give the line: time, calls, rate, errors, p50 and p99 of the latest calls, their times as bars."""
        seconds = max(now - recording.began, 1e-3)
        times = [call.response_ms for call in latest]
        errors = sum(not call.is_good for call in latest)
        ordered = sorted(times)
        ends = f" of {self._plan.calls:,}" if self._plan.calls else ""
        over = f" of {self._plan.seconds:g}" if self._plan.seconds else ""
        return (
            f"{seconds:6.1f}{over} s  {len(recording.calls):,}{ends} calls"
            f"  {len(recording.calls) / seconds:,.1f}/s  {plural(errors, 'error')}"
            f"  p50 {percentile(ordered, 50):,.1f} ms  p99 {percentile(ordered, 99):,.1f} ms  {sparkline(times)}"
        )

    def _event(self, recording: Recording, now: float) -> dict[str, object]:
        return {
            "event": "progress",
            "phase": "bench",
            "done": len(recording.calls),
            "total": self._plan.calls,
            "unit": "calls",
            "elapsed_s": round(now - recording.began, 3),
        }

    def _draw(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
        except (OSError, UnicodeError):
            pass  # nobody listens; the measure goes on


def sparkline(times: Sequence[float], columns: int = _COLUMNS) -> str:
    """Give the times as bars, the oldest first: each column is the longest of its share, the highest bar the longest of all."""
    if not times:
        return ""
    columns = min(columns, len(times))
    edges = [len(times) * at // columns for at in range(columns + 1)]
    tops = [max(times[begin:end]) for begin, end in pairwise(edges)]
    highest = max(tops) or 1.0
    return "".join(_LEVELS[min(int(top / highest * len(_LEVELS)), len(_LEVELS) - 1)] for top in tops)
