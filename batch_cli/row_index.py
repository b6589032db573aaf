"""Rows of results by their ids: where each one stands, not what it says, and which of them are strays.

A row that stands in a file is read again when its turn comes; one that was never in a file is put into a
temporary one. So the memory is some 110 bytes for each row, however large the rows are and whatever their order.
"""

from __future__ import annotations

import enum
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from batch_cli import token_usage
from batch_cli.errors import DamagedData
from batch_cli.jsonl import dumps, dumps_exactly, loads
from batch_cli.model import BatchResult, JsonObject, ResultError, RowFile
from batch_cli.row_place import KEY, LONG, MOST_FILES, place_of
from batch_cli.sealed_lines import Head, SealedRun, heads_of, ids_of
from batch_cli.token_usage import add_usage

DAMAGED = "damaged_row"
"""The error type of what a reader gives for a line that is no result; its row has no id."""

_IN_CONFLICT = -1
_BLOCK = 1 << 16
_AT_ONCE = 1 << 20
_KEPT_IDS = 3


class StrayKind(enum.StrEnum):
    """What is wrong with a row that is not the one result of a request."""

    DUPLICATE = "duplicate"
    """It says again what another one said."""
    CONFLICT = "conflict"
    """It says something else than another one for the same request."""
    UNKNOWN = "unknown"
    """No request has its id."""
    DAMAGED = "damaged"
    """It cannot be read."""


@dataclass(frozen=True, slots=True)
class Stray:
    """One such row."""

    kind: StrayKind
    custom_id: str
    line: bytes
    """As it came, without the line end."""
    offset: int = 0
    """Where it stands in its file."""
    first: int | None = None
    """Where the row stands that said it first, or differently; None for that row itself."""


def _ignore(_stray: Stray) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Strays:
    """What came to light while rows were given to their requests."""

    tell: Callable[[Stray], None] = _ignore
    """Told of each stray; its line is not kept here."""
    counts: Counter[StrayKind] = field(default_factory=Counter)
    """Rows that were there before, requests with contradicting rows, rows of nobody, rows that cannot be read."""
    ids: dict[StrayKind, list[str]] = field(default_factory=dict)
    """The first few ids of each kind."""
    usage: Counter[str] | None = None
    """What the rows that were given say they used; None where the rows were not read beforehand."""

    def add(self, stray: Stray) -> None:
        """Count a stray, and tell of it."""
        if stray.kind is not StrayKind.CONFLICT or stray.first is None:
            self.counts[stray.kind] += 1
            known = self.ids.setdefault(stray.kind, [])
            if len(known) < _KEPT_IDS and stray.custom_id:
                known.append(stray.custom_id)
        self.tell(stray)


