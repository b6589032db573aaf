"""What must survive: the journal of every submit, and the pointer files that shell users read.

The journal (``journal.db`` in the state directory) is written before anything that costs money. The pointer
``<provider>_batch_id.txt`` in the working directory is derived from it and can be lost without harm.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_cli.clock import Clock
from batch_cli.errors import BatchCliError, DamagedData, StateError, quoted
from batch_cli.files import private_directory, try_lock, write_atomically
from batch_cli.jsonl import BOM, dumps, loads
from batch_cli.model import JsonObject, check_batch_id
from batch_cli.sql import Database, load_statements

SQL = load_statements("batch_cli", "state.sql")
GUARD_SECONDS = 24 * 3600.0
"""How long the same content is taken for the same submit."""
_LARGEST_POINTER = 1 << 20


@dataclass(frozen=True, slots=True)
class Intent:
    """One submit, as the journal knows it: first what was meant to happen, then what did."""

    id: str
    content: str
    provider: str
    model: str
    endpoint: str
    source: str
    sha256: str
    bytes: int
    requests: int
    response_schema: JsonObject | None
    settings: JsonObject
    metadata: dict[str, str]
    state: str
    """``prepared``, ``staged``, ``creating``, ``done``; anything but the last is unfinished business."""
    staged: str | None
    batch: str | None
    status: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class NewIntent:
    """What is known before anything is sent."""

    provider: str
    model: str
    endpoint: str
    source: str
    sha256: str
    bytes: int
    requests: int
    response_schema: JsonObject | None
    settings: JsonObject
    metadata: dict[str, str]

    @property
    def content(self) -> str:
        """Give a hash over where it goes and what is sent; names and times do not count."""
        what = [self.provider, self.model, self.endpoint, self.sha256, self.settings]
        return sha256(dumps(what, sort_keys=True)).hexdigest()


class Journal:
    """The record of all submits of this user on this machine."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Open or create it in ``directory``.

        Raises:
            DiskError: the directory cannot be used.
        """
        self.directory = private_directory(directory)
        self.clock = clock
        self.database = Database(self.directory / "journal.db", [SQL["schema_1"]])
        self._locks = private_directory(self.directory / "locks")

    def prepare(self, new: NewIntent) -> Intent:
        """Record that a submit is about to happen; on disk when this returns."""
        intent_id = f"bci_{os.urandom(16).hex()}"
        with self.database.transaction():
            self.database.change(
                SQL["add_intent"],
                {
                    **{field.name: getattr(new, field.name) for field in fields(new)},
                    "id": intent_id,
                    "content": new.content,
                    "response_schema": dumps(new.response_schema).decode()
                    if new.response_schema is not None
                    else None,
                    "settings": dumps(new.settings).decode(),
                    "metadata": dumps(new.metadata).decode(),
                    "created_at": self.clock.now(),
                },
            )
            self._note(intent_id, "prepared", new.source)
        return self.intent(intent_id)

    def move(
        self,
        intent: Intent,
        to: str,
        *,
        staged: str | None = None,
        batch: str | None = None,
        status: str | None = None,
    ) -> Intent:
        """Record the next state of a submit; on disk when this returns.

        Raises:
            StateError: another process has moved it meanwhile.
        """
        with self.database.transaction():
            changed = self.database.change(
                SQL["move_intent"],
                {
                    "id": intent.id,
                    "from": intent.state,
                    "to": to,
                    "staged": staged,
                    "batch": batch,
                    "status": status,
                },
            )
            if not changed:
                raise StateError(
                    f"another batch-cli works at the submit {intent.id}",
                    hint="wait until it is done, then run the same command again",
                )
            self._note(intent.id, to, batch or staged)
        return self.intent(intent.id)

    def _note(self, intent_id: str, state: str, detail: str | None) -> None:
        self.database.change(SQL["add_event"], (intent_id, self.clock.now(), state, detail))

    def intent(self, intent_id: str) -> Intent:
        """Give a submit by its id, as it is now."""
        found = _intent(self.database.row(SQL["by_id"], (intent_id,)))
        if found is None:
            raise DamagedData(f"the journal lost the submit {intent_id}")
        return found

    def same_content(self, new: NewIntent) -> Intent | None:
        """Give the newest submit of the same content in the last 24 hours."""
        since = self.clock.now() - GUARD_SECONDS
        return _intent(self.database.row(SQL["same_content"], (new.content, since)))

    def by_batch(self, batch_id: str) -> Intent | None:
        """Give the submit that made a batch."""
        return _intent(self.database.row(SQL["by_batch"], (batch_id,)))

    def newest(self, provider: str | None = None, *, most: int = 1, skip: int = 0) -> list[Intent]:
        """Give finished submits, the newest first."""
        rows = self.database.rows(SQL["newest"], {"provider": provider, "most": most, "skip": skip})
        return [intent for row in rows if (intent := _intent(row))]

    def note_status(self, batch_id: str, status: str) -> None:
        """Remember a batch's status, for lists that do not ask the provider."""
        self.database.change(SQL["note_status"], (status, batch_id))

    def forget(self, batch_id: str) -> None:
        """Remove a deleted batch from lists and guards; its events stay."""
        with self.database.transaction():
            intent = self.by_batch(batch_id)
            if intent is not None:
                self._note(intent.id, "deleted", batch_id)
                self.database.change(SQL["remove_batch"], (batch_id,))

    def lock(self, name: str) -> int | None:
        """Take a lock of this state directory, as a descriptor to close; None when it is held."""
        return try_lock(self._locks / f"{name}.lock")


def _intent(row: tuple[Any, ...] | None) -> Intent | None:
    if row is None:
        return None
    values = dict(zip((field.name for field in fields(Intent)), row, strict=True))
    for name in ("settings", "metadata", "response_schema"):
        values[name] = loads(values[name]) if values[name] is not None else None
    return Intent(**values)


# --- the pointer files ---


def pointer_path(directory: Path, provider: str) -> Path:
    """Give where the id of the latest batch of ``provider`` is kept for shell users."""
    return directory / f"{provider}_batch_id.txt"


def write_pointer(directory: Path, provider: str, batch_id: str) -> Path:
    """Make ``batch_id`` the latest of ``provider`` here, in one step.

    Raises:
        DiskError: the directory cannot be written.
    """
    path = pointer_path(directory, provider)
    write_atomically(path, f"{batch_id}\n".encode())
    return path


def read_pointer(directory: Path, provider: str) -> list[str]:
    """Give the ids in the pointer file, one per line; an empty list when there is no file.

    Ids typed in by hand work too: outer white space and a byte order mark are let pass.

    Raises:
        StateError: there is a file, but no batch id in it.
    """
    path = pointer_path(directory, provider)
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_POINTER)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(
            f"state file {quoted(path.name)} cannot be read: {error.strerror}",
            hint="name the batch with --batch-id ID",
        ) from error
    try:
        text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise StateError(
            f"state file {quoted(path.name)} is not text",
            hint="name the batch with --batch-id ID",
        ) from error
    ids = [line.strip() for line in text.split("\n") if line.strip()]
    if not ids:
        raise StateError(f"state file {quoted(path.name)} is empty", hint="name the batch with --batch-id ID")
    return [check_batch_id(line, source=path.name) for line in ids]


def remove_pointer(directory: Path, provider: str, batch_id: str) -> bool:
    """Remove the pointer file if it points at ``batch_id`` and nothing else."""
    try:
        if read_pointer(directory, provider) != [batch_id]:
            return False
        pointer_path(directory, provider).unlink()
    except (OSError, BatchCliError):
        return False
    return True
