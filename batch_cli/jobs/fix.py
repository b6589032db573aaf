r"""Fix: a copy of a request file without what can be repaired mechanically; no body changes its meaning.

A line that needs nothing is copied byte for byte. The order is: note every good id, write the repaired lines
beside the target, check them like any request file, and give them their name only if nothing is left.
"""

from __future__ import annotations

import enum
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from batch_cli.errors import Problem, ProblemLog
from batch_cli.files import PartFile, open_input
from batch_cli.jobs.check import scan_file
from batch_cli.jobs.clean_text import TextForm, is_json, open_clean, text_form
from batch_cli.jobs.line_repair import drop_member, member_text, set_member
from batch_cli.jobs.line_runs import LineRuns
from batch_cli.jobs.new_ids import NewIds
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import BOM, LineTooLong, dumps, is_blank, loads, raw_json, read_lines
from batch_cli.model import JsonObject
from batch_cli.providers.base import Codec
from batch_cli.request_file import Scan


class Change(enum.StrEnum):
    """What a repair did; counted in lines, but for the encoding of a file."""

    ENCODINGS = "encodings"
    MARKS = "byte_order_marks"
    LINE_ENDS = "line_ends"
    BLANK_LINES = "blank_lines"
    IDS = "ids"
    STREAMS = "streams"

    def words(self, count: int) -> str:
        """Say what was done, for people."""
        one, many = _WORDS[self]
        return f"{count:,} {one if count == 1 else many}"


_WORDS = {
    Change.ENCODINGS: ("text turned into UTF-8", "texts turned into UTF-8"),
    Change.MARKS: ("byte order mark removed", "byte order marks removed"),
    Change.LINE_ENDS: ("line end changed to LF", "line ends changed to LF"),
    Change.BLANK_LINES: ("blank line removed", "blank lines removed"),
    Change.IDS: ("id made valid", "ids made valid"),
    Change.STREAMS: ('"stream": true removed', '"stream": true removed'),
}


@dataclass(frozen=True, slots=True)
class Source:
    """The file to fix."""

    name: str
    """For messages."""
    open_raw: Callable[[], BinaryIO]
    form: TextForm

    def open(self) -> BinaryIO:
        r"""Open it as UTF-8 with lines that end at ``\n``; those are the lines that problems count."""
        return open_clean(self.open_raw, self.form)


def source_of(open_raw: Callable[[], BinaryIO], name: str, max_line_bytes: int) -> Source:
    """Look how a file is written, in two lines at most."""
    try:
        form = text_form(open_raw, max_line_bytes)
    except UnicodeDecodeError:  # neither what it looked like nor anything that can be repaired
        form = TextForm()
    return Source(name, open_raw, form)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a file."""

    output: str
    """Its name, an object's as well."""
    id_map: str | None
    """Where the old ids are, if any id was changed."""
    changes: Counter[Change]
    written: bool
    """False when something is left that only a person can repair; then there is no output."""


MAP_SUFFIX = ".ids.json"
"""Behind the name of an output: its old ids."""


def map_path(output: Path) -> Path:
    """Give where the old ids of ``output`` are kept: ``OUT.ids.json``."""
    return output.with_name(f"{output.name}{MAP_SUFFIX}")


def fix(
    workspace: Workspace,
    source: Source,
    codec: Codec,
    output: Path,
    problems: ProblemLog,
    expected_model: str | None = None,
) -> tuple[Fixed, Scan]:
    """Write a repaired copy of ``source`` to ``output``, and the ids that changed to ``output.ids.json``.

    The map is an object of ``{new id: {"line": N, "old": what stood there}}``; where no id stood, ``old`` is
    null and ``missing`` true. What cannot be repaired goes to ``problems``, placed in the source, and then
    nothing is written. Memory: one line and 16 to 32 bytes an id, as for checking.

    Raises:
        DiskError: it cannot be written.
        StateError: another process writes the same output.
    """
    ids_file = map_path(output)
    with PartFile(output) as part, PartFile(ids_file) as id_part:
        repair = _Repair(codec)
        try:
            repair.note_ids(source)
            repair.write(source, part, id_part)
        except (LineTooLong, UnicodeDecodeError):  # no copy can be made: say what is wrong with the file
            found = scan_file(workspace, source.open_raw, source.name, codec, problems, expected_model)
            return Fixed(str(output), None, Counter(), written=False), found
        part.flush()
        placed = ProblemLog(problems.keep, lambda problem: problems.add(repair.in_source(problem)))
        found = scan_file(
            workspace, lambda: open_input(part.part), source.name, codec, placed, expected_model
        )
        if placed.errors:
            return Fixed(str(output), None, repair.changes, written=False), found
        has_map = bool(repair.changes[Change.IDS])
        if has_map or ids_file.exists():  # a map of an earlier run must not be taken for this one's
            id_part.commit()
        part.commit()
    return Fixed(str(output), str(ids_file) if has_map else None, repair.changes, written=True), found


