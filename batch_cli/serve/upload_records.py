"""What the server knows of files that come in parts: uploads and their parts, in the tables beside the files.

An upload is pending until it is completed, cancelled, or an hour is over. Its parts are contents of their own until
then; whoever ends an upload is given the ids of the contents that nobody needs any more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from batch_cli.serve.records import SCHEMAS, FileRecord
from batch_cli.sql import Database, load_statements

_SQL = load_statements("batch_cli.serve", "queries.sql")


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """A file that comes in parts. Times are on the server's clock."""

    id: str
    status: str
    """``pending``, ``completed``, ``cancelled`` or ``expired``."""
    filename: str
    purpose: str
    bytes: int
    """How many were announced."""
    stay: int | None
    """Seconds that the file stays once it is complete; None: until it is deleted."""
    created_at: float
    expires_at: float
    """When it is too late to complete it."""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A stored part of an upload."""

    id: str
    upload_id: str
    bytes: int
    created_at: float


class UploadRecords:
    """A connection to the uploads in the server's database; for one thread."""

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
        """Give the last time that was written down; 0 where there is none."""
        row = self._database.row(_SQL["latest_upload_moment"])
        return float(row[0] or 0) if row else 0.0

    def part_ids(self) -> set[str]:
        """Give the ids of all stored parts."""
        return {part_id for (part_id,) in self._database.rows(_SQL["part_ids"])}

    def stored_bytes(self) -> int:
        """Give the bytes of all stored parts."""
        row = self._database.row(_SQL["part_bytes"])
        return int(row[0]) if row else 0

    def add(self, new: UploadRecord) -> None:
        """Write down a new upload."""
        self._database.change(_SQL["add_upload"], asdict(new))

    def find(self, upload_id: str, now: float) -> UploadRecord | None:
        """Give an upload; a pending one whose time is over is given as expired."""
        row = self._database.row(_SQL["upload_by_id"], {"id": upload_id, "now": now})
        return UploadRecord(*row) if row else None

    def add_part(self, part: PartRecord) -> bool:
        """Make a part known whose content is on disk; False: its upload is not pending any more."""
        return self._database.change(_SQL["add_part"], asdict(part)) == 1

    def part_sizes(self, upload_id: str) -> dict[str, int]:
        """Give the bytes of each part of an upload, by the part's id."""
        return dict(self._database.rows(_SQL["parts_of_upload"], (upload_id,)))

    def complete(self, upload_id: str, file: FileRecord, now: float) -> list[str] | None:
        """Let an upload become a file whose content is on disk, and give the parts it had.

        None: it is not pending any more, and nothing was changed.
        """
        with self._database.transaction():
            given = {"id": upload_id, "now": now, "status": "completed"}
            if self._database.change(_SQL["end_upload"], given) != 1:
                return None
            self._database.change(_SQL["add_file"], asdict(file))
            return self._forget_parts(upload_id)

    def cancel(self, upload_id: str, now: float) -> list[str] | None:
        """Cancel an upload and give the parts it had; None: it is not pending any more."""
        with self._database.transaction():
            given = {"id": upload_id, "now": now, "status": "cancelled"}
            if self._database.change(_SQL["end_upload"], given) != 1:
                return None
            return self._forget_parts(upload_id)

    def expire(self, now: float) -> list[str]:
        """End the uploads whose time is over, some at a time, and give the parts they had."""
        late = [upload_id for (upload_id,) in self._database.rows(_SQL["late_uploads"], (now,))]
        parts: list[str] = []
        for upload_id in late:
            with self._database.transaction():
                self._database.change(_SQL["expire_upload"], (upload_id,))
                parts += self._forget_parts(upload_id)
        return parts

    def _forget_parts(self, upload_id: str) -> list[str]:
        parts = list(self.part_sizes(upload_id))
        self._database.change(_SQL["forget_parts"], (upload_id,))
        return parts