class RowIndex:
    """Every row that came, by its id. Put all rows in, then take them out in any order, each once."""

    def __init__(self, strays: Strays) -> None:
        """Start empty; what is no row of its own goes to ``strays``."""
        self._strays = strays
        self._usage = strays.usage = Counter() if strays.usage is None else strays.usage
        self._places: dict[int, int] = {}
        self._files: list[RowFile] = []
        self._numbers: dict[int, int] = {}
        self._spool = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by close
        self._spooled = 0
        self._open(RowFile(self._spool.fileno(), _read_spooled))

    def __enter__(self) -> Self:
        """Give the index itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the files; again: nothing happens."""
        while self._files:
            os.close(self._files.pop().descriptor)
        self._spool.close()

    @property
    def size(self) -> int:
        """Give the size of the files that the rows stand in."""
        return sum(os.fstat(file.descriptor).st_size for file in self._files)

    def __len__(self) -> int:
        """Count the ids that are in it."""
        return len(self._places)

    def _open(self, file: RowFile) -> int:
        """Keep a file open for as long as this lasts; whoever read the rows from it closes it when they ended."""
        if len(self._files) == MOST_FILES:
            message = "the rows of one batch stand in more than seven files"
            raise DamagedData(message)
        self._numbers[id(file)] = number = len(self._files)
        # The first one is held too, so that no other can have its `id`.
        self._files.append(RowFile(os.dup(file.descriptor), file.again, file))
        return number

    # --- in ---

    def put(self, row: BatchResult) -> None:
        """Note where a row stands, unless it is a stray."""
        at = row.place
        if at is None:
            self.put_at(row, 0, *self._keep(row), is_own=False)
        else:
            self.put_at(row, self.number_of(at.file), at.offset, at.bytes, is_own=at.is_own)

    def number_of(self, file: RowFile) -> int:
        """Give what `put_at` calls a file, which is kept open from now on."""
        number = self._numbers.get(id(file))
        return self._open(file) if number is None else number

    def put_at(self, row: BatchResult, number: int, offset: int, length: int, *, is_own: bool) -> None:
        """Do what `put` does with a row whose place is given beside it."""
        place = place_of(offset, length, number, is_sealed=is_own)
        if row.error is not None and row.error.type == DAMAGED:
            self._strays.add(Stray(StrayKind.DAMAGED, "", _as_it_came(place, self._line(place)), offset))
            return
        key = hash(row.custom_id) & KEY
        known = self._places.setdefault(key, place)
        if known is not place:
            self._again(row, key, known, place)
        elif row.response is not None and (usage := usage_of(row.response)):
            add_usage(self._usage, usage)

    def put_sealed(self, run: SealedRun) -> bool:
        """Note where sealed lines stand, all at once; False, and nothing is noted: one of the ids came before."""
        found = dict(zip(run.keys, run.places, strict=True))
        if len(found) < len(run.keys) or not self._places.keys().isdisjoint(found):
            return False
        self._places.update(found)
        self._usage.update(run.usage)
        return True

    def _again(self, row: BatchResult, key: int, known: int, place: int) -> None:
        """Decide what a second row of an id is."""
        line, offset = self._line(place), place >> 24
        came = _as_it_came(place, line)
        if known == _IN_CONFLICT:
            self._strays.add(Stray(StrayKind.CONFLICT, row.custom_id, came, offset, offset))
            return
        earlier, first = self._line(known), known >> 24
        before = self._read(known, earlier)
        if before.custom_id != row.custom_id:
            raise _same_hash(before.custom_id, row.custom_id)
        if earlier == line or loads(earlier) == loads(line):
            self._strays.add(Stray(StrayKind.DUPLICATE, row.custom_id, came, offset, first))
            return
        self._places[key] = _IN_CONFLICT
        self._forget_usage(before)
        self._strays.add(Stray(StrayKind.CONFLICT, row.custom_id, _as_it_came(known, earlier), first))
        self._strays.add(Stray(StrayKind.CONFLICT, row.custom_id, came, offset, first))

    def _keep(self, row: BatchResult) -> tuple[int, int]:
        """Put a row that stands in no file into our own."""
        retryable = row.error is not None and row.error.retryable
        source = None if row.source is None else row.source.decode("utf-8")
        line = dumps([unified_line(row).decode("utf-8"), retryable, source])
        offset = self._spooled
        self._spool.write(line + b"\n")
        self._spooled += len(line) + 1
        return offset, len(line)

    # --- out ---

    def take(self, custom_id: str) -> BatchResult | None:
        """Do what `find` does, once: the next time there is none."""
        row = self.find(custom_id)
        self._places.pop(hash(custom_id) & KEY, None)
        return row

    def find(self, custom_id: str) -> BatchResult | None:
        """Give the row of an id; an error row where several contradict each other; None: there is none.

        A good row whose line is ours already comes with its ``raw`` alone.
        """
        place = self._places.get(hash(custom_id) & KEY)
        if place is None:
            return None
        if place == _IN_CONFLICT:
            message = "the provider gave several results for this request, and they differ; none was chosen"
            return BatchResult(custom_id, error=ResultError("conflict", message, "conflict", retryable=True))
        file = self._files[place >> 1 & MOST_FILES - 1]
        length = place >> 4 & LONG
        if place & 1 and length < LONG:  # as most do; the others in the same way, with more steps
            row = file.again(os.pread(file.descriptor, length, place >> 24), True)  # noqa: FBT003 - as `RowFile.again`
        else:
            row = self._read(place, self._line(place))
        if row.custom_id != custom_id:
            raise _same_hash(row.custom_id, custom_id)
        return row

    def places_of(self, ids: Sequence[str]) -> list[int]:
        """Give where the rows of some ids stand; 0: there is none."""
        get = self._places.get
        return [get(hashed & KEY, 0) for hashed in map(hash, ids)]

    def sealed(self, ids: Sequence[str], places: Sequence[int], start: int) -> list[Head]:
        """Read the lines of some ids from ``start`` on, as far as they are sealed, as they stand in their files.

        ``places`` are those of the ids. That is a megabyte or one line; none: the next is to be found by itself.
        """
        stop, size = start, 0
        for place in islice(places, start, None):
            length = place >> 4 & LONG
            if not place & 1 or length == LONG or size > _AT_ONCE or place == _IN_CONFLICT:
                break
            size += length
            stop += 1
        files, pread = [file.descriptor for file in self._files], os.pread
        lines = [
            pread(files[place >> 1 & MOST_FILES - 1], place >> 4 & LONG, place >> 24)
            for place in islice(places, start, stop)
        ]
        heads = heads_of(lines)
        if (found := ids_of(heads)) != (asked := ids[start:stop]):
            raise _same_hash(*next(pair for pair in zip(found, asked, strict=True) if pair[0] != pair[1]))
        return heads

    def leave_out(self, ids: Iterable[str]) -> None:
        """Forget the rows of some ids."""
        for custom_id in ids:
            self._places.pop(hash(custom_id) & KEY, None)

    def take_all(self) -> Iterator[BatchResult]:
        """Give all rows in the order in which they came; an error row for ids whose rows contradict each other."""
        for place in self._places.values():
            if place != _IN_CONFLICT:
                yield self._read(place, self._line(place))

    def refuse_rest(self) -> None:
        """Give what was not taken to the strays: no request has these ids."""
        for place in self._places.values():
            if place == _IN_CONFLICT:
                continue
            line = self._line(place)
            row = self._read(place, line)
            self._forget_usage(row)
            came = _as_it_came(place, line)
            self._strays.add(Stray(StrayKind.UNKNOWN, row.custom_id, came, place >> 24))
        self._places.clear()

    def _line(self, place: int) -> bytes:
        offset, length, number = place >> 24, place >> 4 & LONG, place >> 1 & MOST_FILES - 1
        if not number:
            self._spool.flush()
        descriptor = self._files[number].descriptor
        if length < LONG:
            return os.pread(descriptor, length, offset)
        line = bytearray()
        while block := os.pread(descriptor, _BLOCK, offset + len(line)):
            end = block.find(b"\n")
            if end >= 0:
                return bytes(line + block[:end])
            line += block
        return bytes(line)

    def _read(self, place: int, line: bytes) -> BatchResult:
        return self._files[place >> 1 & MOST_FILES - 1].again(line, bool(place & 1))

    def _forget_usage(self, row: BatchResult) -> None:
        for name, amount in (usage_of(response_of(row)) or {}).items():
            if isinstance(amount, int):
                self._usage[name] -= amount


