"""Request files: one pass that checks every line and gathers every problem, placed by line and column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from batch_cli.digest import Digest
from batch_cli.errors import Finding, Problem, ProblemLog, Severity
from batch_cli.id_index import SeenIds
from batch_cli.json_faults import Fault, locate
from batch_cli.jsonl import Block, LineTooLong, Readable, is_blank, read_blocks
from batch_cli.line_pattern import LinePattern, Path
from batch_cli.model import JsonObject, Limits
from batch_cli.request_line import ONE_TEXT, packed, parse_request

_PLAIN_IDS = re.compile(r"[A-Za-z0-9_-]*")
"""Characters that every dialect takes in an id."""
_MOST_PATTERNS = 4
_FREE_TRIES = 16
_LINES_TO_EARN_A_TRY = 8


@dataclass(frozen=True, slots=True)
class Rules:
    """What the lines of a file are held to; a provider's codec in the form this module needs."""

    title: str
    check: Callable[[JsonObject], Iterable[Finding]]
    id_field: str
    limits: Limits
    model_of: Callable[[JsonObject], str | None]
    schema_of: Callable[[JsonObject], JsonObject | None]
    check_id: Callable[[str], Iterable[Finding]]
    free_texts: Collection[Path]
    """The strings of which ``check`` asks at most that they are not empty; the id is not one of them."""
    one_model: bool = False
    """All lines must name the same model."""
    expected_model: str | None = None
    """The model that every line has to name, as the command line says; None where it does not matter."""


@dataclass(slots=True)
class Scan:
    """What one pass over a request file found."""

    requests: int = 0
    bytes: int = 0
    sha256: str = ""
    """Over the lines as they will be sent, each ended by ``\\n``; blank lines left out. Empty where it was not asked for."""
    models: Counter[str] = field(default_factory=Counter)
    urls: Counter[str] = field(default_factory=Counter)
    schema: JsonObject | None = None
    """The JSON Schema that every answer has to follow, if all requests ask for the same one."""


def scan(
    stream: BinaryIO,
    name: str,
    rules: Rules,
    problems: ProblemLog,
    report: Callable[[int], None] | None = None,
    *,
    hashed: bool = True,
) -> Scan:
    """Check every line of a request file in one pass; what is wrong goes to ``problems``.

    ``report`` is told the number of lines read, now and then. Memory: a block of lines, or one long line, plus
    the ids.
    """
    return Scanner(name, rules, problems).run(stream, report, hashed=hashed)


class Taker(Protocol):
    """Is given the lines of a file that are right, in order."""

    def take(self, raw: bytes, number: int, value: JsonObject) -> None:
        """Take a line, its number from 1, and what it parsed to."""
        ...

    def take_run(self, pattern: LinePattern, texts: list[str], number: int, lines: list[bytes]) -> None:
        """Take lines of one pattern, the first of them number ``number``, and the texts of all of them."""
        ...


def request_lines(stream: BinaryIO, limits: Limits) -> Iterator[bytes]:
    """Give the lines of a request file that was scanned before, without line ends and blank lines."""
    for block in read_blocks(stream, max_bytes=limits.line_bytes):
        for raw in block.lines:
            if not is_blank(raw):
                yield raw


@dataclass(frozen=True, slots=True)
class _Known:
    """A pattern, and what a line of it counts for."""

    pattern: LinePattern
    id_at: int
    """Which of its texts is the id."""
    model: str | None
    url: str | None


