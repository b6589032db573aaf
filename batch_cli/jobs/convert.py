"""Convert: a request file of one provider written in the dialect of another, and what was lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from batch_cli.dialects.base import Loss, Losses, Reading, Unsupported
from batch_cli.dialects.openai import as_chat
from batch_cli.digest import Digest
from batch_cli.errors import Finding, Problem, ProblemLog, Severity
from batch_cli.events import Phase, Progress
from batch_cli.files import PartFile
from batch_cli.jobs.check import rules_of
from batch_cli.jobs.workspace import Workspace
from batch_cli.json_faults import locate
from batch_cli.jsonl import dumps, dumps_exactly, exact, loads, loads_exactly
from batch_cli.line_pattern import LinePattern
from batch_cli.messages import RequestIds
from batch_cli.model import CHAT, JsonObject, Limits
from batch_cli.providers.base import Codec
from batch_cli.request_file import Scan, Scanner
from batch_cli.results import Sink

_MOST_KINDS = 500
"""Kinds of losses that are told apart; a file in which every line has another bounds its memory by this."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From whom to whom, and what is said anew."""

    source: Codec
    target: Codec
    model: str | None = None
    """The model that every line is to name, as the target calls it; None keeps each line's own."""
    max_tokens: int = 1000
    """The length limit where the target demands one and a line has none."""