def _as_it_came(place: int, line: bytes) -> bytes:
    """Give a line for people to look at; what we put into a file ourselves has more around it."""
    return line if place >> 1 & MOST_FILES - 1 else str(loads(line)[0]).encode("utf-8")


def _read_spooled(line: bytes, _is_sealed: bool) -> BatchResult:  # noqa: FBT001 - as `RowFile.again`
    text, retryable, source = loads(line)
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
        None,
        source and source.encode("utf-8"),
    )


def _same_hash(one: str, other: str) -> DamagedData:
    """Refuse what happens once in a million files of a million rows, rather than mix two requests up."""
    return DamagedData(
        f'the ids "{one[:64]}" and "{other[:64]}" cannot be told apart in this run',
        hint="run the same command again: it tells ids apart in another way then",
    )


# --- what a row says ---


def unified_line(result: BatchResult) -> bytes:
    """Write a row in the one shape that is the same for all providers, without the line end."""
    if result.raw is not None:
        return result.raw
    row = {
        "custom_id": result.custom_id,
        "id": result.id,
        "response": result.response,
        "error": error_object(result.error),
    }
    try:
        return dumps(row)
    except TypeError:  # an integer beyond 64 bits
        return dumps_exactly(row)


def error_object(error: ResultError | None) -> JsonObject | None:
    """Give an error as rows hold it."""
    if error is None:
        return None
    facts: JsonObject = {
        "code": error.code or error.type,
        "message": error.message,
        "type": error.type,
        "retryable": error.retryable,
    }
    return facts if error.suggestion is None else {**facts, "suggestion": error.suggestion}


def response_of(row: BatchResult) -> JsonObject | None:
    """Give the response of a row, also where it was left in the line."""
    if row.response is None and row.error is None and row.raw is not None:
        return response_in(row.raw)
    return row.response


def response_in(line: bytes) -> JsonObject | None:
    """Parse a unified line and give its response."""
    response: JsonObject | None = loads(line)["response"]
    return response


def usage_of(response: JsonObject | None) -> JsonObject | None:
    """Give what an answer says it used, by the provider's own names."""
    return None if response is None else token_usage.usage_of(response.get("body"))
