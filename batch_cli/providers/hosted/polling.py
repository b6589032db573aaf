"""Waiting for a batch that runs elsewhere: rarely enough for the provider, and through hours of its bad weather."""

from __future__ import annotations

import random
from collections.abc import Callable

from batch_cli.clock import Clock
from batch_cli.errors import Temporary
from batch_cli.events import Listener, Note, Phase, Progress
from batch_cli.model import Batch

_FIRST, _LONGEST, _GROWTH = 2.0, 60.0, 1.5
_LOCAL_FACTOR = 0.05
"""A server on this machine is asked more often: it is a test."""


def poll(
    look: Callable[[], Batch | None],
    clock: Clock,
    listener: Listener,
    seconds: float | None,
    *,
    is_here: bool,
) -> Batch | None:
    """Look at a batch until it has ended, or ``seconds`` are over; give it as it was seen last.

    A provider that cannot be reached is asked again later: nothing is lost by waiting.

    Raises:
        Temporary: it could not be reached until the time was over.
    """
    factor = _LOCAL_FACTOR if is_here else 1.0
    end = None if seconds is None else clock.monotonic() + seconds
    pause, last, batch = _FIRST * factor, (-1, ""), None
    while True:
        trouble: Temporary | None = None
        try:
            batch = look()
        except Temporary as error:
            trouble = error
            listener(
                Note(f"{error.message}: {error.where[-1] if error.where else ''}; still waiting", detail=True)
            )
        else:
            if batch is None:
                return None
            counts = batch.counts
            listener(Progress(Phase.RUN, counts.done, counts.total, counts.failed or 0))
            if batch.status.is_terminal:
                return batch
        seen = (-1, "") if batch is None else (batch.counts.done, batch.raw_status)
        pause = _FIRST * factor if seen != last else min(_LONGEST * factor, pause * _GROWTH)
        last = seen
        wait = pause * random.uniform(0.8, 1.2)  # noqa: S311 - so that many clients do not knock together
        if end is not None:
            left = end - clock.monotonic()
            if left <= 0:
                if trouble is not None:
                    raise trouble
                return batch
            wait = min(wait, left)
        clock.sleep(wait)
