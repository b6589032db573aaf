"""What the server knows of files and batches: one SQLite file, apart from the engine's queue.

Every change of a batch names the status it starts from, so that a cancel and the end of a batch can meet in
any order. The routes and the conductor have a connection each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject
from batch_cli.serve.wires import Wire
from batch_cli.sql import Database, load_statements

_SQL = load_statements("batch_cli.serve", "queries.sql")
SCHEMAS = [_SQL[name] for name in ("schema_1", "schema_2", "schema_3", "schema_4", "schema_5")]
"""The steps that make the whole file, for all who open it."""
_FIRST, _LAST = 0, 2**62


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A stored file."""

    seq: int
    id: str
    purpose: str
    filename: str
    bytes: int
    created_at: float
    expires_at: float | None
    wire: Wire = "openai"
    details: JsonObject | None = None
    """What only this wire knows of a file."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch. Times are on the server's clock; counts are final once it has ended."""

    seq: int
    id: str
    status: str
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: JsonObject | None
    output_seconds: int | None
    created_at: float
    expires_at: float
    model: str | None
    in_progress_at: float | None
    finalizing_at: float | None
    completed_at: float | None
    failed_at: float | None
    expired_at: float | None
    cancelling_at: float | None
    cancelled_at: float | None
    total: int
    completed: int
    failed: int
    errors: list[JsonObject] | None
    usage: JsonObject | None
    output_file_id: str | None
    error_file_id: str | None
    wire: Wire
    details: JsonObject | None
    """What only this wire knows of a batch."""
    never_run: int
    """How many of the failed never began."""
    deleted_at: float | None
    effects: JsonObject | None
    """What a scenario does to it; None: not decided yet."""

    @property
    def engine_key(self) -> str:
        """Give the key under which the engine knows it."""
        return f"bci_{self.id.removeprefix('msg').removeprefix('batch_')}"

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.status in ("failed", "completed", "expired", "cancelled")


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What was asked for."""

    id: str
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: JsonObject | None
    output_seconds: int | None
    created_at: float
    expires_at: float
    wire: Wire = "openai"
    details: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a batch ended."""

    status: str
    """``completed``, ``expired`` or ``cancelled``."""
    completed: int
    failed: int
    never_run: int
    usage: JsonObject | None
    output: FileRecord | None
    errors: FileRecord | None


