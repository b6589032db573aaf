"""The sealed lines of a large result file, looked for on two processors: a forked child takes the second half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from batch_cli.forked import Forked, has_two_processors
from batch_cli.jsonl import Block, Part, read_blocks
from batch_cli.sealed_lines import SealedRun, sealed_runs

WORTHWHILE = 16_000_000
"""Bytes from which on a second process gains more than its start costs."""


class SealedHalves:
    """Gives the blocks of a file, each with its sealed lines. Memory: a block, and twenty bytes for each later line."""

    def __init__(self, stream: BinaryIO, max_bytes: int, *, is_file: bool) -> None:
        """Read ``stream`` from its start; if it ``is_file``, a second process may read it, too."""
        self._stream, self._max_bytes = stream, max_bytes
        self._middle = 0
        self._child = self._start() if is_file and has_two_processors() else None

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _start(self) -> Forked | None:
        descriptor = self._stream.fileno()
        size = os.fstat(descriptor).st_size
        if size < WORTHWHILE:
            return None
        # Opened anew, because a duplicate would share the place where it reads.
        with Path(f"/proc/self/fd/{descriptor}").open("rb") as second:
            second.seek(size // 2)
            if not second.readline(self._max_bytes).endswith(b"\n"):
                return None
            self._middle = second.tell()
            return Forked(lambda: [sealed_runs(block.lines) for block in self._blocks(second)])

    def _blocks(self, stream: BinaryIO, number: int = 1) -> Iterator[Block]:
        return read_blocks(stream, max_bytes=self._max_bytes, number=number)

    def __iter__(self) -> Iterator[tuple[Block, list[SealedRun]]]:
        """Give the blocks in order.

        Raises:
            LineTooLong: a line has more bytes than allowed; the lines before it were given.
        """
        number = 1
        if self._child is not None:
            part = Part(self._stream, self._middle)
            for block in read_blocks(part, max_bytes=self._max_bytes):
                number = block.number + len(block.lines)
                yield block, sealed_runs(block.lines)
        second = None if self._child is None else self._child.result()
        found = iter(second if isinstance(second, list) else ())
        for block in self._blocks(self._stream, number):
            runs = next(found, None)
            yield block, sealed_runs(block.lines) if runs is None else runs
