"""Results: one line for each request, in input order, whatever order they come in.

Rows that come in step are passed through; one that comes early waits in a temporary file until its turn,
with only its place in memory. So an ordered stream needs constant memory and a shuffled one some 60 bytes
a row, however large the rows are.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

from batch_cli.error_taxonomy import explained
from batch_cli.errors import DamagedData, quoted
from batch_cli.files import open_input, write_atomically
from batch_cli.id_index import IdIndex
from batch_cli.jsonl import dumps, dumps_exactly, loads, loads_exactly
from batch_cli.model import BatchResult, JsonObject, JsonValue, ResultError
from batch_cli.token_usage import usage_of

Parse = Callable[[BatchResult], tuple[JsonValue, ResultError | None]]
"""From a good row to its typed answer, or to the reason why it has none."""

_NO_ERROR = b',"error":null}'
_KEPT_IDS = 100


def in_input_order(
    ids: Iterable[str],
    results: Iterable[BatchResult],
    *,
    why_missing: str = "no result came for this request",
    keep_sources: bool = False,
) -> Iterator[BatchResult]:
    """Give one result for each id, in the order of the ids; a request nobody answered comes as an error row.

    ``keep_sources``: rows that wait keep the provider's own line, too.

    Raises:
        DamagedData: after the last row, if results are left over: nobody's, or a second one for an id.
    """
    incoming = iter(results)
    with _Waiting(keep_sources=keep_sources) as waiting:
        for custom_id in ids:
            found = waiting.take(custom_id)
            while found is None and (result := next(incoming, None)) is not None:
                if result.custom_id == custom_id:
                    found = result
                else:
                    waiting.put(result)
            yield found or _missing(custom_id, why_missing)
        for result in incoming:
            waiting.put(result)
        if waiting.left or waiting.doubles:
            example = waiting.doubles[0] if waiting.doubles else waiting.any_id()
            raise DamagedData(
                f"{waiting.left + len(waiting.doubles):,} result rows answer no request of this batch,"
                " or one that is answered already",
                where=f"for example {quoted(example)}",
                hint="get the results again; if it stays, report it to the provider",
                reference="E704",
            )


def _missing(custom_id: str, why: str) -> BatchResult:
    return BatchResult(custom_id, error=ResultError("missing", why, "missing", retryable=True))


class _Waiting:
    """Rows that came before their turn: their lines in a temporary file, their places in memory."""

    def __init__(self, *, keep_sources: bool) -> None:
        self._keep_sources = keep_sources
        self._index = IdIndex()
        self._places: list[tuple[int, int] | None] = []
        self._file = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by __exit__
        self.left = 0
        self.doubles: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, result: BatchResult) -> None:
        source = result.source.decode("utf-8") if self._keep_sources and result.source is not None else None
        retryable = result.error is not None and result.error.retryable
        line = dumps([unified_line(result).decode("utf-8"), retryable, source])
        at = self._index.get(result.custom_id)
        if at is None:
            self._index.add(result.custom_id, len(self._places))
            self._places.append(None)
            at = len(self._places) - 1
        if self._places[at] is not None:
            self.doubles.append(result.custom_id)
            return
        self._places[at] = (self._file.seek(0, 2), len(line))
        self._file.write(line)
        self.left += 1

    def take(self, custom_id: str) -> BatchResult | None:
        at = self._index.get(custom_id) if self.left else None
        place = self._places[at] if at is not None else None
        if at is None or place is None:
            return None
        self._places[at] = None
        self.left -= 1
        return self._read(place)

    def _read(self, place: tuple[int, int]) -> BatchResult:
        self._file.seek(place[0])
        text, retryable, source = loads(self._file.read(place[1]))
        row = loads(text)
        said = row["error"]
        error = None
        if said is not None:
            error = ResultError(said["type"], said["message"], said["code"], retryable=retryable)
        return BatchResult(
            row["custom_id"],
            row["id"],
            row["response"],
            error,
            text.encode("utf-8"),
            source and source.encode("utf-8"),
        )

    def any_id(self) -> str:
        return next((self._read(place).custom_id for place in self._places if place), "")


def unified_line(result: BatchResult) -> bytes:
    """Write a row in the one shape that is the same for all providers, without the line end."""
    if result.raw is not None:
        return result.raw
    row = {
        "custom_id": result.custom_id,
        "id": result.id,
        "response": result.response,
        "error": _error_object(result.error),
    }
    try:
        return dumps(row)
    except TypeError:  # an integer beyond 64 bits
        return dumps_exactly(row)


def _error_object(error: ResultError | None) -> JsonObject | None:
    if error is None:
        return None
    facts: JsonObject = {
        "code": error.code or error.type,
        "message": error.message,
        "type": error.type,
        "retryable": error.retryable,
    }
    return facts if error.suggestion is None else {**facts, "suggestion": error.suggestion}


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A row as it is written."""

    custom_id: str
    line: bytes
    """The unified line, without the line end."""
    response: JsonObject | None
    error: ResultError | None
    """Why it is not a good answer, or None."""
    parsed: JsonValue = None
    source: bytes | None = None
    """The provider's own line, where one told of the row."""


