"""Results: one line for each request, in input order, whatever order they come in.

All results are looked at before the first row is given, because only then it is known that no second one
contradicts it; in memory are their places only (`row_index`).
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from binascii import crc32
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

from batch_cli.columns import Columns
from batch_cli.digest import Digest
from batch_cli.error_taxonomy import explained
from batch_cli.errors import DamagedData, quoted
from batch_cli.files import open_input, write_atomically
from batch_cli.jsonl import dumps, dumps_exactly, loads, loads_exactly
from batch_cli.model import BatchResult, JsonObject, JsonValue, ResultError
from batch_cli.row_index import (
    RowIndex,
    StrayKind,
    Strays,
    error_object,
    response_in,
    response_of,
    unified_line,
    usage_of,
)
from batch_cli.token_usage import add_usage

Parse = Callable[[BatchResult], tuple[JsonValue, ResultError | None]]
"""From a good row to its typed answer, or to the reason why it has none."""

NO_RESULT = "no result came for this request"
"""Why a row is missing, where nothing more is known."""

_NO_ERROR = b',"error":null}'
_KEPT_IDS = 100
_HASHED = 1 << 18


def in_input_order(
    ids: Iterable[str],
    results: Iterable[BatchResult],
    *,
    why_missing: str = NO_RESULT,
    strays: Strays | None = None,
) -> Iterator[BatchResult]:
    """Give one result for each id, in the order of the ids, once all results came.

    A request that nobody answered comes as an error row, and so does one with contradicting results. Results that
    say the same again, and those of nobody, go to ``strays``; the latter after the last row was given.
    """
    with RowIndex(strays or Strays()) as index:
        for result in results:
            index.put(result)
        yield from take_in_order(ids, index, why_missing=why_missing)


def take_in_order(
    ids: Iterable[str], index: RowIndex, *, why_missing: str = NO_RESULT
) -> Iterator[BatchResult]:
    """Do what `in_input_order` does with rows that are in an index already."""
    take = index.take
    for custom_id in ids:
        yield take(custom_id) or missing_row(custom_id, why_missing)
    index.refuse_rest()


def each_once(results: Iterable[BatchResult], *, strays: Strays | None = None) -> Iterator[BatchResult]:
    """Give the results in the order in which they come, once all came, without those that came before."""
    with RowIndex(strays or Strays()) as index:
        for result in results:
            index.put(result)
        yield from index.take_all()


def in_step(ids: Iterable[str], results: Iterable[BatchResult]) -> Iterator[BatchResult]:
    """Give results that are in order and complete already, each as it comes; no memory.

    Raises:
        DamagedData: they are not.
    """
    for custom_id, result in zip_longest(ids, results):
        if custom_id is None or result is None or result.custom_id != custom_id:
            name = custom_id if custom_id is not None else result.custom_id
            raise DamagedData(
                "the stored results are not those of the stored requests",
                where=f"the first difference is at {quoted(name)}",
                hint="delete the batch, then submit the file again",
                reference="E704",
            )
        yield result


def missing_row(custom_id: str, why: str) -> BatchResult:
    """Give the row of a request that no result came for."""
    return BatchResult(custom_id, error=ResultError("missing", why, "missing", retryable=True))


@dataclass(slots=True)
class OutputRow:
    """A row as it is written. Never changed, like `BatchResult`."""

    custom_id: str
    line: bytes
    """The unified line, without the line end."""
    known: JsonObject | None
    """Its response; None in a good row as well, where nobody needed it so far."""
    error: ResultError | None
    """Why it is not a good answer, or None."""
    parsed: JsonValue = None
    source: bytes | None = None
    """The provider's own line, where one told of the row."""
    input: JsonObject | None = None
    """What the line of messages held beside the request; it stands in ``line`` as well."""

    @property
    def response(self) -> JsonObject | None:
        """Give the response; where it is not known yet, the line is parsed for it, at each call."""
        if self.known is None and self.error is None:
            return response_in(self.line)
        return self.known


def finish_rows(rows: Iterable[BatchResult], parse: Parse | None) -> Iterator[OutputRow]:
    """Give the rows as they are written; with ``parse``, each good one gets its typed answer as ``parsed``.

    Each failed one gets what its error means and what to do about it.
    """
    for row in rows:
        result = row if row.error is None else _explained(row)
        line, error, parsed = unified_line(result), result.error, None
        if parse is not None:
            if error is None:
                result = replace(result, response=response_of(result))
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
    return line[: -len(_NO_ERROR)] + b',"error":' + dumps(error_object(error)) + tail


