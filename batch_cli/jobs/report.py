"""A report about results: what came of the requests and how long and how much it took. One pass, constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.error_taxonomy import explained
from batch_cli.errors import DamagedFile, InvalidInput, Problem, quoted
from batch_cli.files import open_input
from batch_cli.histogram import Histogram
from batch_cli.jsonl import is_blank, loads, read_lines
from batch_cli.model import JsonObject, JsonValue, ResultError, object_of
from batch_cli.results import OutputRow, Summary, manifest_path
from batch_cli.row_index import usage_of
from batch_cli.row_times import seconds_of
from batch_cli.token_usage import add_usage, tokens_of
from batch_cli.writers import FormatName

_LONGEST_LINE = 256_000_000
_MOST_REASONS = 1_000
_MEMBERS = {"custom_id", "id", "response", "error"}


@dataclass(slots=True)
class Report:
    """What is known of the results."""

    summary: Summary = field(default_factory=Summary)
    usage: Counter[str] = field(default_factory=Counter)
    """Sums of what the answers say they used, by the provider's own names."""
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many rows have an error of a kind and a type; the first thousand of them."""
    seconds: Histogram = field(default_factory=Histogram)
    """Of the rows whose answers say how long they took."""
    input_tokens: Histogram = field(default_factory=lambda: Histogram(is_whole=True))
    output_tokens: Histogram = field(default_factory=lambda: Histogram(is_whole=True))

    def add(self, row: OutputRow) -> None:
        """Count a row."""
        self.summary.add(row)
        if row.error is not None:
            reason = (row.error.kind, row.error.type)
            if reason in self.reasons or len(self.reasons) < _MOST_REASONS:
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
        response = row.response
        add_usage(self.usage, usage_of(response) or {})
        body = (response or {}).get("body")
        tokens = tokens_of(body)
        for histogram, value in (
            (self.seconds, seconds_of(body)),
            (self.input_tokens, tokens.input),
            (self.output_tokens, tokens.output),
        ):
            if value is not None:
                histogram.add(value)

    @property
    def top_reasons(self) -> list[tuple[str, str, int]]:
        """Give kind, type and rows of each reason, the most frequent first."""
        return sorted(((*reason, count) for reason, count in self.reasons.items()), key=lambda one: -one[2])


def report_of(rows: Iterable[OutputRow]) -> Report:
    """Read all rows."""
    report = Report()
    for row in rows:
        report.add(row)
    return report


def rows_of_output(path: Path) -> Iterator[OutputRow]:
    """Give the rows of an output of ours, in the order of the file, a line in memory at a time.

    Raises:
        InvalidInput: it is not written in our own lines.
        DamagedFile: a line is none of ours; the rows before it were given.
        DiskError: it cannot be read.
    """
    form = _form(path)
    if form != FormatName.LINES:
        raise InvalidInput(
            f"{quoted(str(path))} holds results as {form}, and not as our own lines",
            hint="name the batch, or write its results once more without --format",
        )
    with open_input(path) as stream:
        for line in read_lines(stream, max_bytes=_LONGEST_LINE):
            if is_blank(line.raw):
                continue
            row = _row(line.raw)
            if row is None:
                raise DamagedFile(
                    f"{quoted(str(path))} does not hold results in our own lines",
                    problems=(
                        Problem(
                            "E701",
                            "not a line of ours",
                            "batch-cli results --from-file FILE -o OUT makes our lines of a provider's",
                            str(path),
                            line.number,
                        ),
                    ),
                )
            yield row


def _form(path: Path) -> str:
    """Give the form that the manifest beside an output names; our own lines where there is none."""
    try:
        facts = loads(manifest_path(path).read_bytes())
    except (OSError, ValueError):
        return FormatName.LINES
    return str(object_of(facts).get("format", FormatName.LINES))


def _row(raw: bytes) -> OutputRow | None:
    try:
        value = loads(raw)
    except ValueError:
        return None
    if not isinstance(value, dict) or not value.keys() >= _MEMBERS or not isinstance(value["custom_id"], str):
        return None
    response, said = value["response"], value["error"]
    if not all(part is None or isinstance(part, dict) for part in (response, said)):
        return None
    error = None if said is None else _error(said, (response or {}).get("status_code"))
    return OutputRow(value["custom_id"], raw, response, error, value.get("parsed"))


def _error(said: JsonObject, status: JsonValue) -> ResultError:
    code = said.get("code")
    kind = str(said.get("type") or code or "error")
    error = ResultError(
        kind,
        str(said.get("message") or ""),
        None if code is None else str(code),
        retryable=said.get("retryable") is True,
    )
    return explained(error, status if isinstance(status, int) else None)