def finish_rows(rows: Iterable[BatchResult], parse: Parse | None) -> Iterator[OutputRow]:
    """Give the rows as they are written; with ``parse``, each good one gets its typed answer as ``parsed``.

    Each failed one gets what its error means and what to do about it.
    """
    for row in rows:
        result = row if row.error is None else _explained(row)
        line, error, parsed = unified_line(result), result.error, None
        if parse is not None:
            if error is None:
                parsed, error = parse(result)
                error = error and explained(error)
            line = _with_parsed(line, parsed, error)
        yield OutputRow(result.custom_id, line, result.response, error, parsed, result.source)


def _explained(result: BatchResult) -> BatchResult:
    """Give a failed row with its error explained; bytes of its own would say the error as it was."""
    response = result.response if result.raw is None else loads_exactly(result.raw).get("response")
    status = (response or {}).get("status_code")
    error = result.error and explained(result.error, status if isinstance(status, int) else None)
    return replace(result, response=response, error=error, raw=None)


def _with_parsed(line: bytes, parsed: JsonValue, error: ResultError | None) -> bytes:
    """Add ``parsed`` at the end of a line, and an error that only parsing found; other bytes stay."""
    tail = b',"parsed":' + dumps_exactly(parsed) + b"}"
    if error is None or not line.endswith(_NO_ERROR):
        return line[:-1] + tail
    return line[: -len(_NO_ERROR)] + b',"error":' + dumps(_error_object(error)) + tail


@dataclass(slots=True)
class Summary:
    """What was written."""

    rows: int = 0
    ok: int = 0
    failed: int = 0
    """Rows with an error, the missing ones not among them."""
    missing: int = 0
    missing_ids: list[str] = field(default_factory=list)
    """The first hundred."""
    errors_by_type: Counter[str] = field(default_factory=Counter)
    errors_by_kind: Counter[str] = field(default_factory=Counter)
    """In the kinds of `batch_cli.error_taxonomy`, the same for all providers."""
    retryable: int = 0
    """Rows that may be answered when they are sent again unchanged."""
    usage: Counter[str] = field(default_factory=Counter)
    """Sums of what the answers say they used, by the provider's own names."""
    left_out: int = 0
    """Rows for which the form of the output has no place."""
    bytes: int = 0
    sha256: str = ""

    @property
    def is_good(self) -> bool:
        """Tell whether every row has a good answer."""
        return self.ok == self.rows

    def add(self, row: OutputRow) -> None:
        """Count a row."""
        self.rows += 1
        if row.error is None:
            self.ok += 1
        else:
            self.errors_by_type[row.error.type] += 1
            self.errors_by_kind[row.error.kind] += 1
            self.retryable += row.error.retryable
            if row.error.type == "missing":
                self.missing += 1
                if len(self.missing_ids) < _KEPT_IDS:
                    self.missing_ids.append(row.custom_id)
            else:
                self.failed += 1
        for name, amount in usage_of((row.response or {}).get("body")).items():
            if isinstance(amount, int):
                self.usage[name] += amount


class Sink(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> object:
        """Append ``data``."""
        ...


def write_lines(rows: Iterable[OutputRow], sink: Sink) -> Summary:
    """Write one line for each row, in order, and count them; ``sha256`` and ``bytes`` are over all lines."""
    summary, digest = Summary(), sha256()
    for row in rows:
        line = row.line + b"\n"
        sink.write(line)
        digest.update(line)
        summary.bytes += len(line)
        summary.add(row)
    summary.sha256 = digest.hexdigest()
    return summary


# --- the manifest ---


def manifest_path(output: Path) -> Path:
    """Give where the proof beside an output file stands."""
    return output.with_name(f"{output.name}.meta.json")


def write_manifest(output: Path, facts: JsonObject) -> None:
    """Write the proof for ``output``. Call it before the output gets its name: a run in between is repeatable."""
    write_atomically(manifest_path(output), dumps(facts, indent=True) + b"\n")


def read_manifest(output: Path) -> JsonObject | None:
    """Give the proof beside ``output`` if there is one and ``output`` is what it says, byte for byte.

    Where a run was killed after it had written the proof of a new output, and the old one is still there, that
    is known by what the proof says it ``replaces``: its ``batch`` and ``sha256``, and nothing more.
    """
    if not output.is_file():  # a run was killed after the proof, before the output got its name
        return None
    try:
        facts = loads(manifest_path(output).read_bytes())
        with open_input(output) as stream:
            digest = sha256()
            while block := stream.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError):
        return None
    found = digest.hexdigest()
    before = facts.get("replaces") if isinstance(facts, dict) else None
    proofs = (one for one in (facts, before) if isinstance(one, dict))
    return next((one for one in proofs if one.get("sha256") == found), None)