class Records:
    """A connection to the server's database; for one thread."""

    def __init__(self, data_dir: Path) -> None:
        """Open or create it.

        Raises:
            DiskError: it cannot be created.
        """
        self._database = Database(data_dir / "serve.db", SCHEMAS)

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def latest_moment(self) -> float:
        """Give the last time that was written down; 0 in a new database."""
        row = self._database.row(_SQL["latest_moment"])
        return float(row[0] or 0) if row else 0.0

    # --- files ---

    def add_file(self, file: FileRecord) -> None:
        """Make a file known whose content is on disk. Its number is given by the database."""
        self._database.change(
            _SQL["add_file"],
            {
                "id": file.id,
                "purpose": file.purpose,
                "filename": file.filename,
                "bytes": file.bytes,
                "created_at": file.created_at,
                "expires_at": file.expires_at,
                "wire": file.wire,
                "details": _text(file.details),
            },
        )

    def file(self, file_id: str, now: float, *, wire: Wire = "openai") -> FileRecord | None:
        """Give a file of a wire that has not expired."""
        row = self._database.row(_SQL["file_by_id"], {"id": file_id, "wire": wire, "now": now})
        return _file(row) if row else None

    def files(
        self,
        now: float,
        *,
        most: int,
        after: int | None = None,
        wire: Wire = "openai",
        purpose: str | None = None,
        newest_first: bool = True,
    ) -> list[FileRecord]:
        """Give up to ``most`` files behind number ``after``, in the order asked for."""
        name, start = ("files_down", _LAST) if newest_first else ("files_up", _FIRST)
        after = start if after is None else after
        given = {"after": after, "wire": wire, "purpose": purpose, "now": now, "most": most}
        return [_file(row) for row in self._database.rows(_SQL[name], given)]

    def delete_file(self, file_id: str) -> bool:
        """Forget a file; tell whether it was there."""
        return self._database.change(_SQL["delete_file"], (file_id,)) == 1

    def expired_files(self, now: float) -> list[str]:
        """Give the ids of some files whose time is over."""
        return [file_id for (file_id,) in self._database.rows(_SQL["expired_files"], (now,))]

    def file_ids(self) -> set[str]:
        """Give the ids of all files."""
        return {file_id for (file_id,) in self._database.rows(_SQL["file_ids"])}

    def file_totals(self) -> tuple[int, int]:
        """Give the number of files, and their bytes."""
        row = self._database.row(_SQL["file_totals"])
        return (row[0], row[1]) if row else (0, 0)

    # --- batches ---

    def add_batch(self, new: NewBatch) -> BatchRecord:
        """Write down a batch that is to be validated."""
        self._database.change(
            _SQL["add_batch"],
            {
                "id": new.id,
                "input_file_id": new.input_file_id,
                "endpoint": new.endpoint,
                "completion_window": new.completion_window,
                "metadata": _text(new.metadata),
                "output_seconds": new.output_seconds,
                "created_at": new.created_at,
                "expires_at": new.expires_at,
                "wire": new.wire,
                "details": _text(new.details),
            },
        )
        return next(_batches(self._database.rows(_SQL["batch_by_id"], (new.id,))))

    def add_keyed_batch(self, new: NewBatch, key: str, digest: str) -> BatchRecord:
        """Write down a batch together with the client's own key for it, and a digest of what was asked for."""
        with self._database.transaction():
            batch = self.add_batch(new)
            self._database.change(_SQL["add_key"], {"key": key, "digest": digest, "batch_id": new.id})
        return batch

    def batch_of_key(self, key: str) -> tuple[str, BatchRecord] | None:
        """Give the digest of what was asked for with a client's own key, and the batch that was made."""
        row = self._database.row(_SQL["batch_of_key"], (key,))
        batch = None if row is None else self.batch(row[1])
        return None if row is None or batch is None else (row[0], batch)

    def batch(self, batch_id: str, *, wire: Wire = "openai") -> BatchRecord | None:
        """Give a batch of a wire."""
        found = next(_batches(self._database.rows(_SQL["batch_by_id"], (batch_id,))), None)
        return found if found is not None and found.wire == wire else None

    def batches(self, *, most: int, after: int | None = None, wire: Wire = "openai") -> list[BatchRecord]:
        """Give up to ``most`` batches of a wire older than number ``after``, the newest first."""
        given = {"start": _LAST if after is None else after, "wire": wire, "most": most}
        return list(_batches(self._database.rows(_SQL["batches_down"], given)))

    def newer_batches(self, *, most: int, before: int, wire: Wire) -> list[BatchRecord]:
        """Give up to ``most`` batches of a wire newer than number ``before``, the oldest first."""
        given = {"start": before, "wire": wire, "most": most}
        return list(_batches(self._database.rows(_SQL["batches_up"], given)))

    def delete_batch(self, batch_id: str, now: float) -> bool:
        """Hide a batch that has ended from its wire; tell whether there was one."""
        return self._database.change(_SQL["delete_batch"], {"id": batch_id, "now": now}) == 1

    def batch_of_ledger(self, batch_id: str) -> BatchRecord | None:
        """Give a batch of any wire, deleted or not."""
        return next(_batches(self._database.rows(_SQL["batch_of_ledger"], (batch_id,))), None)

    def all_batches(self, *, most: int, after: int | None = None) -> list[BatchRecord]:
        """Give up to ``most`` batches of all wires older than number ``after``, deleted ones too, the newest first."""
        start = _LAST if after is None else after
        return list(_batches(self._database.rows(_SQL["all_batches"], (start, most))))

    def open_batches(self) -> list[BatchRecord]:
        """Give the batches that something is to be done for, the oldest first."""
        return list(_batches(self._database.rows(_SQL["open_batches"])))

    def statuses(self) -> dict[str, int]:
        """Count the batches by status."""
        return dict(self._database.rows(_SQL["batch_statuses"]))

    def decide(self, batch_id: str, effects: JsonObject) -> None:
        """Write down what a scenario does to a batch; only the first time counts."""
        self._database.change(_SQL["decide_batch"], {"id": batch_id, "effects": dumps(effects).decode()})

    def fail(self, batch_id: str, errors: list[JsonObject], total: int, now: float) -> None:
        """End a batch that cannot be worked at, unless it is being cancelled."""
        given = {"id": batch_id, "errors": dumps(errors).decode(), "total": total, "now": now}
        self._database.change(_SQL["fail_batch"], given)

    def start(self, batch_id: str, model: str | None, total: int, now: float) -> None:
        """Say that a batch is valid and queued, unless it is being cancelled."""
        self._database.change(
            _SQL["start_batch"], {"id": batch_id, "model": model, "total": total, "now": now}
        )

    def finalize(self, batch_id: str, now: float) -> None:
        """Say that the requests of a batch are done, unless it is being cancelled."""
        self._database.change(_SQL["finalize_batch"], {"id": batch_id, "now": now})

    def cancel(self, batch_id: str, now: float) -> None:
        """Ask for the end of a batch; nothing happens to one that has ended or was asked before."""
        self._database.change(_SQL["cancel_batch"], {"id": batch_id, "now": now})

    def end(self, batch: BatchRecord, end: End, now: float) -> bool:
        """Record the end of a batch together with its result files; False: its status is another one by now."""
        files = [file for file in (end.output, end.errors) if file is not None]
        given = {
            "id": batch.id,
            "was": batch.status,
            "status": end.status,
            "completed": end.completed,
            "failed": end.failed,
            "never_run": end.never_run,
            "usage": _text(end.usage),
            "output_file_id": end.output and end.output.id,
            "error_file_id": end.errors and end.errors.id,
            "now": now,
        }
        with self._database.transaction():
            if self._database.change(_SQL["end_batch"], given) != 1:
                return False
            for file in files:
                self.add_file(file)
        return True


def _text(value: JsonObject | None) -> str | None:
    return None if value is None else dumps(value).decode()


def _file(row: tuple[Any, ...]) -> FileRecord:
    fields = dict(zip(FileRecord.__dataclass_fields__, row, strict=True))
    fields["details"] = None if fields["details"] is None else loads(fields["details"])
    return FileRecord(**fields)


def _batches(rows: list[tuple[Any, ...]]) -> Iterator[BatchRecord]:
    for row in rows:
        fields = dict(zip(BatchRecord.__dataclass_fields__, row, strict=True))
        for name in ("metadata", "errors", "usage", "details", "effects"):
            fields[name] = None if fields[name] is None else loads(fields[name])
        yield BatchRecord(**fields)