class Converted(NamedTuple):
    """What became of one line."""

    line: bytes
    """Without the line end; empty where there are ``findings``."""
    losses: tuple[Loss, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Why it cannot be written at all."""
    endpoint: str = CHAT
    schema: JsonObject | None = None
    """The JSON Schema that the answer has to follow."""


def convert_line(value: JsonObject, number: int, custom_id: str, conversion: Conversion) -> Converted:
    """Give a parsed line, found right by its own dialect, in the target's: a pure function.

    ``number`` counts from 1. ``custom_id`` is the line's own, or what was made up for one without.
    """
    source, target = conversion.source, conversion.target
    if source is target and target.is_own(value):
        named = value if conversion.model is None else target.with_model(value, conversion.model)
        endpoint = str(value.get("url", CHAT))
        return Converted(dumps_exactly(named), endpoint=endpoint, schema=target.schema_of(value))
    try:
        reading = source.read_line(value, number)
        if reading.request.endpoint not in target.endpoints:
            reading = as_chat(reading, target.title)
    except Unsupported as error:
        return Converted(b"", (), (Finding("E305", str(error), error.path, error.hint),))
    model = conversion.model or reading.request.model
    request = replace(reading.request, custom_id=custom_id, model=model)
    losses = Losses()
    try:
        written = target.write_line(request, losses, max_tokens=conversion.max_tokens)
    except Unsupported as error:
        return Converted(b"", (), (_placed(error, reading),))
    wrong = tuple(
        _in_target(found, target) for found in target.check(written) if found.severity is Severity.ERROR
    )
    if wrong:
        return Converted(b"", (), wrong)
    own = (Loss(reading.places.own(loss.path), loss.reason) for loss in losses.found)
    return Converted(
        dumps_exactly(written), (*reading.losses, *own), (), request.endpoint, target.schema_of(written)
    )


def _placed(error: Unsupported, reading: Reading) -> Finding:
    """Say what a writer has against a request in the words of the line that it was read from."""
    if not error.path:
        return Finding("E305", str(error), "", error.hint)
    own = reading.places.own(error.path)
    return Finding("E305", str(error).replace(error.path, own), own, error.hint)


def _in_target(found: Finding, target: Codec) -> Finding:
    """Say what the target has against a line that was written for it; its paths are not the source's."""
    hint = "name the model with --model NAME" if found.path.endswith(".model") else found.hint
    return Finding(found.code, f"for {target.title}: {found.message}", "", hint)


# --- what was lost, over a whole file ---


@dataclass(slots=True)
class LostField:
    """One kind of loss in a file."""

    path: str
    """The field, with ``[*]`` for any index."""
    reason: str
    first_line: int
    lines: int = 0
    """How many lines lost it."""

    @property
    def sentence(self) -> str:
        """Tell it to a person."""
        count = f"{self.lines:,} line{'' if self.lines == 1 else 's'}"
        return f"lost: {self.path} on {count} (first line {self.first_line}): {self.reason}"


_INDEX = re.compile(r"\[\d+\]")


class LossTally:
    """Counts losses by field and reason, in the order of meeting them. Bounded memory."""

    def __init__(self) -> None:
        """Begin with nothing lost."""
        self._found: dict[tuple[str, str], LostField] = {}

    def add(self, losses: tuple[Loss, ...], line: int, lines: int = 1) -> None:
        """Count what ``lines`` lines from number ``line`` on lost; a field that one lost twice counts once."""
        for key in dict.fromkeys((_INDEX.sub("[*]", loss.path), loss.reason) for loss in losses):
            kind = (
                key if key in self._found or len(self._found) < _MOST_KINDS else ("more", "too many to tell")
            )
            self._found.setdefault(kind, LostField(*kind, line)).lines += lines

    @property
    def fields(self) -> list[LostField]:
        """Give what was lost."""
        return list(self._found.values())


# --- lines of one pattern ---


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the lines of one pattern become: constant parts around texts, and what each line loses."""

    form: bytes
    """For ``%``: ``%b`` where a text goes, as it stands between the quotes of a JSON string."""
    order: tuple[int, ...]
    """Which text of the pattern goes where."""
    done: Converted

    @classmethod
    def of(cls, pattern: LinePattern, id_at: int, conversion: Conversion) -> Self | None:
        """Convert a line of the pattern with marks for texts; None where a text does not simply travel.

        That holds because a conversion moves texts, puts fixed words around them, and never looks inside.
        """
        marks = [f"{_MARK}{at:06d}" for at in range(pattern.size)]
        value = loads_exactly(pattern.join([mark.encode() for mark in marks]))
        done = convert_line(value, 1, marks[id_at], conversion)
        pieces = _MARKED.split(done.line)
        order = tuple(map(int, pieces[1::2]))
        if done.findings or sorted(order) != list(range(pattern.size)):
            return None
        form = b"%b".join(piece.replace(b"%", b"%%") for piece in pieces[::2])
        return cls(form, order, done)

    def lines(self, texts: list[str], size: int) -> list[bytes]:
        """Write the lines whose texts these are, ``size`` of them for each."""
        written = [dumps(text)[1:-1] for text in texts]
        form = self.form
        return [form % each for each in zip(*(written[at::size] for at in self.order), strict=True)]


_MARK = "batch-cli_text_"
_MARKED = re.compile(_MARK.encode() + rb"(\d{6})")


# --- a whole file ---

_BARE: JsonObject = {"model": "", "messages": []}


class Converter:
    """One pass over a file: takes its good lines, converts them, and gathers problems and losses."""

    def __init__(
        self, conversion: Conversion, name: str, problems: ProblemLog, *, strict: bool = False
    ) -> None:
        """``strict`` makes a problem of every loss."""
        self.conversion, self.name, self.problems, self.strict = conversion, name, problems, strict
        self.lost = LossTally()
        self.scan = Scan()
        """What was written: counts, hash and urls of the converted lines."""
        self.written: list[bytes] = []
        """Lines that wait for `drain`."""
        source = conversion.source
        may_lack_ids = source.is_readable(_BARE) and not source.is_own(_BARE)
        self._ids = RequestIds("request-") if may_lack_ids else None
        self._position = -1
        self._digest = Digest()
        self._same_schema = True
        self._frames: dict[LinePattern, _Frame | None] = {}

    def take(self, raw: bytes, number: int, value: JsonObject) -> None:
        """Convert one line; its problems are noted where that cannot be."""
        done = convert_line(exact(raw, value), number, self._id_of(raw, number, value), self.conversion)
        for found in done.findings:
            self._problem(raw, number, found.code, found.message, found.path, found.hint)
        if done.findings:
            return
        if self.strict:
            for loss in done.losses:
                message = f"{loss.path or 'the line'} would be lost: {loss.reason}"
                self._problem(raw, number, "E305", message, loss.path, "remove it, or leave out --strict")
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
        """Give the lines that were converted since the last time, without line ends."""
        lines, self.written = self.written, []
        return lines

    def finish(self) -> Scan:
        """Give what was written, after the last line."""
        self.scan.sha256 = self._digest.finish()
        if not self._same_schema:
            self.scan.schema = None
        return self.scan

    def _frame(self, pattern: LinePattern) -> _Frame | None:
        if pattern not in self._frames:
            # Ids that are made up count lines, so those are converted one by one.
            made = self._ids is not None
            self._frames[pattern] = (
                None if made else _Frame.of(pattern, self._id_at(pattern), self.conversion)
            )
        return self._frames[pattern]

    def _id_at(self, pattern: LinePattern) -> int:
        return pattern.paths.index((self.conversion.source.id_field,))

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
        self._digest.update(text)
        self.written += lines

    def _id_of(self, raw: bytes, number: int, value: JsonObject) -> str:
        own = str(value.get(self.conversion.source.id_field, ""))
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

    def report(lines: int) -> None:
        workspace.say(Progress(Phase.CHECK, lines, None, unit="lines"))

    scanner = _scanner(converter)
    with open_file() as stream:
        for _ in scanner.read(stream, report):
            if lines := converter.drain():
                write(b"\n".join(lines) + b"\n")
    scanner.finish()
    converter.finish()
    return scanner.result


def converted_lines(stream: BinaryIO, conversion: Conversion) -> Iterator[bytes]:
    """Give the lines of a file that `check_conversion` found right, converted, without line ends."""
    converter = Converter(conversion, "", ProblemLog(0))
    for _ in _scanner(converter).read(stream, None):
        yield from converter.drain()
    converter.finish()


def _scanner(converter: Converter) -> Scanner:
    rules = rules_of(converter.conversion.source)
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
    """Refuse the file if anything would be lost."""


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
    converter = Converter(order.conversion, order.name, problems, strict=order.strict)
    found = check_conversion(workspace, order.open_file, converter, write)
    problems.refuse_errors(order.name)
    return ConvertedFile(found, converter.scan, converter.lost.fields)
