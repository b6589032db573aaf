"""The requests that results are held against: a file of them, read once for its ids and again in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from batch_cli.errors import Finding, ProblemLog
from batch_cli.jobs.check import guess_provider, rules_of
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, Limits
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.providers.rules import missing
from batch_cli.request_file import Scan, request_lines, scan


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
    # The file was checked, so an id at the start of a line is the only one there.
    at_start = re.compile(rb'\{"%b": ?"([^"\\]+)"' % codec.id_field.encode())
    with source.open() as stream:
        for raw in request_lines(stream, Limits()):
            found = at_start.match(raw)
            yield loads(raw)[codec.id_field] if found is None else found[1].decode("utf-8")
