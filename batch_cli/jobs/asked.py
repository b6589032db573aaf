"""The requests that results are held against: a file of them, read once for its ids and again in their order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, Self

from batch_cli.errors import Finding, ProblemLog
from batch_cli.forked import Forked, has_two_processors
from batch_cli.jobs.check import guess_provider, rules_of
from batch_cli.jsonl import is_blank, lines_of, loads, raw_blocks
from batch_cli.model import JsonObject, Limits
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.providers.rules import missing
from batch_cli.request_file import Scan, scan

WORTHWHILE = 16_000_000
"""Bytes of requests from which on another process gains more than its start costs."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read again from its start."""

    open: Callable[[], BinaryIO]
    name: str
    """What messages call it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The requests that a result file has to answer."""

    source: Source
    codec: Codec
    """Of the requests: they may be in another dialect than the results."""
    scan: Scan

    def ids(self) -> Iterator[str]:
        """Give the ids in input order, one in memory at a time."""
        return _ids(self.source, self.codec)

    def id_blocks(self) -> Iterator[Callable[[], list[str]]]:
        """Give the ids in input order, in blocks, each of them cut out of the file when it is called."""
        return _id_blocks(self.source, self.codec.id_field)


def read_requests(source: Source) -> Asked:
    """Read the ids of a request file, whosever it is, and refuse one that has an id twice or none."""
    codec = load_codec(guess_provider(source.open))
    return Asked(source, codec, _scan(source, codec))


class ReadBeside:
    """A request file that is read as `read_requests` does while other work goes on, if there is a processor for it."""

    def __init__(self, source: Source) -> None:
        """Start. No other thread may run."""
        self._source, self._codec = source, load_codec(guess_provider(source.open))
        self._child: Forked | None = None
        with source.open() as stream:
            is_large = stream.seek(0, os.SEEK_END) >= WORTHWHILE
        if is_large and has_two_processors():
            parent = os.getpid()
            self._child = Forked(lambda: [_scan(self._source, self._codec, partial(_end_without, parent))])

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is still at work."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def has_failed(self) -> bool:
        """Tell whether it is known already that something is wrong; `result` says what."""
        return self._child is not None and self._child.has_failed()

    def result(self) -> Asked:
        """Wait for what was read; once."""
        found = None if self._child is None else self._child.result()
        if not isinstance(found, Scan):
            found = _scan(self._source, self._codec)
        return Asked(self._source, self._codec, found)


def _end_without(parent: int, _lines: int) -> None:
    """End this process if the one that wanted its work was killed."""
    if os.getppid() != parent:
        raise InterruptedError


def _scan(source: Source, codec: Codec, report: Callable[[int], None] | None = None) -> Scan:
    id_field = codec.id_field

    def check_id(request: JsonObject) -> Iterator[Finding]:
        if not isinstance(request.get(id_field), str):
            yield missing(id_field, "results are found by it")

    problems = ProblemLog()
    # No limits: the requests of several batches may have been joined in one file.
    rules = replace(rules_of(codec), check=check_id, limits=Limits())
    with source.open() as stream:
        found = scan(stream, source.name, rules, problems, report)
    problems.refuse_errors(source.name)
    return found


def _ids(source: Source, codec: Codec) -> Iterator[str]:
    for some in _id_blocks(source, codec.id_field):
        yield from some()


def _id_blocks(source: Source, id_field: str) -> Iterator[Callable[[], list[str]]]:
    # The file was checked, so an id at the start of a line is the only one there.
    at_start = re.compile(rb'\n\{"%b": ?"([^"\\\n]+)"' % id_field.encode())
    with source.open() as stream:
        for raw in raw_blocks(stream, max_bytes=Limits().line_bytes):
            yield partial(_ids_in, raw, at_start, id_field)


def _ids_in(raw: bytes, at_start: re.Pattern[bytes], id_field: str) -> list[str]:
    raw = b"\n" + raw.removesuffix(b"\n")
    found = at_start.findall(raw)
    if len(found) == raw.count(b"\n"):
        return b"\n".join(found).decode("utf-8").split("\n")
    return [loads(line)[id_field] for line in lines_of(raw) if not is_blank(line)]
