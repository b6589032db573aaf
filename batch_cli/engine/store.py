"""The durable store of the engine: batches in SQLite, their requests and results in plain files.

    engine/queue.db                     states, leases, counts; never a body
    engine/<batch id>/input.jsonl       the requests, as submitted, byte for byte
    engine/<batch id>/results.jsonl     one line per finished request, appended in the order of finishing

A result line counts from the moment its place in the file is committed, so a crash never needs to read a
half-written line: bytes that no row points at are never looked at.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch_cli.clock import Clock
from batch_cli.errors import DamagedData, disk_error
from batch_cli.files import fsync, fsync_directory, private_directory, write_all
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject
from batch_cli.sql import Database, load_statements

SQL = load_statements("batch_cli.engine", "queries.sql")
_PAGE = 2_000
_BUFFER = 1 << 20
_ENDED = ("completed", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as the engine keeps it. Times are seconds since 1970 UTC."""

    seq: int
    id: str
    key: str
    status: str
    endpoint: str
    model: str
    settings: JsonObject
    metadata: dict[str, str]
    total: int
    completed: int
    failed: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    error: str | None
    """Why it failed: its files are damaged; or why nobody works at it now."""
    running: int
    next_index: int
    next_offset: int

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is: what a worker asks again and again, without what takes longer to find out."""

    status: str
    total: int
    completed: int
    failed: int

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What `Store.add` needs."""

    key: str
    endpoint: str
    model: str
    settings: JsonObject
    metadata: dict[str, str]
    total: int


@dataclass(frozen=True, slots=True)
class StoredResult:
    """Where a finished request stands in the input, and its line without the line end."""

    position: int
    is_good: bool
    line: bytes


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often the requests of a batch were claimed."""

    requests: int
    """Those that were claimed at all."""
    attempts: int
    finished: int


class Store:
    """The engine's state directory."""

    def __init__(self, root: Path, clock: Clock) -> None:
        """Open or create it below ``root``.

        Raises:
            DiskError: it cannot be created, or is not private.
        """
        self.root = private_directory(root)
        self.clock = clock
        self.database = Database(self.root / "queue.db", [SQL["schema_1"]])

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # --- input ---

    def stage(self, key: str, lines: Iterator[bytes], prefix: str = "local_") -> str:
        """Store the requests of a future batch and give the batch's id; again: replaces the first try.

        The id is ``prefix`` and what follows from ``key``, so that a run after a crash stages to the same place.
        """
        batch_id = f"{prefix}{key.removeprefix('bci_')[:12]}"
        directory = private_directory(self.root / batch_id)
        target = directory / "input.jsonl"
        try:
            with open(target, "wb", buffering=_BUFFER, opener=_private_opener) as stream:
                for line in lines:
                    stream.write(line)
                    stream.write(b"\n")
                stream.flush()
                fsync(stream.fileno())
            fsync_directory(directory)
            fsync_directory(self.root)
        except OSError as error:
            raise disk_error(error, target, doing="writing") from error
        return batch_id

    def input_path(self, batch_id: str) -> Path:
        """Give where the requests of a batch are."""
        return self.root / batch_id / "input.jsonl"

    def results_path(self, batch_id: str) -> Path:
        """Give where the results of a batch are, in the order of finishing."""
        return self.root / batch_id / "results.jsonl"

    # --- batches ---

    def add(self, batch_id: str, new: NewBatch, *, cancelled: bool = False) -> StoredBatch:
        """Queue the staged batch ``batch_id``; the same key again gives the batch that is there already.

        One that is ``cancelled`` ends before anything of it can start.
        """
        with self.database.transaction():
            if self.database.row(SQL["batch_by_key"], (new.key,)) is None:
                self.database.change(
                    SQL["add_batch"],
                    {
                        "id": batch_id,
                        "key": new.key,
                        "endpoint": new.endpoint,
                        "model": new.model,
                        "settings": dumps(new.settings).decode(),
                        "metadata": dumps(new.metadata).decode(),
                        "total": new.total,
                        "created_at": self.clock.now(),
                    },
                )
                if cancelled:
                    self.database.change(SQL["request_cancel"], (batch_id,))
                    self.end_cancelled()
        found = self.find(new.key)
        if found is None:
            raise DamagedData(f"batch {batch_id} vanished while it was added")
        return found

    def find(self, key: str) -> StoredBatch | None:
        """Give the batch that was added with ``key``."""
        row = self.database.row(SQL["batch_by_key"], (key,))
        return self.batch(row[0]) if row else None

    def batch(self, batch_id: str) -> StoredBatch | None:
        """Give a batch as it stands now."""
        row = self.database.row(SQL["batch_by_id"], (batch_id,))
        if row is None:
            return None
        fields = list(row)
        fields[6], fields[7] = loads(row[6]), loads(row[7])
        return StoredBatch(*fields)

    def standing(self, batch: str | int) -> Standing | None:
        """Give how far a batch is, by its id or its number; None: there is none."""
        row = self.database.row(SQL["standing"], {"batch": batch})
        return Standing(*row) if row else None

    def cancel(self, batch_id: str) -> StoredBatch | None:
        """Let nothing more of a batch start. What runs may finish and is kept; an ended batch stays as it is."""
        with self.database.transaction():
            self.database.change(SQL["request_cancel"], (batch_id,))
            self.end_cancelled()
        return self.batch(batch_id)

    def fail(self, seq: int, error: str) -> None:
        """End a batch whose files are damaged. Call inside a transaction."""
        self.database.change(SQL["fail_batch"], {"seq": seq, "error": error, "now": self.clock.now()})

    def note_trouble(self, batch_id: str, error: str | None) -> None:
        """Say of a batch that has not ended why nobody works at it; None: somebody does."""
        self.database.change(SQL["note_trouble"], {"id": batch_id, "error": error})

    def cancelling(self) -> set[int]:
        """Give the numbers of the batches that are being cancelled."""
        return {seq for (seq,) in self.database.rows(SQL["cancelling_batches"])}

    def end_cancelled(self) -> None:
        """End every cancelling batch that nobody works at. Call inside a transaction."""
        for seq in self.cancelling():
            self.database.change(SQL["end_cancelled"], {"seq": seq, "now": self.clock.now()})

    def delete(self, batch_id: str) -> bool:
        """Remove a batch and its files; give whether there was one. A worker at it finds nothing to finish."""
        with self.database.transaction():
            row = self.database.row(SQL["batch_by_id"], (batch_id,))
            if row is not None:
                self.database.change(SQL["delete_requests"], (row[0],))
                self.database.change(SQL["delete_batch"], (row[0],))
        directory = self.root / batch_id
        existed = row is not None or directory.is_dir()
        if directory.parent == self.root:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(directory)
        return existed

    def totals(self) -> tuple[int, int, int, int]:
        """Count over all batches: waiting or running, completed, failed, and of the first those running."""
        row = self.database.row(SQL["queue_totals"])
        return (row[0], row[1], row[2], row[3]) if row else (0, 0, 0, 0)

    def has_claimable(self) -> bool:
        """Tell whether a request waits for a worker."""
        return self.database.row(SQL["has_claimable"]) is not None

    # --- attempts ---

    def attempt_totals(self, batch: StoredBatch) -> Attempts:
        """Count the claims of a batch's requests."""
        row = self.database.row(SQL["attempt_totals"], (batch.seq,))
        return Attempts(*row) if row else Attempts(0, 0, 0)

    def attempts(self, batch: StoredBatch) -> Iterator[tuple[int, bool]]:
        """Give, in input order, how often each request was claimed and whether it is finished.

        Requests that were never claimed, which are the last ones, are left out.
        """
        position = 0
        while page := self.database.rows(SQL["request_attempts"], (batch.seq, position, _PAGE)):
            for _, attempt, is_finished in page:
                yield attempt, bool(is_finished)
            position = page[-1][0] + 1

    # --- results ---

    def results(self, batch: StoredBatch) -> Iterator[StoredResult]:
        """Give the finished requests in input order, a line in memory at a time.

        Raises:
            DamagedData: the result file is shorter than the database says.
        """
        path = self.results_path(batch.id)
        position = 0
        descriptor = -1
        try:
            while page := self.database.rows(SQL["finished_requests"], (batch.seq, position, _PAGE)):
                for index, state, start, length in page:
                    if start is None:
                        continue
                    if descriptor < 0:
                        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    line = os.pread(descriptor, length, start)
                    if len(line) != length:
                        raise DamagedData(
                            f"the result file of {batch.id} is cut off",
                            where=str(path),
                            hint=f"batch-cli delete {batch.id} --yes, then submit again",
                        )
                    yield StoredResult(index, state == "completed", line)
                position = page[-1][0] + 1
        except OSError as error:
            raise disk_error(error, path, doing="reading") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)


