"""The requests that results are held against: a file of them, read once for its ids and again in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from batch_cli.errors import Finding, ProblemLog
from batch_cli.jobs.check import guess_provider, rules_of
from batch_cli.jsonl import is_blank, lines_of, loads, raw_blocks
from batch_cli.model import JsonObject, Limits
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.providers.rules import missing
from batch_cli.request_file import Scan, scan


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
    id_field = codec.id_field

    def check_id(request: JsonObject) -> Iterator[Finding]:
        if not isinstance(request.get(id_field), str):
            yield missing(id_field, "results are found by it")

    problems = ProblemLog()
    # No limits: the requests of several batches may have been joined in one file.
    rules = replace(rules_of(codec), check=check_id, limits=Limits())
    with source.open() as stream:
        found = scan(stream, source.name, rules, problems)
    problems.refuse_errors(source.name)
    return Asked(source, codec, found)


def _ids(source: Source, codec: Codec) -> Iterator[str]:
    for some in _id_blocks(source, codec.id_field):
        yield from some()


def _id_blocks(source: Source, id_field: str) -> Iterator[Callable[[], list[str]]]:
    # The file was checked, so an id at the start of a line is the only one there.
    at_start = re.compile(rb'\{"%b": ?"([^"\\\n]+)"' % id_field.encode())
    with source.open() as stream:
        for raw in raw_blocks(stream, max_bytes=Limits().line_bytes):
            yield partial(_ids_in, raw, at_start, id_field)


def _ids_in(raw: bytes, at_start: re.Pattern[bytes], id_field: str) -> list[str]:
    lines = lines_of(raw)
    found = list(map(at_start.match, lines))
    if None in found:
        return [
            loads(line)[id_field] if head is None else head[1].decode("utf-8")
            for line, head in zip(lines, found, strict=True)
            if head is not None or not is_blank(line)
        ]
    return b"\n".join([head[1] for head in found if head is not None]).decode("utf-8").split("\n")
