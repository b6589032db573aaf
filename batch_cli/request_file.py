"""Request files: one pass that checks every line and gathers every problem, placed by line and column."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from batch_cli.errors import Finding, Problem, ProblemLog, Severity
from batch_cli.id_index import IdIndex
from batch_cli.json_faults import MAX_DEPTH, Fault, explain, locate
from batch_cli.jsonl import Line, LineTooLong, dumps, is_blank, loads, read_lines
from batch_cli.model import JsonObject, JsonValue, Limits

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_REPORT_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What the lines of a file are held to; a provider's codec in the form this module needs."""

    title: str
    check: Callable[[JsonObject], Iterable[Finding]]
    id_field: str
    limits: Limits
    model_of: Callable[[JsonObject], str | None]
    schema_of: Callable[[JsonObject], JsonObject | None]
    expected_model: str | None = None
    """The model that every line has to name, as the command line says; None where it does not matter."""


@dataclass(slots=True)
class Scan:
    """What one pass over a request file found."""

    requests: int = 0
    bytes: int = 0
    sha256: str = ""
    """Over the lines as they will be sent, each ended by ``\\n``; blank lines left out."""
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
) -> Scan:
    """Check every line of a request file in one pass; what is wrong goes to ``problems``.

    ``report`` is told the number of lines read, now and then. Memory: one line, plus the id index.
    """
    return _Scanner(name, rules, problems).run(stream, report)


def request_lines(stream: BinaryIO, limits: Limits) -> Iterator[bytes]:
    """Give the lines of a request file that was scanned before, without line ends and blank lines."""
    for line in read_lines(stream, max_bytes=limits.line_bytes):
        if not is_blank(line.raw):
            yield line.raw