class ResultFile:
    """The result file of one batch, open for appending by one worker; other workers may append too."""

    def __init__(self, path: Path) -> None:
        """Open or create it."""
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise disk_error(error, path, doing="opening") from error

    def append(self, lines: list[bytes]) -> list[tuple[int, int]]:
        """Write lines durably and give where each stands: ``(start, length)`` without its line end.

        Where the bytes landed is asked from the kernel, because others may append in between.
        """
        places = self.write(lines)
        self.sync()
        return places

    def sync(self) -> None:
        """Bring to the disk what was written."""
        try:
            os.fdatasync(self._descriptor) if hasattr(os, "fdatasync") else fsync(self._descriptor)
        except OSError as error:
            raise disk_error(error, self.path, doing="writing") from error

    def write(self, lines: list[bytes]) -> list[tuple[int, int]]:
        """Write lines and give where each stands, as `append` does; they survive any death of this process."""
        data = b"\n".join(lines) + b"\n"
        written = 0
        try:
            written = os.write(self._descriptor, data)
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if written < len(data):  # a short write: others may have appended since, so start anew
                write_all(self._descriptor, b"\n")
                return self.write(lines) if written else self._refused(data)
        except OSError as error:
            raise disk_error(error, self.path, doing="writing") from error
        places = []
        start = end - len(data)
        for line in lines:
            places.append((start, len(line)))
            start += len(line) + 1
        return places

    def _refused(self, data: bytes) -> list[tuple[int, int]]:
        raise OSError(28, f"0 of {len(data)} bytes written")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
