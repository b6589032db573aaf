"""Gates: what a measure has to hold, alone (``p95>500ms``) or against an earlier one (``p99>+10%``); pure.

A gate against an earlier run fails only if the whole 95 % interval of the change lies beyond its limit, so that
noise does not fail a build. The interval is a bootstrap's: both runs are drawn anew, with replacement, 2,000 times.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batch_cli.bench.spread import PERCENTILES, mean, percentile, place
from batch_cli.errors import UsageError, quoted
from batch_cli.model import JsonObject

_GATE = re.compile(
    r"\s*(p50|p75|p90|p95|p99|p99\.9|median|avg|mean|max|errors|rps)\s*([<>])\s*"
    r"([+-]?)([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|%|)\s*"
)
_PERCENTS = {name.replace("_", "."): percent for name, percent in PERCENTILES.items()} | {"median": 50.0}
_DRAWS = 2000
_OUTER = 0.025
_FEW = 100
"""Up to so many values a mean is really drawn; beyond, its draws are as good as normal (central limit theorem)."""
_LEAST = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that fails a run."""

    text: str
    metric: str
    is_above: bool
    """It fails above the limit; else below."""
    limit: float
    """Milliseconds, per cent or calls a second; of a relative gate the change in per cent."""
    is_relative: bool

    @classmethod
    def parse(cls, text: str) -> Gate:
        """Read ``p99>+10%``, ``p95>500ms``, ``errors>1%`` or ``rps<100``.

        Raises:
            UsageError: it is none.
        """
        found = _GATE.fullmatch(text)
        if found is None:
            raise _wrong(text)
        metric, sign, direction, digits, unit = found.groups()
        is_time = metric not in ("errors", "rps")
        is_relative = bool(direction)
        units = ("%",) if is_relative or metric == "errors" else ("ms", "s") if is_time else ("",)
        if unit not in units or (is_relative and (metric == "max" or not is_time)):
            raise _wrong(text)
        limit = float(digits) * (1000 if unit == "s" else 1) * (-1 if direction == "-" else 1)
        return cls(text.strip(), metric, sign == ">", limit, is_relative)

    def judge(self, run: Run, baseline: Run | None) -> Verdict:
        """Say whether a run passes.

        Raises:
            UsageError: the gate needs a baseline, and there is none.
        """
        if not self.is_relative:
            value = run.value(self.metric)
            if value is None:
                return Verdict(self.text, failed=True, why="no call was good, so there is no such figure")
            return Verdict(self.text, self._is_beyond(value), f"{self.metric} is {value:,.3f}{self._unit}")
        if baseline is None:
            raise UsageError(
                f"--fail-if {quoted(self.text)} compares with an earlier run, but there is no --baseline",
                hint="save one with --save FILE, then give it as --baseline FILE",
            )
        return self._compare(run, baseline)

    def _compare(self, run: Run, baseline: Run) -> Verdict:
        if min(len(run.times_ms), len(baseline.times_ms)) < _LEAST:
            counts = f"{len(run.times_ms)} good calls against {len(baseline.times_ms)}"
            return Verdict(self.text, failed=True, why=f"{counts}: at least {_LEAST} of each are needed")
        then, now = baseline.value(self.metric) or 0.0, run.value(self.metric) or 0.0
        low, high = interval(baseline.times_ms, run.times_ms, self.metric)
        failed = low > self.limit if self.is_above else high < self.limit
        change = (now / then - 1) * 100 if then > 0 else 0.0
        doubt = "; not certain" if self._is_beyond(change) and not failed else ""
        why = (
            f"{self.metric} {now:,.3f} ms against {then:,.3f} ms:"
            f" {change:+.1f}% (95% interval {low:+.1f} to {high:+.1f}{doubt})"
        )
        return Verdict(self.text, failed, why, change, low, high)

    def _is_beyond(self, value: float) -> bool:
        return value > self.limit if self.is_above else value < self.limit

    @property
    def _unit(self) -> str:
        return {"errors": "%", "rps": " calls/s"}.get(self.metric, " ms")


@dataclass(frozen=True, slots=True)
class Run:
    """What gates look at."""

    times_ms: Sequence[float]
    """Response times of the good calls."""
    errors_percent: float = 0.0
    calls_per_second: float = 0.0

    def value(self, metric: str) -> float | None:
        """Give a figure; None where no call was good."""
        if metric == "errors":
            return self.errors_percent
        if metric == "rps":
            return self.calls_per_second
        if not self.times_ms:
            return None
        if metric == "max":
            return max(self.times_ms)
        return _figure(sorted(self.times_ms), metric)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says."""

    gate: str
    failed: bool
    why: str
    change_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None

    def as_json(self) -> JsonObject:
        """Give it as documents hold it."""
        return {
            "gate": self.gate,
            "failed": self.failed,
            "why": self.why,
            "change_percent": self.change_percent,
            "interval_percent": None if self.low_percent is None else [self.low_percent, self.high_percent],
        }


def interval(
    before: Sequence[float], after: Sequence[float], metric: str, seed: int = 0
) -> tuple[float, float]:
    """Give the 95 % interval of the change of a figure in per cent, by the bootstrap; the same for the same input."""
    chance = random.Random(seed)  # noqa: S311 - statistics
    draw_old, draw_new = _drawer(sorted(before), metric, chance), _drawer(sorted(after), metric, chance)
    changes = sorted((draw_new() / then - 1) * 100 for _ in range(_DRAWS) if (then := draw_old()) > 0)
    if not changes:
        return 0.0, 0.0
    last = len(changes) - 1
    return changes[round(_OUTER * last)], changes[round((1 - _OUTER) * last)]


def _drawer(ordered: Sequence[float], metric: str, chance: random.Random) -> Callable[[], float]:
    """Give what gives the figure of as many values, drawn from these with replacement, anew with every call."""
    count = len(ordered)
    percent = _PERCENTS.get(metric)
    if percent is not None:
        # The k-th smallest of n uniform draws follows Beta(k, n - k + 1): nothing has to be drawn n times.
        rank = place(count, percent) + 1
        return lambda: ordered[min(int(chance.betavariate(rank, count - rank + 1) * count), count - 1)]
    if count <= _FEW:
        return lambda: mean(chance.choices(ordered, k=count))
    middle = mean(ordered)
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in ordered) / count)
    return lambda: chance.gauss(middle, spread / math.sqrt(count))


def _figure(ordered: Sequence[float], metric: str) -> float:
    percent = _PERCENTS.get(metric)
    return mean(ordered) if percent is None else percentile(ordered, percent)


def _wrong(text: str) -> UsageError:
    names: Mapping[str, str] = {"times": "p50 p75 p90 p95 p99 p99.9 avg max", "others": "errors rps"}
    return UsageError(
        f"--fail-if {quoted(text)} is no condition",
        where=(f"figures: {names['times']} {names['others']}",),
        hint="write for example 'p99>+10%' (against --baseline), 'p95>500ms', 'errors>1%' or 'rps<100'",
    )
