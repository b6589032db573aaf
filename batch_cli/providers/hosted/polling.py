"""Waiting for a batch that runs elsewhere: rarely enough for the provider, and through hours of its bad weather."""

from __future__ import annotations

import random
from collections.abc import Callable

from batch_cli.clock import Clock
from batch_cli.errors import Temporary
from batch_cli.events import Listener, Note, Phase, Progress
from batch_cli.model import Batch, BatchStatus

_FIRST, _LONGEST, _GROWTH = 2.0, 60.0, 1.5
_SENSIBLE = 86_400.0
"""A service that asks to wait for longer than a day does not mean it."""
_TOLD_EVERY = 600.0
"""Seconds between two notes of one outage."""
_LOCAL_FACTOR = 0.05
"""A server on this machine is asked more often: it is a test."""


class _Outage:
    """A time without answers: told when it begins, now and then, and when it is over."""

    def __init__(self, clock: Clock, listener: Listener) -> None:
        self._clock, self._listener = clock, listener
        self._told_at: float | None = None

    def goes_on(self, error: Temporary) -> None:
        now = self._clock.monotonic()
        is_due = self._told_at is None or now - self._told_at >= _TOLD_EVERY
        if is_due:
            self._told_at = now
        why = error.where[-1] if error.where else ""
        self._listener(Note(f"{error.message}: {why}; still waiting", detail=not is_due))

    def is_over(self) -> None:
        if self._told_at is not None:
            self._told_at = None
            self._listener(Note("there are answers again"))


def poll(
    look: Callable[[], Batch | None],
    clock: Clock,
    listener: Listener,
    seconds: float | None,
    *,
    is_here: bool,
    interval: float | None = None,
) -> Batch | None:
    """Look at a batch until it has ended, or ``seconds`` are over; give it as it was seen last.

    A provider that cannot be reached is asked again later, and not before the time that it asks for: nothing is
    lost by waiting. The pause grows while nothing happens, to ``interval`` seconds at most.

    Raises:
        Temporary: it could not be reached until the time was over.
    """
    factor = _LOCAL_FACTOR if is_here else 1.0
    longest = _LONGEST * factor if interval is None else interval
    first = min(_FIRST * factor, longest)
    end = None if seconds is None else clock.monotonic() + seconds
    pause, last, batch = first, (-1, ""), None
    outage = _Outage(clock, listener)
    strange: set[str] = set()
    while True:
        trouble: Temporary | None = None
        try:
            batch = look()
        except Temporary as error:
            trouble = error
            outage.goes_on(error)
        else:
            outage.is_over()
            if batch is None:
                return None
            if batch.status is BatchStatus.UNKNOWN and batch.raw_status not in strange:
                strange.add(batch.raw_status)
                listener(
                    Note(f"{batch.id} has a status that is not known here: {batch.raw_status}", warning=True)
                )
            counts = batch.counts
            listener(Progress(Phase.RUN, counts.done, counts.total, counts.failed or 0))
            if batch.status.is_terminal:
                return batch
        seen = (-1, "") if batch is None else (batch.counts.done, batch.raw_status)
        pause = first if seen != last else min(longest, pause * _GROWTH)
        last = seen
        wait = pause * random.uniform(0.8, 1.2)  # noqa: S311 - so that many clients do not knock together
        if trouble is not None and trouble.later is not None and trouble.later <= _SENSIBLE:
            wait = max(wait, trouble.later)
        if end is not None:
            left = end - clock.monotonic()
            if left <= 0:
                if trouble is not None:
                    raise trouble
                return batch
            wait = min(wait, left)
        clock.sleep(wait)
