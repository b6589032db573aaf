"""Answers that a worker wrote down and did not live to record.

A live batch has one worker at a time, which writes each answer before it asks for another, and records them together.
So what stands in the result file behind the last recorded line was answered, and need not be asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from batch_cli.engine.lines import position_of
from batch_cli.engine.queue import Queue, Written
from batch_cli.engine.store import Store, StoredBatch
from batch_cli.errors import disk_error

_RECORDED = 1_000


def record_written(store: Store, queue: Queue, batch: StoredBatch) -> int:
    """Record what was only written; give how many answers. For the one worker of the batch, before it claims anything."""
    found, recorded = list[Written](), 0
    path = store.results_path(batch.id)
    try:
        with path.open("r+b", buffering=1 << 20) as stream:
            stream.seek(queue.recorded_until(batch.seq))
            for one in _lines(stream, batch):
                found.append(one)
                if len(found) >= _RECORDED:
                    recorded += queue.adopt(batch.seq, found)
                    found.clear()
            _end_last_line(stream.fileno())
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise disk_error(error, path, doing="reading") from error
    return recorded + (queue.adopt(batch.seq, found) if found else 0)


def _lines(stream: Iterator[bytes], batch: StoredBatch) -> Iterator[Written]:
    """Give the whole lines that are answers of this batch; one that was torn is none."""
    start = stream.tell()  # type: ignore[attr-defined]  # a binary file
    for line in stream:
        found = position_of(batch, line) if line.endswith(b"\n") else None
        if found is not None:
            position, is_good = found
            yield Written(position, is_good, start, len(line) - 1)
        start += len(line)


def _end_last_line(descriptor: int) -> None:
    """End a line that was torn, so that the next one does not begin in its middle."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        os.write(descriptor, b"\n")
