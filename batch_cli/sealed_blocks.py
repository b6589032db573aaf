"""The blocks of a result file with their sealed lines; those of a large one are looked for by other processes."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from batch_cli.forked import InTurns, has_two_processors
from batch_cli.jsonl import Line, lines_of, read_blocks
from batch_cli.sealed_lines import SealedRun, changed, sealed_runs

WORTHWHILE = 16_000_000
"""Bytes from which on other processes gain more than their start costs."""
_SIZE = 1 << 18
_LINE_END = 1 << 12
"""Bytes read at once where the end of a line is looked for."""


@dataclass(slots=True)
class SealedBlock:
    """Some whole lines of a result file."""

    size: int
    """In bytes."""
    count: int
    """Of the lines."""
    runs: list[SealedRun]
    number: int = 1
    """Of the first line, from 1."""
    offset: int = 0
    raw: bytes = b""
    """Ends with a line feed, except at the end of a file whose last line has no line end."""
    _lines: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        """Give the lines without their line ends; they are cut when they are asked for."""
        if not self._lines:
            self._lines = lines_of(self.raw)
        return self._lines

    def lines_between(self, first: int, stop: int) -> Iterator[Line]:
        """Give the lines from one to another, counted from the first of the block."""
        if first == stop:
            return
        offset = self.offset + sum(map(len, self.lines[:first])) + first
        for at in range(first, stop):
            raw = self.lines[at]
            ended = at + 1 < self.count or self.raw.endswith(b"\n")
            yield Line(self.number + at, offset, raw, ended)
            offset += len(raw) + 1


def sealed_blocks(
    stream: BinaryIO, max_bytes: int, file_number: int | None
) -> Generator[SealedBlock, None, None]:
    """Give the blocks of a stream that stands at its start, in order. Memory: some blocks.

    ``file_number`` is what places call the file behind it; None: there is none, and nothing in it is sealed.

    Raises:
        LineTooLong: a line has more bytes than allowed; the lines before it were given.
    """
    number, offset = 1, 0
    if file_number is not None and has_two_processors() and _size(stream) >= WORTHWHILE:
        for block in _found_by_others(stream.fileno(), _size(stream), max_bytes, file_number):
            yield block
            number, offset = number + block.count, offset + block.size
        stream.seek(offset)
    for one in read_blocks(stream, max_bytes=max_bytes, number=number):
        runs = [] if file_number is None else sealed_runs(one.raw, offset, file_number)
        yield SealedBlock(len(one.raw), len(one.lines), runs, one.number, offset, one.raw, one.lines)
        offset += len(one.raw)


def _found_by_others(
    descriptor: int, size: int, max_bytes: int, file_number: int
) -> Generator[SealedBlock, None, None]:
    cuts = partial(_cuts, descriptor, size, max_bytes)
    number, offset = 1, 0
    with InTurns(cuts, partial(_look, descriptor, file_number)) as found:
        for block in found:
            block.number, block.offset = number, offset
            block.raw = _read(descriptor, offset, block.size)
            yield block
            number, offset = number + block.count, offset + block.size


def _cuts(descriptor: int, size: int, max_bytes: int) -> Iterator[tuple[int, int]]:
    """Give where blocks of whole lines start and stop, as far as no line is too long."""
    start = 0
    while start < size:
        stop = start + _SIZE - 1
        while (end := os.pread(descriptor, _LINE_END, stop).find(b"\n")) < 0 and stop < size:
            stop += _LINE_END
            if stop - start > max_bytes:
                return
        stop = size if end < 0 else stop + end + 1
        yield start, stop
        start = stop


def _look(descriptor: int, file_number: int, cut: tuple[int, int]) -> Iterator[SealedBlock]:
    start, stop = cut
    raw = _read(descriptor, start, stop - start)
    count = raw.count(b"\n") + (not raw.endswith(b"\n"))
    yield SealedBlock(stop - start, count, sealed_runs(raw, start, file_number))


def _read(descriptor: int, offset: int, size: int) -> bytes:
    raw = os.pread(descriptor, size, offset)
    if len(raw) < size:
        raise changed()
    return raw


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size
