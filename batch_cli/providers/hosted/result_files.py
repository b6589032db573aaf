"""The result files that a batch names, which may be a little later than its end: waited for, then read one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from batch_cli.clock import Clock
from batch_cli.errors import Gone, NotFinished
from batch_cli.events import Listener, Note
from batch_cli.model import Batch, BatchStatus
from batch_cli.providers.hosted.objects import text_of
from batch_cli.providers.hosted.wire import Wire

Opened = contextlib.AbstractContextManager[BinaryIO]


def with_files(look: Callable[[], Batch], wire: Wire, clock: Clock, seconds: float) -> Batch:
    """Ask for an ended batch until it names the result files that its counts promise, for ``seconds`` at most.

    Raises:
        NotFinished: it still does not.
    """
    end = clock.monotonic() + seconds
    while _owes_files(batch := look(), wire):
        if clock.monotonic() >= end:
            raise NotFinished(
                f"{batch.id} is {batch.raw_status}, but {batch.provider} names no result file yet",
                hint="run the same command again in a minute",
            )
        clock.sleep(seconds / 20)
    return batch


def _owes_files(batch: Batch, wire: Wire) -> bool:
    """Tell whether an ended batch has rows, by its counts, in a file that it does not name."""
    has_output, has_errors = (text_of(batch.raw, wire.results[kind]) for kind in ("output", "error"))
    if batch.status is BatchStatus.COMPLETED and not (has_output or has_errors):
        return batch.counts.total != 0
    return bool(batch.counts.completed and not has_output)


def each_file(
    batch: Batch, wire: Wire, fetch: Callable[[str], Opened], listener: Listener
) -> Iterator[tuple[str, BinaryIO]]:
    """Give each result file that ``batch`` names, opened, and in front of it its kind, ``output`` or ``error``.

    Where one of two is gone, the other is worth having: that is told, and its rows are missing.

    Raises:
        Gone: none of them is there any more.
    """
    named = [(kind, found) for kind, name in wire.results.items() if (found := text_of(batch.raw, name))]
    lost: list[Gone] = []
    for kind, file_id in named:
        with contextlib.ExitStack() as stack:
            try:
                stream = stack.enter_context(fetch(file_id))
            except Gone as error:
                lost.append(error)
                if len(lost) == len(named):
                    raise
                what = f"the {kind} file of {batch.id} is not there any more"
                listener(Note(what, warning=True, hint=error.hint))
                continue
            yield kind, stream