class Scanner:
    """The state of one pass over a file, or over a part of it."""

    def __init__(self, name: str, rules: Rules, problems: ProblemLog, taker: Taker | None = None) -> None:
        """Check the file ``name`` by ``rules``; what is wrong goes to ``problems``, what is right to ``taker``."""
        self.name, self.rules, self.problems, self.taker = name, rules, problems, taker
        self.result = Scan()
        self.ids = SeenIds()
        self.same_schema = True
        self.first_url: tuple[str, int] | None = None
        self.first_model: tuple[str, int] | None = None
        self.blank_lines: list[int] = []
        self.has_blanks = False
        """Whether the block at hand holds blank lines."""
        self.is_one_text = self.is_packed = False
        self.free = {*rules.free_texts, (rules.id_field,)}
        self.known: list[_Known] = []
        self.tries = self.spared = 0

    def run(self, stream: BinaryIO, report: Callable[[int], None] | None, *, hashed: bool) -> Scan:
        """Check a whole file."""
        digest = Digest()
        try:
            for sent in self.read(stream, report):
                if hashed:
                    digest.update(sent)
        finally:
            self.result.sha256 = digest.finish() if hashed else ""
        if not (self.is_packed or self.is_one_text):
            self.finish()
        return self.result

    def read(self, stream: Readable, report: Callable[[int], None] | None) -> Iterator[bytes]:
        """Check the lines of a file or a part, and give them in blocks as they will be sent."""
        try:
            for block in read_blocks(stream, max_bytes=self.rules.limits.line_bytes):
                self.has_blanks = False
                self._block(block)
                if self.is_packed or self.is_one_text:
                    return  # every other line would be wrong for the same reason
                sent = self._as_sent(block)
                self.result.bytes += len(sent)
                yield sent
                if report is not None:
                    report(block.number + len(block.lines) - 1)
        except LineTooLong as error:
            limit = self.rules.limits.line_bytes
            self._problem(
                "E105",
                f"line too long: more than {limit:,} bytes",
                error.number,
                hint="split the request, or put each request on a line of its own",
            )

    def _as_sent(self, block: Block) -> bytes:
        """Give the lines of a block, each ended, blank ones left out."""
        if self.has_blanks:
            return b"".join(raw + b"\n" for raw in block.lines if not is_blank(raw))
        return block.raw if block.raw.endswith(b"\n") else block.raw + b"\n"

    def _block(self, block: Block) -> None:
        """Check the lines of a block: those that follow a known pattern together, every other by itself."""
        at, lines = 0, block.lines
        while at < len(lines) and not (self.is_packed or self.is_one_text):
            for known in self.known:
                stop, pieces = known.pattern.split(lines, at)
                if stop > at:
                    self._accept(known, pieces, block, at)
                    at = stop
                    break
            else:
                self._line(block, at)
                at += 1

    def _line(self, block: Block, at: int) -> None:
        """Check a line with every rule, and learn its pattern if nothing is said against it."""
        number, raw = block.number + at, block.lines[at]
        if number == 1 and (fault := packed(raw)) is not None:
            self.is_packed = True
            self.problems.add(fault.at(self.name, number))
            return
        if is_blank(raw):
            self.blank_lines.append(number)
            self.has_blanks = True
            return
        self._refuse_blank_lines()
        before = (self.problems.errors, self.problems.warnings)
        is_last = at == len(block.lines) - 1 and not block.raw.endswith(b"\n")
        value = self._read(raw, number, is_last=is_last)
        if value is not None and before == (self.problems.errors, self.problems.warnings):
            self._learn(raw, value)

    def _learn(self, raw: bytes, value: JsonObject) -> None:
        """Remember the pattern of a good line. Where that spares too little, seldom."""
        if self.tries >= _FREE_TRIES and self.spared < self.tries * _LINES_TO_EARN_A_TRY:
            return
        self.tries += 1
        pattern = LinePattern.of(raw, self.free)
        if pattern is None or (self.rules.id_field,) not in pattern.paths:
            return
        url = value.get("url")
        known = _Known(
            pattern,
            pattern.paths.index((self.rules.id_field,)),
            self.rules.model_of(value),
            url if isinstance(url, str) else None,
        )
        self.known = [known, *self.known[: _MOST_PATTERNS - 1]]

    def _accept(self, known: _Known, pieces: list[bytes], block: Block, start: int) -> None:
        """Take in lines of a known pattern; those whose texts are no good are checked with every rule."""
        size = known.pattern.size
        count = len(pieces) // size
        texts = known.pattern.texts(pieces)
        if texts is not None and "" not in texts and self._plain(texts[known.id_at :: size]):
            self._count(known, texts, block.number + start, block.lines[start : start + count])
            return
        for place in range(count):
            texts = known.pattern.texts(pieces[place * size : (place + 1) * size])
            if texts is not None and "" not in texts and self._good_id(texts[known.id_at]):
                at = start + place
                self._count(known, texts, block.number + at, [block.lines[at]])
            else:
                self._line(block, start + place)

    def _plain(self, ids: list[str]) -> bool:
        """Tell whether all the ids are right beyond doubt, without a look at each."""
        lengths = list(map(len, ids))
        longest = min(self.rules.limits.id_length, 64)
        return min(lengths) > 0 and max(lengths) <= longest and bool(_PLAIN_IDS.fullmatch("".join(ids)))

    def _good_id(self, custom_id: str) -> bool:
        return self._plain([custom_id]) or not any(self.rules.check_id(custom_id))

    def _count(self, known: _Known, texts: list[str], first_number: int, lines: list[bytes]) -> None:
        """Count good lines of a known pattern, which stand one after the other."""
        ids = texts[known.id_at :: known.pattern.size]
        numbers = range(first_number, first_number + len(lines))
        self._refuse_blank_lines()
        self.spared += len(ids)
        self._count_requests(numbers)
        if known.model is not None:
            self.result.models[known.model] += len(ids)
        if known.url is not None:
            self.result.urls[known.url] += len(ids)
        for place, first in self.ids.add(ids, numbers):
            self._duplicate(ids[place], lines[place], numbers[place], first)
        if self.taker is not None:
            self.taker.take_run(known.pattern, texts, first_number, lines)

    def _count_requests(self, numbers: range) -> None:
        before = self.result.requests
        self.result.requests += len(numbers)
        limit = self.rules.limits.requests
        if limit is not None and before <= limit < self.result.requests:
            over = numbers[limit - before]
            self._problem("E401", f"too many requests: the limit is {limit:,}", over, hint="split the file")

    def _problem(  # noqa: PLR0913 - the fields of a Problem
        self,
        code: str,
        message: str,
        line: int | None,
        *,
        column: int | None = None,
        hint: str | None = None,
        path: str | None = None,
        custom_id: str | None = None,
        severity: Severity = Severity.ERROR,
        first_line: int | None = None,
    ) -> None:
        self.problems.add(
            Problem(code, message, hint, self.name, line, column, path, custom_id, severity, first_line)
        )

    def _column(self, raw: bytes, path: str) -> int | None:
        """Give where ``path`` stands in a line; None for a problem that will only be counted."""
        if not self.problems.has_room:
            return None
        return locate(raw.decode("utf-8"), path) if path else 1

    def _refuse_blank_lines(self) -> None:
        """Refuse the blank lines met so far: something follows, and providers take none in the middle."""
        for number in self.blank_lines:
            self._problem("E208", "blank line", number, column=1, hint="remove it")
        self.blank_lines.clear()

    def _read(self, raw: bytes, number: int, *, is_last: bool) -> JsonObject | None:
        """Check one line and count it in; give its value if it is an object."""
        value = parse_request(raw, self.rules.title, is_first=number == 1, is_last=is_last)
        if isinstance(value, Fault):
            self.is_one_text = value is ONE_TEXT
            self.problems.add(value.at(self.name, number))
            return None
        before = self.problems.errors
        for found in self.rules.check(value):
            self._problem(
                found.code,
                found.message,
                number,
                column=self._column(raw, found.path),
                hint=found.hint,
                path=found.path or None,
                severity=found.severity,
            )
        custom_id = value.get(self.rules.id_field)
        if isinstance(custom_id, str) and custom_id:
            for _, first in self.ids.add([custom_id], [number]):
                self._duplicate(custom_id, raw, number, first)
        self._gather(value, number, good=self.problems.errors == before)
        if self.taker is not None and self.problems.errors == before:
            self.taker.take(raw, number, value)
        return value

    def _duplicate(self, custom_id: str, raw: bytes, number: int, first: int) -> None:
        field_name = self.rules.id_field
        self._problem(
            "E307",
            f'duplicate {field_name} "{custom_id[:64]}" (first on line {first})',
            number,
            column=self._column(raw, field_name),
            hint=f"make every {field_name} unique",
            path=field_name,
            custom_id=custom_id,
            first_line=first,
        )

    def _gather(self, value: JsonObject, number: int, *, good: bool) -> None:
        result = self.result
        self._count_requests(range(number, number + 1))
        if model := self.rules.model_of(value):
            result.models[model] += 1
            if result.models[model] == 1:
                self._check_model(model, number)
        url = value.get("url")
        if isinstance(url, str) and good:
            result.urls[url] += 1
            if self.first_url is None:
                self.first_url = (url, number)
            elif url != self.first_url[0] and result.urls[url] == 1:
                first, where = self.first_url
                self._problem(
                    "E309",
                    f"more than one url: {url} here, {first} on line {where}",
                    number,
                    path="url",
                    hint="split the file by url: one batch has one endpoint",
                )
        if self.same_schema:
            schema = self.rules.schema_of(value)
            if result.requests == 1:
                result.schema = schema
            elif schema != result.schema:
                result.schema, self.same_schema = None, False

    def _check_model(self, model: str, number: int) -> None:
        """Hold a model that no line before named to what the call and the other lines say."""
        self.first_model = self.first_model or (model, number)
        expected = self.rules.expected_model
        if expected is not None:
            if model != expected:
                self._problem(
                    "E315",
                    f'--model says "{expected}", the line says "{model}"',
                    number,
                    hint=f"use --model PROVIDER/{model}, or change the file",
                )
        elif self.rules.one_model and model != self.first_model[0]:
            first, where = self.first_model
            self._problem(
                "E308",
                f'more than one model: "{model}" here, "{first}" on line {where}',
                number,
                hint="split the file by model: one batch has one model",
            )

    def finish(self) -> None:
        """Judge the file as a whole."""
        for number in self.blank_lines:
            if self.result.requests or self.problems.errors:
                self._problem("W208", "blank line at the end", number, severity=Severity.WARNING)
                break
        limit = self.rules.limits.bytes
        if limit is not None and self.result.bytes > limit:
            size, allowed = self.result.bytes / 1e6, limit / 1e6
            self._problem(
                "E402",
                f"file too large: {size:,.1f} MB, the limit is {allowed:,.1f} MB",
                None,
                hint="split the file",
            )
        if not self.result.requests and not self.problems.errors:
            self._problem("E107", "the file is empty", None, hint="put at least one request in it")
