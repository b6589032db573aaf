"""Convert: a request file of one provider written in the dialect of another, and what was lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from batch_cli.dialects.base import Places, Reading
from batch_cli.digest import Digest
from batch_cli.errors import Problem, ProblemLog
from batch_cli.events import Phase, Progress
from batch_cli.files import PartFile
from batch_cli.jobs.check import rules_of
from batch_cli.jobs.conversion import (
    Conversion,
    Converted,
    Frame,
    LossTally,
    LostField,
    convert_line,
    write_request,
)
from batch_cli.jobs.workspace import Workspace
from batch_cli.json_faults import locate
from batch_cli.jsonl import exact, loads
from batch_cli.line_pattern import LinePattern
from batch_cli.messages import RequestIds, read_messages
from batch_cli.model import BatchRequest, JsonObject, Limits
from batch_cli.providers.base import Codec
from batch_cli.request_file import Scan, Scanner
from batch_cli.results import Sink

_BARE: JsonObject = {"model": "", "messages": []}


class Converter:
    """One pass over a file: takes its good lines, converts them, and gathers problems and losses."""

    def __init__(
        self,
        conversion: Conversion,
        name: str,
        problems: ProblemLog,
        *,
        strict: bool = False,
        hashed: bool = True,
    ) -> None:
        """``strict`` makes a problem of every loss; ``hashed`` asks for the hash of what is written."""
        self.conversion, self.name, self.problems, self.strict = conversion, name, problems, strict
        self.lost = LossTally()
        self.scan = Scan()
        """What was written: counts, hash and urls of the converted lines."""
        self.written: list[bytes] = []
        """Blocks of lines that wait for `drain`."""
        self._hashed = hashed
        source = conversion.source
        may_lack_ids = source is not None and source.is_readable(_BARE) and not source.is_own(_BARE)
        self._ids = RequestIds("request-") if may_lack_ids else None
        self._position = -1
        self._digest = Digest()
        self._same_schema = True
        self._frames: dict[LinePattern, Frame | None] = {}

    def take(self, raw: bytes, number: int, value: JsonObject) -> None:
        """Convert one line; its problems are noted where that cannot be."""
        custom_id = self._id_of(raw, number, value)
        self._take(convert_line(exact(raw, value), number, custom_id, self.conversion), raw, number)

    def take_request(self, request: BatchRequest) -> None:
        """Convert one request of a messages file."""
        self._take(write_request(Reading(request, Places("")), self.conversion), b"{}", request.line)

    def _take(self, done: Converted, raw: bytes, number: int) -> None:
        for found in done.findings:
            self._problem(raw, number, found.code, found.message, found.path, found.hint)
        if done.findings:
            return
        if self.strict:
            for loss in done.losses:
                message = f"{loss.path or 'the line'} would be {loss.change}: {loss.reason}"
                hint = f"{loss.change.ahead}, or leave out --strict"
                self._problem(raw, number, "E305", message, loss.path, hint)
        self._note(done, [done.line], raw, number)

    def take_run(self, pattern: LinePattern, texts: list[str], number: int, lines: list[bytes]) -> None:
        """Convert lines of one pattern, all together where their texts simply travel."""
        frame = self._frame(pattern)
        ids = texts[self._id_at(pattern) :: pattern.size]
        if frame is None or (self.strict and frame.done.losses) or not self._are_ids(ids):
            for at, raw in enumerate(lines):
                self.take(raw, number + at, loads(raw))
            return
        self._note(frame.done, frame.lines(texts, pattern.size), lines[0], number)

    def drain(self) -> list[bytes]:
        """Give the blocks of lines that were converted since the last time, each line ended."""
        blocks, self.written = self.written, []
        return blocks

    def finish(self) -> Scan:
        """Give what was written, after the last line."""
        if self._hashed:
            self.scan.sha256 = self._digest.finish()
        if not self._same_schema:
            self.scan.schema = None
        return self.scan

    def _frame(self, pattern: LinePattern) -> Frame | None:
        if pattern not in self._frames:
            # Ids that are made up count lines, so those are converted one by one.
            made = self._ids is not None
            self._frames[pattern] = None if made else Frame.of(pattern, self._id_at(pattern), self.conversion)
        return self._frames[pattern]

    def _id_at(self, pattern: LinePattern) -> int:
        return pattern.paths.index((_source(self.conversion).id_field,))

    def _are_ids(self, ids: list[str]) -> bool:
        target = self.conversion.target
        if max(map(len, ids)) <= target.limits.id_length and _PLAIN_IDS.fullmatch("".join(ids)):
            return True
        return not any(any(target.check_id(custom_id)) for custom_id in ids)

    def _note(self, done: Converted, lines: list[bytes], raw: bytes, number: int) -> None:
        """Count lines that became what ``done`` says; the first of them was ``raw``, number ``number``."""
        self.lost.add(done.losses, number, len(lines))
        found = self.scan
        if not found.requests:
            found.schema = done.schema
        elif done.endpoint not in found.urls:
            message = f"more than one endpoint: {done.endpoint} here, {next(iter(found.urls))} before"
            self._problem(raw, number, "E309", message, "", "split the file: one batch has one endpoint")
        self._same_schema = self._same_schema and done.schema == found.schema
        found.urls[done.endpoint] += len(lines)
        found.requests += len(lines)
        text = b"\n".join(lines) + b"\n"
        found.bytes += len(text)
        if self._hashed:
            self._digest.update(text)
        self.written.append(text)

    def _id_of(self, raw: bytes, number: int, value: JsonObject) -> str:
        own = str(value.get(_source(self.conversion).id_field, ""))
        if self._ids is None:
            return own
        self._position += 1
        custom_id, first = self._ids.note(own, self._position, number)
        if first is not None and not own:
            message = f'the made-up id "{custom_id}" is that of line {first}'
            self._problem(raw, number, "E307", message, "", "give every line a custom_id")
        return custom_id

    def _problem(self, raw: bytes, number: int, code: str, message: str, path: str, hint: str | None) -> None:
        column = locate(raw.decode("utf-8"), path) if path else 1
        self.problems.add(Problem(code, message, hint, self.name, number, column, path or None))


_PLAIN_IDS = re.compile("[A-Za-z0-9_-]*")


def check_conversion(
    workspace: Workspace,
    open_file: Callable[[], BinaryIO],
    converter: Converter,
    write: Callable[[bytes], object] = len,
) -> Scan:
    """Check every line by its own dialect's rules and convert it, in one pass; the lines go to ``write``.

    What is wrong goes to the converter's problems. The source's limits do not matter: nothing is sent there.
    Gives what was read; the converter's own scan is what was written.
    """
    if converter.conversion.source is None:
        return _convert_messages(open_file, converter, write)

    def report(lines: int) -> None:
        workspace.say(Progress(Phase.CHECK, lines, None, unit="lines"))

    scanner = _scanner(converter)
    with open_file() as stream:
        for _ in scanner.read(stream, report):
            for block in converter.drain():
                write(block)
    scanner.finish()
    converter.finish()
    return scanner.result


def _convert_messages(
    open_file: Callable[[], BinaryIO], converter: Converter, write: Callable[[bytes], object]
) -> Scan:
    with open_file() as stream:
        for request in read_messages(
            stream, converter.name, converter.problems, converter.conversion.messages
        ):
            converter.take_request(request)
            for block in converter.drain():
                write(block)
    return converter.finish()


def converted_lines(stream: BinaryIO, conversion: Conversion) -> Iterator[bytes]:
    """Give the lines of a file that `check_conversion` found right, converted, without line ends."""
    converter = Converter(conversion, "", ProblemLog(0), hashed=False)
    for _ in _scanner(converter).read(stream, None):
        for block in converter.drain():
            yield from block.split(b"\n")[:-1]


def _source(conversion: Conversion) -> Codec:
    if conversion.source is None:
        raise ValueError("a messages file has no request lines")
    return conversion.source


def _scanner(converter: Converter) -> Scanner:
    rules = rules_of(_source(converter.conversion))
    unlimited = replace(rules, limits=Limits(line_bytes=rules.limits.line_bytes), one_model=False)
    return Scanner(converter.name, unlimited, converter.problems, converter)


@dataclass(frozen=True, slots=True)
class ConvertOrder:
    """What `convert_file` and `convert_to` are asked for."""

    open_file: Callable[[], BinaryIO]
    """Opens the file anew, at its start."""
    name: str
    """The file, for messages to the user."""
    conversion: Conversion
    strict: bool = False
    """Refuse the file if anything would be lost, added or moved."""
    hashed: bool = True
    """Give the hash of what is written."""


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A file that was converted."""

    read: Scan
    written: Scan
    lost: list[LostField]


def convert_file(workspace: Workspace, order: ConvertOrder, output: Path) -> ConvertedFile:
    """Write the converted file ``output`` in one step; an existing one is replaced, or stays as it is.

    Raises:
        InvalidInput: with every problem of the file; nothing is written then.
        StateError: another process is writing ``output``.
        DiskError: it cannot be written.
    """
    with PartFile(output) as part:
        converted = _convert(workspace, order, part.write)
        part.commit()
    return converted


def convert_to(workspace: Workspace, order: ConvertOrder, sink: Sink) -> ConvertedFile:
    """Write the converted lines to ``sink``, after a first pass has found the file right.

    Raises:
        InvalidInput: with every problem; nothing is written then.
    """
    _convert(workspace, order, len)
    return _convert(workspace, order, sink.write)


def _convert(workspace: Workspace, order: ConvertOrder, write: Callable[[bytes], object]) -> ConvertedFile:
    problems = ProblemLog()
    converter = Converter(order.conversion, order.name, problems, strict=order.strict, hashed=order.hashed)
    found = check_conversion(workspace, order.open_file, converter, write)
    problems.refuse_errors(order.name)
    return ConvertedFile(found, converter.scan, converter.lost.fields)