class _Line(NamedTuple):
    """A line of the output: where it came from, and its bytes before any repair of its content."""

    number: int
    """In the source."""
    raw: bytes


@dataclass(slots=True)
class _Repair:
    """One run over a file."""

    codec: Codec
    changes: Counter[Change] = field(default_factory=Counter)
    ids: NewIds = field(init=False)
    changed: LineRuns = field(default_factory=LineRuns)
    """Lines of the output whose columns are not those of the source."""
    moves: tuple[array[int], array[int]] = field(default_factory=lambda: (array("Q"), array("Q")))
    """From which line of the output on (rising) which line of the source belongs to it."""

    def __post_init__(self) -> None:
        self.ids = NewIds(self.codec)

    def note_ids(self, source: Source) -> None:
        """Read the whole file for its ids: a new one must not be one that comes later."""
        for number, line in enumerate(self._lines(source, Counter()), start=1):
            if (value := _object(line.raw)) is not None:
                self.ids.take(value.get(self.codec.id_field), number)

    def write(self, source: Source, part: PartFile, id_part: PartFile) -> None:
        """Write the repaired lines, and the ids that were changed on the way."""
        if source.form.encoding != "utf-8":
            self.changes[Change.ENCODINGS] = 1
        id_part.write(b"{")
        for number, line in enumerate(self._lines(source, self.changes), start=1):
            self._note_move(number, line.number)
            raw = self._without_stream(line.raw)
            new, entry = self._with_id(raw, number, line.number)
            if entry is not None:
                id_part.write((b",\n" if self.changes[Change.IDS] else b"\n") + entry)
                self.changes[Change.IDS] += 1
            if new != line.raw:
                self.changed.add(number)
            part.write(new + b"\n")
        id_part.write(b"\n}\n")

    def in_source(self, problem: Problem) -> Problem:
        """Place a problem of the output in the source; a changed line has no exact column there."""
        if problem.line is None:
            return problem
        output_lines, source_lines = self.moves
        at = bisect_right(output_lines, problem.line) - 1
        line = source_lines[at] + problem.line - output_lines[at]
        return replace(problem, line=line, column=None if problem.line in self.changed else problem.column)

    def _note_move(self, output_line: int, source_line: int) -> None:
        output_lines, source_lines = self.moves
        if not output_lines or source_line - source_lines[-1] != output_line - output_lines[-1]:
            output_lines.append(output_line)
            source_lines.append(source_line)

    def _lines(self, source: Source, changes: Counter[Change]) -> Iterator[_Line]:
        """Give the lines without marks, returns and blanks, and count those in ``changes``."""
        with source.open() as stream:
            for line in read_lines(stream, max_bytes=self.codec.limits.line_bytes):
                raw = line.raw
                if raw.startswith(BOM):
                    raw = raw.removeprefix(BOM)
                    changes[Change.MARKS] += 1
                returned = raw.endswith(b"\r") or (source.form.returns_end_lines and line.ended)
                pieces = _pieces(raw.removesuffix(b"\r"))
                for at, piece in enumerate(pieces, start=1):
                    if is_blank(piece):
                        changes[Change.BLANK_LINES] += 1
                    else:
                        changes[Change.LINE_ENDS] += returned or at < len(pieces)
                        yield _Line(line.number, piece)

    def _without_stream(self, raw: bytes) -> bytes:
        if b"stream" not in raw and b"\\u" not in raw:
            return raw
        value = _object(raw)
        if value is None:
            return raw
        for found in self.codec.check(value):
            if found.code == "E310" and _at(value, found.path) is True:
                new = drop_member(raw, found.path)
                self.changes[Change.STREAMS] += new != raw
                return new
        return raw

    def _with_id(self, raw: bytes, number: int, source_line: int) -> tuple[bytes, bytes | None]:
        """Give the line with a good id, and the entry of the map if it got a new one."""
        value, name = _object(raw), self.codec.id_field
        if value is None or self.ids.is_good(value.get(name), number):
            return raw, None
        new = self.ids.make(value.get(name), source_line)
        changed = raw if new is None else set_member(raw, name, new)
        if new is None or changed == raw:
            return raw, None
        old = member_text(raw, name)
        facts = {"line": source_line, "old": None if old is None else raw_json(old)}
        entry = dumps(facts if old is not None else {**facts, "missing": True})
        return changed, dumps(new) + b": " + entry


def _pieces(raw: bytes) -> list[bytes]:
    """Cut a line at returns that end lines; others are white space inside of a value, or not escaped in it."""
    if b"\r" not in raw or is_json(raw):
        return [raw]
    pieces = raw.split(b"\r")
    return pieces if all(is_blank(piece) or is_json(piece) for piece in pieces) else [raw]


def _object(raw: bytes) -> JsonObject | None:
    try:
        value = loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _at(value: JsonObject, path: str) -> object:
    found: object = value
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
