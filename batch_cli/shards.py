"""Shards: a request file cut into parts that each fit one batch, as views on the file, never as copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from batch_cli.errors import InvalidInput, Problem, ProblemLog, quoted
from batch_cli.jsonl import Line, LineTooLong, is_blank, read_lines
from batch_cli.model import Limits


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive requests of a file, by their place in it."""

    first: int
    """The index of its first request in the whole file, from 0; blank lines are not counted."""
    offset: int
    """Where the line of its first request starts, in bytes."""
    length: int
    """From there to the end of its last line, in bytes of the file; blank lines in between included."""
    requests: int
    bytes: int
    """Its lines as they are sent, each ended by ``\\n``, blank lines left out."""
    sha256: str
    """Over the same bytes."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A whole file in shards, in its order."""

    shards: list[Shard]
    """Some 300 bytes of memory each, whatever they hold."""
    sha256: str
    """Over the lines of the whole file, each ended by ``\\n``, blank lines left out."""


def cut(stream: BinaryIO, limits: Limits, name: str, problems: ProblemLog) -> Cut:
    """Cut a request file into as few shards as its order allows, each within ``limits``, in one pass.

    Every shard takes what still fits, so the same file under the same limits gives the same shards.
    A request that is alone larger than a batch may be goes to ``problems`` (E403) and into no shard.
    Memory: one line, and the shards.

    Raises:
        InvalidInput: it is not the file that was checked before (E505), seen by a line that is too long.
    """
    shards: list[Shard] = []
    whole = sha256()
    index = 0
    open_shard: _OpenShard | None = None
    for line in _requests(stream, limits, name):
        whole.update(line.raw)
        whole.update(b"\n")
        if limits.bytes is not None and len(line.raw) + 1 > limits.bytes:
            problems.add(_too_large(line, limits.bytes, name))
            continue
        if open_shard is None or not open_shard.has_room(line, limits):
            if open_shard is not None:
                shards.append(open_shard.close())
            open_shard = _OpenShard(index, line.offset)
        open_shard.add(line)
        index += 1
    if open_shard is not None:
        shards.append(open_shard.close())
    return Cut(shards, whole.hexdigest())


def _too_large(line: Line, limit: int, name: str) -> Problem:
    return Problem(
        "E403",
        f"request too large: {len(line.raw) + 1:,} bytes, one batch may have {limit:,}",
        "shorten the request, or allow larger batches",
        name,
        line.number,
    )


class _OpenShard:
    """A shard while requests are put into it."""

    __slots__ = ("_digest", "bytes", "end", "first", "offset", "requests")

    def __init__(self, first: int, offset: int) -> None:
        self.first, self.offset, self.end = first, offset, offset
        self.requests = self.bytes = 0
        self._digest = sha256()

    def has_room(self, line: Line, limits: Limits) -> bool:
        return (limits.requests is None or self.requests < limits.requests) and (
            limits.bytes is None or self.bytes + len(line.raw) + 1 <= limits.bytes
        )

    def add(self, line: Line) -> None:
        self._digest.update(line.raw)
        self._digest.update(b"\n")
        self.requests += 1
        self.bytes += len(line.raw) + 1
        self.end = line.offset + len(line.raw) + line.ended

    def close(self) -> Shard:
        digest = self._digest.hexdigest()
        return Shard(self.first, self.offset, self.end - self.offset, self.requests, self.bytes, digest)


def shard_lines(stream: BinaryIO, shard: Shard, limits: Limits, name: str) -> Iterator[bytes]:
    """Give the request lines of a shard in order, without line ends, one in memory at a time.

    ``stream`` is the file the shard was cut from, or one with the same requests at the same places.

    Raises:
        InvalidInput: after the last line, when they are not the lines that were cut (E505).
    """
    stream.seek(shard.offset)
    digest, left = sha256(), shard.requests
    for line in _requests(stream, limits, name):
        digest.update(line.raw)
        digest.update(b"\n")
        yield line.raw
        left -= 1
        if not left:
            break
    if digest.hexdigest() != shard.sha256:
        raise changed(name)


def changed(name: str) -> InvalidInput:
    """Give the error for a file that is no longer what was checked."""
    return InvalidInput(
        f"{quoted(name)} changed while it was read",
        hint="run the same command again when nobody writes to it",
        reference="E505",
    )


def _requests(stream: BinaryIO, limits: Limits, name: str) -> Iterator[Line]:
    try:
        for line in read_lines(stream, max_bytes=limits.line_bytes):
            if not is_blank(line.raw):
                yield line
    except LineTooLong:
        raise changed(name) from None
