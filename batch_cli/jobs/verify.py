"""Verify: an output file held against its manifest, line by line, and against the requests that it answers."""

from __future__ import annotations

import enum
import os
from array import array
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from batch_cli.errors import BatchCliError, DamagedData, ExitCode, Problem, ProblemLog, StateError, quoted
from batch_cli.events import Phase, Progress
from batch_cli.files import open_input, resolve_output
from batch_cli.id_index import IdIndex
from batch_cli.jobs.asked import Asked, Source, read_requests
from batch_cli.jobs.line_alignment import Change, Difference, differences
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import Line, LineTooLong, loads, read_lines
from batch_cli.model import JsonObject, object_of
from batch_cli.results import Summary, checksums_of, manifest_path, summary_of

_LONGEST_LINE = 256_000_000
_REPORT_EVERY = 5_000
_AGAIN = "write the results again: batch-cli results … -o FILE --force"


class Outcome(enum.StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    output: str
    checks: tuple[Check, ...]
    problems: ProblemLog
    summary: Summary
    """The counts that the manifest holds."""
    manifest: JsonObject

    @property
    def exit_code(self) -> ExitCode:
        """Say what the output is worth: damaged, not every answer good, or all as it should be."""
        if self.problems.errors or self.summary.is_damaged:
            return ExitCode.DAMAGED
        return ExitCode.OK if self.summary.is_good else ExitCode.INCOMPLETE


def verify(workspace: Workspace, output: Path, requests: Source | None) -> Verified:
    """Read ``output`` from its first to its last byte and hold it against ``output.meta.json``.

    Without ``requests`` those are taken that the manifest names, if they are still what they were.
    Memory: some 40 bytes for each line, while requests are known.

    Raises:
        InvalidInput: the output or the requests cannot be read.
        StateError: there is no manifest.
        DamagedData: the manifest itself cannot be read.
    """
    target = resolve_output(output)
    name = str(output)
    with open_input(target) as stream:
        manifest = _manifest_of(target)
        summary = _summary_of(manifest, target)
        if manifest.get("format", "lines") != "lines":
            return _verify_bytes(stream, name, summary, manifest)
        asked = _asked(manifest, requests)
        problems = ProblemLog()
        reading = _Reading(name, problems, None if asked is None else _Answered(asked, name, problems))
        reading.read(stream, workspace, summary.rows)
        checks = tuple(_checks(reading, summary, manifest, stream, asked))
    return Verified(name, checks, problems, summary, manifest)


def _verify_bytes(stream: BinaryIO, name: str, summary: Summary, manifest: JsonObject) -> Verified:
    """Hold an output in another form than our lines against its hash; nobody reads it back row by row."""
    problems, digest, size = ProblemLog(), sha256(), 0
    while block := stream.read(1 << 20):
        digest.update(block)
        size += len(block)
    check = _hash_check(size, digest.hexdigest(), summary)
    if check.outcome is Outcome.FAILED:
        problems.add(Problem("E715", "the file is not what was written", _AGAIN, name))
    why = f"only lines can be read back; this is {manifest['format']}"
    left = (Check(one, Outcome.SKIPPED, why) for one in ("lines", "rows", "counts", "requests"))
    return Verified(name, (check, *left), problems, summary, manifest)


def _hash_check(size: int, found: str, summary: Summary) -> Check:
    here = f"{size:,} bytes, {found[:16]}…"
    if (size, found) == (summary.bytes, summary.sha256):
        return Check("sha256", Outcome.OK, here)
    written = f"{summary.bytes:,}, {summary.sha256[:16]}…"
    return Check("sha256", Outcome.FAILED, f"{here}; written were {written}")


def _manifest_of(target: Path) -> JsonObject:
    path = manifest_path(target)
    try:
        with open_input(path) as stream:
            facts = loads(stream.read())
    except BatchCliError as error:
        raise StateError(
            f"{quoted(str(target))} has no manifest",
            where=f"{path.name} would stand beside it",
            hint="batch-cli results … -o FILE writes both; keep them together",
        ) from error
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(facts, dict):
        raise _damaged(path)
    return facts


def _damaged(path: Path) -> DamagedData:
    return DamagedData(f"the manifest {quoted(str(path))} is damaged", hint=_AGAIN, reference="E710")


def _summary_of(manifest: JsonObject, target: Path) -> Summary:
    try:
        summary = summary_of(manifest)
        whole = isinstance(summary.sha256, str) and all(
            isinstance(count, int) for count in (summary.rows, summary.ok, summary.failed, summary.missing)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(manifest_path(target)) from error
    if not whole:
        raise _damaged(manifest_path(target))
    return summary


def _asked(manifest: JsonObject, requests: Source | None) -> Asked | None:
    """Give the requests that were named, or those that the manifest names, as far as they are what they were."""
    if requests is not None:
        return read_requests(requests)
    said = object_of(manifest.get("requests"))
    file = said.get("file")
    if not isinstance(file, str):
        return None
    path = Path(file)
    try:
        asked = read_requests(Source(lambda: open_input(path), path.name))
    except BatchCliError:  # moved, changed, or a messages file
        return None
    return asked if asked.scan.sha256 == said.get("sha256") else None


# --- one pass over the output ---


@dataclass(slots=True)
class _Reading:
    """What is in an output file."""

    name: str
    problems: ProblemLog
    answered: _Answered | None
    bytes: int = 0
    sha256: str = ""
    checksums: array[int] = field(default_factory=lambda: array("I"))
    starts: array[int] = field(default_factory=lambda: array("Q"))
    found: Summary = field(default_factory=Summary)
    unread: list[tuple[int, str]] = field(default_factory=list)
    """Lines that are no rows: the first few, and why."""
    unreadable: int = 0
    twice: int = 0
    is_cut: bool = False
    ids: IdIndex = field(default_factory=IdIndex)

    def read(self, stream: BinaryIO, workspace: Workspace, total: int) -> None:
        digest = sha256()
        try:
            for line in read_lines(stream, max_bytes=_LONGEST_LINE):
                whole = line.raw + b"\n" if line.ended else line.raw
                self.is_cut = not line.ended
                digest.update(whole)
                self.checksums.append(crc32(whole))
                self.starts.append(line.offset)
                self.bytes = line.offset + len(whole)
                self._row(line)
                if line.number % _REPORT_EVERY == 0:
                    workspace.say(Progress(Phase.CHECK, line.number, total, unit="lines"))
        except LineTooLong as error:
            self._unreadable(error.number, f"longer than {_LONGEST_LINE:,} bytes")
        self.sha256 = digest.hexdigest()

    def _row(self, line: Line) -> None:
        try:
            row = object_of(loads(line.raw))
        except ValueError:
            self._unreadable(line.number, "this line is not JSON")
            return
        custom_id, error = row.get("custom_id"), row.get("error")
        if not isinstance(custom_id, str):
            self._unreadable(line.number, "this line is no row of results: it has no custom_id")
            return
        found = self.found
        found.rows += 1
        if error is None:
            found.ok += 1
        elif object_of(error).get("type") == "missing":
            found.missing += 1
        else:
            found.failed += 1
        first = self.ids.add(custom_id, line.number)
        if first is not None:
            self.twice += 1
            if self.twice == 1:
                self.unread.append(
                    (line.number, f'the id "{custom_id[:64]}" stands on line {first:,} already')
                )
        if self.answered is not None:
            self.answered.take(custom_id, line.number)

    def _unreadable(self, line: int, why: str) -> None:
        self.unreadable += 1
        if self.unreadable == 1:
            self.unread.append((line, why))


class _Answered:
    """Which requests the rows answer, in which order."""

    def __init__(self, asked: Asked, name: str, problems: ProblemLog) -> None:
        self.asked, self.name = asked, name
        self.index = IdIndex()
        for number, custom_id in enumerate(asked.ids(), start=1):
            self.index.add(custom_id, number)
        self.found = ProblemLog(problems.keep)
        self.last = 0
        self.rows = 0
        self.is_in_order = True

    def take(self, custom_id: str, line: int) -> None:
        number = self.index.get(custom_id)
        if number is None:
            self._problem(f'"{custom_id[:64]}" answers no request', line, custom_id)
            return
        self.rows += 1
        if number != self.last + 1:
            self.is_in_order = False
        self.last = number

    def finish(self, order: str, lines: int) -> None:
        if self.rows != self.index.count:
            count = abs(self.index.count - self.rows)
            what = "requests have no row" if self.rows < self.index.count else "rows are too many"
            self._problem(f"{count:,} {what}", lines or 1)
        elif order == "input" and not self.is_in_order:
            self._problem("the rows are not in the order of the requests", 1)

    def _problem(self, message: str, line: int, custom_id: str | None = None) -> None:
        hint = "name the requests that this output answers, or write it again"
        self.found.add(Problem("E717", message, hint, self.name, line, custom_id=custom_id))


# --- the verdict ---


def _checks(
    reading: _Reading, summary: Summary, manifest: JsonObject, stream: BinaryIO, asked: Asked | None
) -> Iterator[Check]:
    is_whole = (reading.bytes, reading.sha256) == (summary.bytes, summary.sha256)
    located = _lines_check(reading, manifest, stream)
    yield _hash_check(reading.bytes, reading.sha256, summary)
    yield located
    yield _rows_check(reading)
    yield _counts_check(reading, summary)
    yield _requests_check(reading, manifest, asked, is_whole=is_whole)
    if not is_whole and not reading.problems.errors:
        message = "the file is not what was written" + (": its end is missing" if reading.is_cut else "")
        reading.problems.add(Problem("E715", message, _AGAIN, reading.name))


def _lines_check(reading: _Reading, manifest: JsonObject, stream: BinaryIO) -> Check:
    written = checksums_of(manifest)
    if written is None:
        return Check("lines", Outcome.SKIPPED, "the manifest has no checksums of lines")
    count = 0
    for change in differences(written, reading.checksums):
        count += 1
        reading.problems.add(_problem_of(change, reading, stream))
    if count:
        return Check("lines", Outcome.FAILED, f"{count:,} differ from what was written")
    return Check("lines", Outcome.OK, f"{len(written):,}, each as it was written")


_CODES = {
    Difference.CHANGED: "E711",
    Difference.LOST: "E712",
    Difference.DOUBLED: "E713",
    Difference.MOVED: "E714",
    Difference.FOREIGN: "E711",
}


def _problem_of(change: Change, reading: _Reading, stream: BinaryIO) -> Problem:
    custom_id = None
    if change.kind is not Difference.LOST and reading.problems.has_room:
        custom_id = _id_at(reading, change.line, stream)
    whose = f' ("{custom_id[:64]}")' if custom_id is not None else ""
    match change.kind:
        case Difference.CHANGED:
            message = f"this line{whose} is not what was written here"
            if reading.is_cut and change.line == len(reading.checksums):
                message = f"the file is cut off in this line{whose}"
        case Difference.LOST:
            message = f"line {change.written:,} of what was written is missing here"
        case Difference.DOUBLED:
            message = f"this line{whose} was written once, as line {change.written:,}, and is here again"
        case Difference.MOVED:
            message = f"this line{whose} was written as line {change.written:,}"
        case Difference.FOREIGN:
            message = f"this line{whose} was never written"
    return Problem(_CODES[change.kind], message, _AGAIN, reading.name, change.line, custom_id=custom_id)


def _id_at(reading: _Reading, line: int, stream: BinaryIO) -> str | None:
    start = reading.starts[line - 1]
    end = reading.starts[line] if line < len(reading.starts) else reading.bytes
    try:
        custom_id = object_of(loads(os.pread(stream.fileno(), end - start, start))).get("custom_id")
    except ValueError:
        return None
    return custom_id if isinstance(custom_id, str) else None


def _rows_check(reading: _Reading) -> Check:
    if not reading.unread:
        return Check("rows", Outcome.OK, f"{reading.found.rows:,}, each with an id of its own")
    if not reading.problems.errors:
        for line, why in reading.unread:
            reading.problems.add(Problem("E718", why, _AGAIN, reading.name, line))
    bad = reading.unreadable + reading.twice
    return Check("rows", Outcome.FAILED, f"{bad:,} are no rows, or have an id that was there before")


def _counts_check(reading: _Reading, summary: Summary) -> Check:
    found = reading.found
    names = ("rows", "ok", "failed", "missing")
    wrong = [name for name in names if getattr(found, name) != getattr(summary, name)]
    said = ", ".join(f"{getattr(summary, name):,} {name}" for name in names)
    if not wrong:
        return Check("counts", Outcome.OK, said)
    here = ", ".join(f"{getattr(found, name):,} {name}" for name in names)
    if not reading.problems.errors:
        message = f"the manifest counts {said}; the file has {here}"
        reading.problems.add(Problem("E716", message, _AGAIN, reading.name))
    return Check("counts", Outcome.FAILED, f"{here}; the manifest says {said}")


def _requests_check(reading: _Reading, manifest: JsonObject, asked: Asked | None, *, is_whole: bool) -> Check:
    answered = reading.answered
    if asked is None or answered is None:
        return Check(
            "requests", Outcome.SKIPPED, "the request file is not at hand; name it with --requests FILE"
        )
    said = object_of(manifest.get("requests"))
    answered.finish(str(manifest.get("order")), len(reading.checksums))
    is_other = said.get("sha256") not in (None, asked.scan.sha256)
    if not answered.found.errors:
        note = "; the file was changed since it was submitted" if is_other else ""
        return Check("requests", Outcome.OK, f"{asked.scan.requests:,}, each with one row{note}")
    if is_whole or not reading.problems.errors:  # else it follows from what was told already
        for problem in answered.found.kept:
            reading.problems.add(problem)
    what = "these are not the requests that were submitted; " if is_other else ""
    return Check("requests", Outcome.FAILED, f"{what}{answered.found.errors:,} contradictions")