def with_columns(rows: Iterable[OutputRow], columns: Columns) -> Iterator[OutputRow]:
    """Add what the user had beside each request as ``input``, at the end of its line."""
    for row in rows:
        own = columns.of(row.custom_id)
        if own is None:
            yield row
        else:
            line = row.line[:-1] + b',"input":' + dumps_exactly(own) + b"}"
            yield replace(row, line=line, input=own)


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
    checksums: array[int] = field(default_factory=lambda: array("I"), repr=False)
    """The CRC-32 of each line with its line end, so that a damaged one can be named."""
    duplicates: int = 0
    """Results that said again what another one had said, and were left out."""
    conflicts: int = 0
    """Requests with contradicting results; their rows are errors."""
    unknown: int = 0
    """Results of nobody."""
    damaged: int = 0
    """Lines of the provider that are no results."""
    stray_ids: dict[str, list[str]] = field(default_factory=dict)
    """The first three ids of each kind of stray."""

    @property
    def is_good(self) -> bool:
        """Tell whether every row has a good answer, and there was nothing else."""
        return self.ok == self.rows and not self.is_damaged

    @property
    def is_damaged(self) -> bool:
        """Tell whether the provider's results contradicted themselves, or were not those of the requests."""
        return bool(self.conflicts or self.unknown or self.damaged)

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
        if row.known is not None and (usage := usage_of(row.known)):
            add_usage(self.usage, usage)

    def add_all(self, more: Summary) -> None:
        """Count rows that were counted by somebody else, and come next."""
        for name in ("rows", "ok", "failed", "missing", "retryable", "left_out", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.missing_ids += more.missing_ids[: _KEPT_IDS - len(self.missing_ids)]
        self.errors_by_type.update(more.errors_by_type)
        self.errors_by_kind.update(more.errors_by_kind)
        self.usage.update(more.usage)
        self.checksums.extend(more.checksums)

    def close(self, strays: Strays | None) -> None:
        """Take over what came to light while the rows were brought together, after the last of them."""
        if strays is None:
            return
        self.duplicates = strays.counts[StrayKind.DUPLICATE]
        self.conflicts = strays.counts[StrayKind.CONFLICT]
        self.unknown = strays.counts[StrayKind.UNKNOWN]
        self.damaged = strays.counts[StrayKind.DAMAGED]
        self.stray_ids = {str(kind): ids for kind, ids in strays.ids.items() if ids}
        if strays.usage is not None:  # all rows were read before, and some are only passed on now
            self.usage = strays.usage


class Sink(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> object:
        """Append ``data``."""
        ...


def write_lines(rows: Iterable[OutputRow], sink: Sink, strays: Strays | None = None) -> Summary:
    """Write one line for each row, in order, and count them; ``sha256`` and ``bytes`` are over all lines.

    ``strays`` are those of the same rows.
    """
    summary, digest, block = Summary(), Digest(), bytearray()
    for row in rows:
        line = row.line + b"\n"
        sink.write(line)
        block += line
        if len(block) >= _HASHED:
            digest.update(bytes(block))
            block.clear()
        summary.bytes += len(line)
        summary.checksums.append(crc32(line))
        summary.add(row)
    digest.update(bytes(block))
    summary.sha256 = digest.finish()
    summary.close(strays)
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


def checksums_text(checksums: array[int]) -> str:
    """Write checksums as text: four bytes each, the least significant first, in base64."""
    return b64encode(_little_endian(checksums).tobytes()).decode("ascii")


def checksums_of(manifest: JsonObject) -> array[int] | None:
    """Give the CRC-32 of each line; None where a manifest has none that can be read."""
    text = manifest.get("line_crc32")
    if not isinstance(text, str):
        return None
    try:
        found = array("I", b64decode(text, validate=True))
    except ValueError:
        return None
    return _little_endian(found)


def _little_endian(values: array[int]) -> array[int]:
    if sys.byteorder == "little":
        return values
    values = values[:]
    values.byteswap()
    return values


_COUNTS = ("rows", "ok", "failed", "missing", "missing_ids", "bytes", "sha256")
_NEWER_COUNTS = ("retryable", "left_out", "duplicates", "conflicts", "unknown", "damaged")


def counts_of(summary: Summary) -> JsonObject:
    """Give the part of a manifest that counts, for `summary_of` to read again."""
    return {
        **{name: getattr(summary, name) for name in (*_COUNTS, *_NEWER_COUNTS)},
        "stray_ids": summary.stray_ids,
        "errors_by_type": dict(summary.errors_by_type),
        "errors_by_kind": dict(summary.errors_by_kind),
        "usage": dict(summary.usage),
        # Last, because it is long: five megabytes for a million lines.
        "line_crc32": checksums_text(summary.checksums) if len(summary.checksums) == summary.rows else None,
    }


def summary_of(manifest: JsonObject) -> Summary:
    """Give the counts that a manifest of ours holds; one of an older version lacks some."""
    summary = Summary(**{name: manifest[name] for name in _COUNTS})
    for name in _NEWER_COUNTS:
        setattr(summary, name, manifest.get(name, 0))
    summary.stray_ids = manifest.get("stray_ids", {})
    summary.errors_by_type.update(manifest["errors_by_type"])
    summary.errors_by_kind.update(manifest.get("errors_by_kind", {}))
    summary.usage.update(manifest["usage"])
    if (checksums := checksums_of(manifest)) is not None:
        summary.checksums = checksums
    return summary
