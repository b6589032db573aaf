"""Resumable uploads on their way, on disk: what the last answer acknowledged is there, whatever ends the server.

    uploads/<id>.json    what was asked for, written once
    uploads/<id>         the bytes so far; gone when the file is complete

A session stays for two days after it was begun, so that a client that lost the last answer can ask again.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from batch_cli.errors import disk_error
from batch_cli.files import fsync, fsync_directory, private_directory, write_atomically
from batch_cli.jsonl import dumps, loads

STAY = 2 * 86_400
"""Seconds that a session, and a file after it, stays. Source for files: google-gemini/cookbook, Batch_mode (2026-08)."""
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Session:
    """One upload."""

    id: str
    file_id: str
    """Under which the file is stored when it is complete."""
    display_name: str
    mime_type: str
    size: int | None
    """Announced bytes."""
    created_at: float


class Sessions:
    """The directory of the sessions; for the event loop, but for `settle`."""

    def __init__(self, data_dir: Path) -> None:
        """Open or create it.

        Raises:
            DiskError: it cannot be created, or is not private.
        """
        self._root = private_directory(data_dir / "uploads")

    def begin(self, session: Session) -> None:
        """Make a session known.

        Raises:
            DiskError: it cannot be written.
        """
        path = self._root / session.id
        write_atomically(self._facts(session.id), dumps(asdict(session)), mode=0o600)
        try:
            path.touch(mode=0o600, exist_ok=False)
            fsync_directory(self._root)
        except OSError as error:
            raise disk_error(error, path, doing="creating") from error

    def find(self, session_id: str, now: float) -> Session | None:
        """Give a session whose time is not over."""
        if not _ID.fullmatch(session_id):
            return None
        try:
            session = Session(**loads(self._facts(session_id).read_bytes()))
        except FileNotFoundError:
            return None
        return session if now < session.created_at + STAY else None

    def is_open(self, session: Session) -> bool:
        """Tell whether bytes may still come."""
        return (self._root / session.id).exists()

    def received(self, session: Session) -> int:
        """Give how many bytes are there, from the first on."""
        return (self._root / session.id).stat().st_size

    def open(self, session: Session) -> int:
        """Give a descriptor to write with."""
        return os.open(self._root / session.id, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def settle(self, session: Session, target: Path) -> str:
        """Give the bytes the name ``target`` as well, on disk, and hash them; may be repeated.

        The hash is the base64 form of its hex digits, as the live API writes it.

        Raises:
            DiskError: it could not be done.
        """
        source = self._root / session.id
        try:
            with source.open("rb") as stream:
                fsync(stream.fileno())
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            with contextlib.suppress(FileExistsError):
                target.hardlink_to(source)
            fsync_directory(target.parent)
        except OSError as error:
            raise disk_error(error, target, doing="writing") from error
        return base64.b64encode(digest.encode()).decode()

    def close(self, session: Session) -> None:
        """Remove the bytes; what was asked for stays, for whoever lost the last answer."""
        (self._root / session.id).unlink()

    def drop(self, session: Session) -> None:
        """Remove all of a session."""
        self._facts(session.id).unlink()
        self.close(session)

    def sweep(self, now: float) -> tuple[int, int]:
        """Remove what is over and what a crash left half-made; give how many are open still, and their bytes."""
        for facts in self._root.glob("*.json"):
            if self.find(facts.stem, now) is None:
                facts.unlink()
        count = total = 0
        for entry in list(self._root.iterdir()):
            if entry.suffix == ".json":
                continue
            if self._facts(entry.name).exists():
                count += 1
                total += entry.stat().st_size
            else:
                entry.unlink()
        return count, total

    def _facts(self, session_id: str) -> Path:
        return self._root / f"{session_id}.json"
