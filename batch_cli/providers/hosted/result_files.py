"""The result files that a batch of OpenAI's wire names, which may be a little later than its end."""

from __future__ import annotations

from collections.abc import Callable

from batch_cli.clock import Clock
from batch_cli.errors import NotFinished
from batch_cli.model import Batch, BatchStatus
from batch_cli.providers.hosted.objects import text_of

RESULT_FILES = ("output_file_id", "error_file_id")
_LATE = 60.0
"""Seconds in which an ended batch is asked again for the names of its result files."""


def with_files(look: Callable[[], Batch], clock: Clock, pause: float) -> Batch:
    """Ask for an ended batch until it names the result files that its counts speak of, every ``pause`` seconds.

    Raises:
        NotFinished: it has answers, and names no file of any.
    """
    end = clock.monotonic() + _LATE
    while _lacks_files(batch := look()) and clock.monotonic() < end:
        clock.sleep(pause)
    names_none = all(text_of(batch.raw, name) is None for name in RESULT_FILES)
    if names_none and _lacks_files(batch) and batch.counts.completed != 0:
        raise NotFinished(
            f"{batch.id} is {batch.raw_status}, but names no result file yet",
            hint="run the same command again later",
        )
    return batch


def _lacks_files(batch: Batch) -> bool:
    """Tell whether an ended batch names fewer result files than its counts speak of."""
    counts = batch.counts
    has_output, has_errors = (text_of(batch.raw, name) is not None for name in RESULT_FILES)
    if batch.status is BatchStatus.COMPLETED and not (has_output or has_errors):
        return counts.total != 0
    return bool((counts.completed and not has_output) or (counts.failed and not has_errors))
