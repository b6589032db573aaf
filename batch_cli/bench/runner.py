"""Calls a target as a plan says, in threads, until it is done, the time is over, or somebody stops it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from batch_cli.bench.call import Call, Caller, CutOff, Reply, Target
from batch_cli.clock import Clock
from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonValue

GRACE = 0.5
"""Seconds that calls on their way get when the time is over."""
CUT_OFF = "cut off: no answer when the time was over"
_TICK = 0.1
_PAUSE = 0.1
"""Before the next call when the target could not be reached: a refused one comes back at once."""
_MOST_UNREACHED = 5
"""So many calls that did not even arrive, and no other, end a run that would go on for a time."""
_LAST_MOMENT = 0.002
"""A wait for an event ends some tenths of a millisecond late; the last of it is slept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a target is called."""

    calls: int | None = None
    """So many, those of the warm-up not among them; None: until ``seconds`` are over."""
    seconds: float | None = None
    workers: int = 1
    """Calls at once, at most."""
    rate: float | None = None
    """Calls begin so often in a second, whether earlier ones are answered or not; None: each after another."""
    warm_up: int = 0
    """Calls of each worker before those that count."""
    fingerprints: bool = False
    """Keep a fingerprint of every call's predictions."""


@dataclass
class Recording:
    """What a run gave; grows while it runs, and readers of a list that grows see whole calls."""

    plan: Plan
    calls: list[Call] = field(default_factory=list)
    """In the order of their ends."""
    began: float = 0.0
    ended: float = 0.0
    stopped_by: BaseException | None = None
    """What stopped it before its end."""
    first: JsonValue = None
    """The predictions of the first good call, where fingerprints were asked for."""
    other: JsonValue = None
    """The first predictions that differ from them."""

    @property
    def seconds(self) -> float:
        """Give the time that really passed, from the first beginning to the last end."""
        return max(self.ended - self.began, 0.0)


Watch = Callable[[Recording], None]


def run(target: Target, plan: Plan, clock: Clock, watch: Watch | None = None) -> Recording:
    """Carry out a plan and give what was recorded; ``watch`` is told some ten times a second.

    What raises in this thread meanwhile (Ctrl-C, a signal) ends the run. It is not raised but kept in
    `Recording.stopped_by`, because there is something to show; where there is nothing, it is raised.
    Every call that was sent is recorded once. Memory: about 250 bytes a call.
    """
    return _Run(target, plan, clock).carry_out(watch)


