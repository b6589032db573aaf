"""The same predictions asked for several times: how long each time took, and whether they were the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from batch_cli.bench.spread import five, percentiles
from batch_cli.cli.console import Console
from batch_cli.clock import Clock
from batch_cli.errors import BatchCliError, Stopped
from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonObject
from batch_cli.predict.prediction import Answer

_MOST_TOLD = 20


@dataclass(slots=True)
class Run:
    """One time."""

    elapsed_ms: float = 0.0
    """By our clock, from the first request to the last answer."""
    duration_ms: float | None = None
    """By the server's; None where it says nothing."""
    ok: int = 0
    failed: int = 0
    mark: bytes = b""
    """The same for the same predictions, errors included."""
    error: str | None = None
    """Why there was no answer at all."""

    def as_json(self, first: Run) -> JsonObject:
        """Give it as documents hold it."""
        return {
            "elapsed_ms": self.elapsed_ms,
            "duration_ms": self.duration_ms,
            "ok": self.ok,
            "failed": self.failed,
            "same": self.mark == first.mark,
            "error": self.error,
        }


class Repeats:
    """All times so far, 300 bytes each."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self.runs: list[Run] = []

    def timed(self, ask: Callable[[], Iterable[Answer]]) -> Iterator[Answer]:
        """Ask once more, give the answers as they come, and note what they took."""
        run, digest = Run(), hashlib.blake2b(digest_size=16)
        self.runs.append(run)
        begin = self._clock.monotonic()
        for answer in ask():
            run.elapsed_ms = (self._clock.monotonic() - begin) * 1000
            good = sum(each.is_good for each in answer.predictions)
            run.ok += good
            run.failed += len(answer.predictions) - good
            if answer.duration_ms is not None:
                run.duration_ms = (run.duration_ms or 0) + answer.duration_ms
            for each in answer.predictions:
                digest.update(dumps_exactly([each.model, each.status, each.values, each.error]))
            yield answer
        run.mark = digest.digest()

    def again(self, ask: Callable[[], Iterable[Answer]]) -> None:
        """Ask once more; no answer at all is a failure of everything that was asked, and ends nothing."""
        first = self.runs[0]
        begin = self._clock.monotonic()
        try:
            for _ in self.timed(ask):
                pass
        except Stopped:
            raise
        except BatchCliError as error:
            run = self.runs[-1]
            run.elapsed_ms = (self._clock.monotonic() - begin) * 1000
            run.failed, run.ok = first.ok + first.failed, 0
            run.error = "; ".join((error.message, *error.where))

    def as_json(self) -> JsonObject:
        """Give all of them, and their figures: times of runs with an answer."""
        answered = [run for run in self.runs if run.error is None]
        elapsed = [run.elapsed_ms for run in answered]
        durations = [run.duration_ms for run in answered if run.duration_ms is not None]
        first = self.runs[0]
        return {
            "runs": [run.as_json(first) for run in self.runs],
            "elapsed_ms": {**five(elapsed), **percentiles(elapsed)},
            "duration_ms": {**five(durations), **percentiles(durations)} if durations else None,
            "same": all(run.mark == first.mark for run in self.runs),
        }

    def tell(self, console: Console) -> None:
        """Say what each time took, as far as a person wants to read it, and what they came to."""
        for number, run in enumerate(self.runs[:_MOST_TOLD], 1):
            said = "" if run.duration_ms is None else f", the server says {run.duration_ms:,.6g} ms"
            console.say(
                f"run {number}: {run.elapsed_ms:,.3f} ms{said}{'' if run.error is None else f': {run.error}'}"
            )
        if len(self.runs) > _MOST_TOLD:
            console.say(f"… and {len(self.runs) - _MOST_TOLD:,} more; --json has all of them")
        facts = self.as_json()
        found = facts["elapsed_ms"]
        console.say(
            f"{len(self.runs):,} runs: avg {found['avg']:,.3f} ms, min {found['min']:,.3f}, p50 {found['p50']:,.3f},"
            f" p95 {found['p95']:,.3f}, max {found['max']:,.3f}, std_dev {found['std_dev']:,.3f}"
        )
        if not facts["same"]:
            console.warn(
                "the predictions were not always the same", hint="bench consistency says where they differ"
            )
