"""Wait: until batches and jobs have ended; what a job held back is created meanwhile, as there is room for it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace

from batch_cli.errors import OutcomeUnknown, Stopped, Temporary, quoted
from batch_cli.events import Event, Note, Progress
from batch_cli.files import held
from batch_cli.jobs.follow import remember
from batch_cli.jobs.in_flight import InFlight, staged_only, stands
from batch_cli.jobs.whole import held_back, placed, unsubmitted
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch
from batch_cli.state import Job

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
"""Seconds between two tries to create what was refused for want of room, if nothing of ours ends meanwhile."""
_LONGEST_LOOK = 60.0
"""Seconds between two looks at a provider that is away."""
_SENSIBLE = 86_400.0
"""A service that asks to wait for longer than a day does not mean it."""
_ROUND = 30.0
"""Seconds to stay with one batch of a job while others wait for room, which any of them may give."""

Left = Callable[[], float | None]
"""Gives the seconds that waiting may still take; None: any time."""


@dataclass(frozen=True, slots=True)
class Waited:
    """What waiting led to."""

    batches: list[Batch]
    seconds: float
    timed_out: bool


def wait(workspace: Workspace, places: list[BatchPlace], *, seconds: float | None = None) -> Waited:
    """Wait until every batch and job has ended, or ``seconds`` are over. What runs on the local engine is worked at here.

    Raises:
        Stopped: a signal asked to stop; the batches are as they were left, and waiting can go on later.
        OutcomeUnknown: of a batch that was held back it cannot be told whether it was created; the others have ended.
    """
    clock = workspace.clock
    started = clock.monotonic()

    def left() -> float | None:
        return None if seconds is None else max(0.0, seconds - (clock.monotonic() - started))

    batches: list[Batch] = []
    for place in places:
        try:
            batch = _wait_for(workspace, place, left)
        except (Stopped, KeyboardInterrupt) as error:
            if not workspace.provider_of(place).address:
                raise
            raise _stopped(places[len(batches) :], error) from error
        remember(workspace, batch)
        batches.append(batch)
    timed_out = left() == 0.0 and not all(batch.status.is_terminal for batch in batches)
    return Waited(batches, clock.monotonic() - started, timed_out)


def _stopped(places: list[BatchPlace], error: BaseException) -> Stopped:
    """Say that what runs elsewhere goes on, and how to wait for it again."""
    number = error.signal_number if isinstance(error, Stopped) else signal.SIGINT
    names = " ".join(place.id for place in places)
    runs = "goes on" if len(places) == 1 else "go on"
    return Stopped(
        f"Stopped. {names} {runs} at {places[0].provider}.",
        signal_number=number,
        hint=f"batch-cli wait {names}",
    )


def _wait_for(workspace: Workspace, place: BatchPlace, left: Left) -> Batch:
    if place.job is not None:
        return _wait_for_job(workspace, place, place.job, left)
    provider = workspace.provider(place.provider)
    if provider.capabilities.runs_here and (batch := stands(workspace, place)).status.is_terminal:
        return batch
    # What runs elsewhere is not asked before: its provider may be away, which only `drive` waits out.
    found = provider.drive(place.id, workspace.say, left())
    if found is None and not (batch := stands(workspace, place)).status.is_terminal:  # it was not shown yet
        found = provider.drive(place.id, workspace.say, left())
    return batch if found is None else placed(workspace, found)


def _wait_for_job(workspace: Workspace, place: BatchPlace, job: Job, left: Left) -> Batch:
    waiting = _JobWait(workspace, job)
    try:
        waiting.run(left)
    except (Stopped, KeyboardInterrupt) as error:
        if workspace.provider_of(place).address:
            raise
        stop = error if isinstance(error, Stopped) else Stopped("Stopped.", signal_number=signal.SIGINT)
        counts = stands(workspace, place).counts
        raise Stopped(
            f"{stop.message.removesuffix('.')}, {counts.answered:,} of {job.requests:,} of the whole job.",
            signal_number=stop.signal_number,
            hint=f"batch-cli wait {job.id}",
        ) from error
    shards = waiting.flight.shards()
    batch = waiting.flight.whole()
    if not batch.status.is_terminal and (missing := unsubmitted(shards) - held_back(shards)):
        workspace.say(
            Note(
                f"{missing:,} of the {job.shards:,} batches of {job.id} are not submitted yet",
                warning=True,
                hint=f"submit {quoted(job.source)} again: it goes on where it was",
            )
        )
    return batch


class _JobWait:
    """Waits for the batches of one job, telling of them as of one."""

    def __init__(self, workspace: Workspace, job: Job) -> None:
        self._workspace, self._job = workspace, job
        self.flight = InFlight(workspace, job)
        self._pause = _FIRST_PAUSE
        self._next_try = 0.0
        self._doubt: OutcomeUnknown | None = None

    def run(self, left: Left) -> None:
        """Stay until nothing runs and nothing is held back, or the time is over."""
        flight, clock = self.flight, self._workspace.clock
        self._look(left)
        while True:
            self._create()
            is_held = held_back(flight.shards()) > 0 and self._doubt is None and not flight.is_stopped
            remaining = left()
            if remaining == 0.0 or not (flight.running or is_held):
                break
            if flight.running:
                self._stay(_smaller(remaining, _ROUND) if is_held else remaining)
            else:
                clock.sleep(_smaller(remaining, max(0.1, self._next_try - clock.monotonic())))
            if is_held:
                self._look(left)
        if self._doubt is not None:
            raise self._doubt

    def _look(self, left: Left) -> None:
        """Ask about all batches, again later where the provider is away, and not before the time that it asks for.

        Raises:
            Temporary: it was until the time was over.
        """
        pause, is_told = _FIRST_PAUSE, False
        while True:
            try:
                return self.flight.look()
            except Temporary as error:
                if (remaining := left()) == 0.0:
                    raise
                why = error.where[-1] if error.where else ""
                self._workspace.say(Note(f"{error.message}: {why}; still waiting", detail=is_told))
                asked = error.later if error.later is not None and error.later <= _SENSIBLE else 0.0
                self._workspace.clock.sleep(_smaller(remaining, max(pause, asked)))
                pause, is_told = min(2 * pause, _LONGEST_LOOK), True

    def _create(self) -> None:
        """Create what there may be room for, but not again and again."""
        flight, clock = self.flight, self._workspace.clock
        if flight.has_room and clock.monotonic() >= self._next_try and self._doubt is None:
            lock = self._workspace.journal.lock(self._job.content[:32])
            if lock is not None:  # else somebody submits it right now
                with held(lock):
                    self._try()
        if not flight.has_room:
            self._later()

    def _try(self) -> None:
        try:
            self.flight.start_more(staged_only)
        except OutcomeUnknown as error:
            self._doubt = error
            self._workspace.say(Note(error.message, warning=True, hint=error.hint))
        except Temporary as error:
            self._workspace.say(Note(f"{error.message}; it is tried again", detail=True))
            self._later()

    def _later(self) -> None:
        self._next_try = self._workspace.clock.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self.flight.has_room = True

    def _stay(self, seconds: float | None) -> None:
        """Stay with the first batch that runs."""
        flight = self.flight
        number, before = flight.running[0]
        others = [one.counts for at, one in flight.batches.items() if at != number]
        done, failed = sum(one.done for one in others), sum(one.failed or 0 for one in others)

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                event = replace(
                    event, done=done + event.done, total=self._job.requests, failed=failed + event.failed
                )
            self._workspace.say(event)

        try:
            batch = self._workspace.provider(self._job.provider).drive(before.id, tell, seconds)
        except Temporary as error:
            self._workspace.say(Note(f"{error.message}; still waiting", detail=True))
            return
        shard = next(one for one in flight.shards() if one.number == number)
        if batch is None:
            flight.batches.pop(number)
        else:
            flight.take(shard, batch)
            if batch.status.is_terminal and flight.has_room:
                self._pause, self._next_try = _FIRST_PAUSE, 0.0  # there is room again


def _smaller(limit: float | None, seconds: float) -> float:
    return seconds if limit is None else min(limit, seconds)