class _Scanner:
    """The state of one pass."""

    def __init__(self, name: str, rules: Rules, problems: ProblemLog) -> None:
        self.name, self.rules, self.problems = name, rules, problems
        self.result = Scan()
        self.ids = IdIndex()
        self.same_schema = True
        self.first_url: tuple[str, int] | None = None
        self.blank_lines: list[int] = []
        self.is_one_text = False

    def run(self, stream: BinaryIO, report: Callable[[int], None] | None) -> Scan:
        digest = hashlib.sha256()
        try:
            for line in read_lines(stream, max_bytes=self.rules.limits.line_bytes):
                if line.number == 1 and self._is_packed(line.raw):
                    return self.result
                if is_blank(line.raw):
                    self.blank_lines.append(line.number)
                    continue
                self._refuse_blank_lines()
                digest.update(line.raw)
                digest.update(b"\n")
                self.result.bytes += len(line.raw) + 1
                self._read(line)
                if self.is_one_text:
                    return self.result  # every other line would be wrong for the same reason
                if report is not None and line.number % _REPORT_EVERY == 0:
                    report(line.number)
        except LineTooLong as error:
            limit = self.rules.limits.line_bytes
            self._problem(
                "E105",
                f"line too long: more than {limit:,} bytes",
                error.number,
                hint="split the request, or put each request on a line of its own",
            )
        self.result.sha256 = digest.hexdigest()
        self._finish()
        return self.result

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
    ) -> None:
        self.problems.add(Problem(code, message, hint, self.name, line, column, path, custom_id, severity))

    def _is_packed(self, raw: bytes) -> bool:
        for magic, kind in _PACKED.items():
            if raw.startswith(magic):
                self._problem(
                    "E106",
                    f"compressed file ({kind})",
                    1,
                    hint="decompress it first",
                )
                return True
        return False

    def _refuse_blank_lines(self) -> None:
        """Refuse the blank lines met so far: something follows, and providers take none in the middle."""
        for number in self.blank_lines:
            self._problem("E208", "blank line", number, column=1, hint="remove it")
        self.blank_lines.clear()

    def _read(self, line: Line) -> None:
        value = self._parsed(line)
        if not isinstance(value, dict):
            return
        before = self.problems.errors
        raw_text: str | None = None
        for found in self.rules.check(value):
            raw_text = raw_text or line.raw.decode("utf-8")
            self._problem(
                found.code,
                found.message,
                line.number,
                column=locate(raw_text, found.path) if found.path else 1,
                hint=found.hint,
                path=found.path or None,
                severity=found.severity,
            )
        self._check_unique(value, line)
        self._gather(value, line, good=self.problems.errors == before)

    def _parsed(self, line: Line) -> JsonValue:
        """Parse a line, or put what keeps it from being JSON into the problems and give None."""
        try:
            value = loads(line.raw)
        except ValueError:
            self._fault(explain(line.raw, last=not line.ended) or _UNKNOWN, line)
            return None
        if not isinstance(value, dict):
            self._not_an_object(value, line)
            return None
        if _suspicious(line.raw, value):
            fault = explain(line.raw)
            if fault is not None:
                self._fault(fault, line)
                return None
        return value

    def _fault(self, fault: Fault, line: Line) -> None:
        self.is_one_text = line.number == 1 and line.raw.strip() in (b"[", b"{")
        self.problems.add((_ONE_TEXT if self.is_one_text else fault).at(self.name, line.number))

    def _not_an_object(self, value: JsonValue, line: Line) -> None:
        first = value[0] if isinstance(value, list) and value else None
        if isinstance(first, dict) and "role" in first:
            self._problem(
                "E312",
                f"this is a messages file, expected {self.rules.title} format",
                line.number,
                column=1,
                hint="batch-cli create --messages-file FILE makes a request file from it",
            )
        elif isinstance(first, dict) and line.number == 1:
            self.is_one_text = True
            self.problems.add(_ONE_TEXT.at(self.name, line.number))
        else:
            self._problem(
                "E207",
                "a request must be a JSON object",
                line.number,
                column=1,
                hint="write {…} on each line",
            )

    def _check_unique(self, value: JsonObject, line: Line) -> None:
        field_name = self.rules.id_field
        custom_id = value.get(field_name)
        if not isinstance(custom_id, str) or not custom_id:
            return
        first = self.ids.add(custom_id, line.number)
        if first is not None:
            self._problem(
                "E307",
                f'duplicate {field_name} "{custom_id[:64]}" (first on line {first})',
                line.number,
                column=locate(line.raw.decode("utf-8"), field_name),
                hint=f"make every {field_name} unique",
                path=field_name,
                custom_id=custom_id,
            )

    def _gather(self, value: JsonObject, line: Line, *, good: bool) -> None:
        result = self.result
        result.requests += 1
        limit = self.rules.limits.requests
        if limit is not None and result.requests == limit + 1:
            self._problem(
                "E401", f"too many requests: the limit is {limit:,}", line.number, hint="split the file"
            )
        if model := self.rules.model_of(value):
            result.models[model] += 1
            expected = self.rules.expected_model
            if expected is not None and model != expected and result.models[model] == 1:
                self._problem(
                    "E315",
                    f'--model says "{expected}", the line says "{model}"',
                    line.number,
                    hint=f"use --model PROVIDER/{model}, or change the file",
                )
        url = value.get("url")
        if isinstance(url, str) and good:
            result.urls[url] += 1
            if self.first_url is None:
                self.first_url = (url, line.number)
            elif url != self.first_url[0] and result.urls[url] == 1:
                first, where = self.first_url
                self._problem(
                    "E309",
                    f"more than one url: {url} here, {first} on line {where}",
                    line.number,
                    path="url",
                    hint="split the file by url: one batch has one endpoint",
                )
        if self.same_schema:
            schema = self.rules.schema_of(value)
            if result.requests == 1:
                result.schema = schema
            elif schema != result.schema:
                result.schema, self.same_schema = None, False

    def _finish(self) -> None:
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


_UNKNOWN = Fault("E201", "not valid JSON", 1, "write each line with a JSON library")
_ONE_TEXT = Fault(
    "E209",
    "one JSON object per line is expected, this is one JSON text over the whole file",
    1,
    "jq -c '.[]' FILE writes an array as lines; jq -c . FILE an object",
)


def _suspicious(raw: bytes, value: JsonObject) -> bool:
    """Tell whether a line that parsed may still hide what parsers disagree on; never misses, may cry wolf.

    A duplicate key leaves fewer quotes in the value than in the text, unless escaped quotes hide it; too deep
    a nesting needs as many brackets.
    """
    # The brackets first: `dumps` cannot write what is nested more than 254 levels deep.
    return (
        raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
        or b"\\u0022" in raw
        or raw.count(b'"') > dumps(value).count(b'"')
    )