class _Run:
    def __init__(self, target: Target, plan: Plan, clock: Clock) -> None:
        self._target, self._plan, self._clock = target, plan, clock
        self._lock = threading.Lock()
        self._numbers = itertools.count()  # threads may share it
        self._over = threading.Event()
        self._warm = threading.Barrier(plan.workers + 1)
        self._recording = Recording(plan)
        self._first_mark = b""
        self._broken: Exception | None = None
        """What a thread met that is no failed call but a bug, to be raised where it is seen."""
        self._callers = [target.open() for _ in range(plan.workers)]
        self._open: dict[int, tuple[float, float]] = {}
        """When the calls on their way were to begin and began, by worker."""

    def carry_out(self, watch: Watch | None) -> Recording:
        threads = [
            threading.Thread(target=self._work, args=(number, caller), daemon=True)
            for number, caller in enumerate(self._callers)
        ]
        recording = self._recording
        try:
            for thread in threads:
                thread.start()
            while not self._over.is_set() and self._warm.n_waiting < self._plan.workers:
                self._clock.sleep(0.001)
            recording.began = recording.ended = self._clock.monotonic()
            with contextlib.suppress(threading.BrokenBarrierError):
                self._warm.wait()
            self._wait(threads, watch)
        except BaseException as error:
            recording.stopped_by = error
            self._warm.abort()
            self._end(threads)
            if not recording.calls:
                raise
        else:
            self._end(threads)
        if self._broken is not None:
            raise self._broken
        return recording

    def _wait(self, threads: list[threading.Thread], watch: Watch | None) -> None:
        """Wait until every worker is done, or the time is over."""
        seconds = self._plan.seconds
        end = None if seconds is None else self._recording.began + seconds
        for thread in threads:
            while thread.is_alive():
                left = _TICK if end is None else min(_TICK, end - self._clock.monotonic())
                if left <= 0:
                    return
                thread.join(left)
                if watch is not None:
                    watch(self._recording)

    def _end(self, threads: list[threading.Thread]) -> None:
        """Let calls on their way end for a moment, cut the others, and count each that was sent."""
        self._over.set()
        end = self._clock.monotonic() + GRACE
        for thread in threads:
            thread.join(max(end - self._clock.monotonic(), 0))
        for caller in self._callers:
            caller.cut()
        end = self._clock.monotonic() + GRACE / 2
        for thread in threads:
            thread.join(max(end - self._clock.monotonic(), 0))
        now = self._clock.monotonic()
        with self._lock:
            for number, (intended, began) in self._open.items():  # code of this process, which nobody can end
                self._recording.calls.append(Call(number, intended, began, now, Reply(CUT_OFF)))
            self._open = {}
            self._recording.ended = max((call.ended for call in self._recording.calls), default=now)

    # --- in the threads ---

    def _work(self, number: int, caller: Caller) -> None:
        try:
            for _ in range(self._plan.warm_up):
                if self._over.is_set():
                    break
                with contextlib.suppress(CutOff):
                    caller.send()
            with contextlib.suppress(threading.BrokenBarrierError):
                self._warm.wait()
            for intended in self._beginnings():
                self._call(number, caller, intended)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            self._broken = error
            self._over.set()
            self._warm.abort()
        finally:
            caller.close()

    def _beginnings(self) -> Iterator[float]:
        """Give when this worker's next calls are to begin; each call of the plan is given to one worker."""
        plan, recording = self._plan, self._recording
        end = float("inf") if plan.seconds is None else recording.began + plan.seconds
        while not self._over.is_set():
            nth = next(self._numbers)
            if plan.calls is not None and nth >= plan.calls:
                return
            intended = self._clock.monotonic()
            if plan.rate is not None:
                intended = recording.began + nth / plan.rate
                if intended < end:
                    self._wait_until(intended)
            if intended >= end or self._over.is_set():
                return
            yield intended

    def _wait_until(self, moment: float) -> None:
        left = moment - self._clock.monotonic()
        if left > _LAST_MOMENT:
            self._over.wait(left - _LAST_MOMENT)
            left = moment - self._clock.monotonic()
        if left > 0:
            self._clock.sleep(left)

    def _call(self, number: int, caller: Caller, intended: float) -> None:
        began = self._clock.monotonic()
        if self._plan.rate is None:
            intended = began
        self._open[number] = (intended, began)
        raw, reply = None, None
        try:
            raw = caller.send()
        except CutOff as cut:
            reply = Reply(CUT_OFF, reached=cut.sent)
        ended = self._clock.monotonic()
        reply = caller.read(raw) if reply is None else reply
        self._record(number, intended, began, ended, reply)
        if not reply.reached:
            calls = self._recording.calls
            is_long = self._plan.seconds is not None and len(calls) >= _MOST_UNREACHED
            if is_long and not any(call.reply.reached for call in calls):
                self._over.set()
            self._over.wait(_PAUSE)

    def _record(self, worker: int, intended: float, began: float, ended: float, reply: Reply) -> None:
        """Keep a call without its predictions, unless it was counted as cut off or nothing of it was sent."""
        predictions, kept, mark = reply.predictions, reply._replace(predictions=None), b""
        if self._plan.fingerprints and reply.error is None:
            try:
                mark = fingerprint(predictions)
            except (ValueError, TypeError, RecursionError):
                kept = Reply("its answer is nested too deep to be compared")
        length = len(predictions) if isinstance(predictions, list) else 0
        call = Call(worker, intended, began, ended, kept, length, mark)
        with self._lock:
            is_counted = self._open.pop(worker, None) is None
            if is_counted or (reply.error == CUT_OFF and not reply.reached):
                return
            recording = self._recording
            recording.calls.append(call)
            recording.ended = max(recording.ended, ended)
            if mark and not self._first_mark:
                self._first_mark, recording.first = mark, predictions
            elif mark != self._first_mark and mark and recording.other is None:
                recording.other = predictions


def fingerprint(predictions: JsonValue) -> bytes:
    """Give 16 bytes that are the same for the same predictions, and for others all but never.

    Raises:
        ValueError, TypeError, RecursionError: they are nested too deep to be written.
    """
    return hashlib.blake2b(dumps_exactly(predictions), digest_size=16).digest()
