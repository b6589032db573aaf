"""The result files that a batch names, which may be a little later than its end: waited for, then read one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from batch_cli.clock import Clock
from batch_cli.errors import Gone, NotFinished
from batch_cli.events import Listener, Note
from batch_cli.model import Batch, BatchResult, BatchStatus, JsonObject
from batch_cli.providers.hosted.objects import text_of
from batch_cli.providers.hosted.wire import Wire
from batch_cli.result_file import Read

_NAMELESS = "-"
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


def read_nameless(read: Read, line: JsonObject) -> BatchResult:
    """Read a row that may lack the id of its request; such a one gets none."""
    if line.get("custom_id") is None:
        return replace(read({**line, "custom_id": _NAMELESS}), custom_id="")
    return read(line)


def named_rows(rows: Iterator[BatchResult], name: str, listener: Listener) -> Iterator[BatchResult]:
    """Give the rows that have an id. Of the others nobody can say whose they are: they are told, and their requests are missing."""
    nameless, reason = 0, ""
    for row in rows:
        if row.custom_id:
            yield row
        else:
            nameless += 1
            reason = reason or (row.error.message if row.error else "")
    if nameless:
        count = "1 row" if nameless == 1 else f"{nameless:,} rows"
        text = f"{count} of {name} named no request; the first: {reason}"
        listener(Note(text, warning=True))


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
