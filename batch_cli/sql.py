"""SQLite as both databases use it: durable, migrated by numbered steps, its errors translated in one place."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from batch_cli.errors import DiskError, StateError, quoted

_BUSY_SECONDS = 10.0
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL = "free some space, then run the same command again"


def load_statements(package: str, file: str) -> dict[str, str]:
    """Read a ``.sql`` file of a package: statements by the name in their ``-- name: x`` line."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


class Database:
    """One SQLite file. Not shared between threads; any number of processes may have it open."""

    def __init__(self, path: Path, migrations: list[str]) -> None:
        """Open or create ``path`` and bring it to the newest schema, step by step.

        Raises:
            DiskError: it cannot be opened, is damaged, or was made by a newer version.
        """
        self.path = path
        # SQLite says what is wrong; its own two files take the mode of this one. Only a new file may be opened and
        # closed here: closing any descriptor of a file drops all locks that this process holds on it, those of
        # another connection too, and the next process to leave would take the log away from under that one.
        # Source: https://www.sqlite.org/howtocorrupt.html, 2.2 (read 2026-11-21).
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with self.translated():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in (
                "journal_mode=wal",
                "synchronous=full",  # a commit is on disk when it returns
                "trusted_schema=off",
                "cell_size_check=on",
                "foreign_keys=on",
            ):
                self._connection.execute(f"pragma {pragma}")
            self._migrate(migrations)
        path.chmod(0o600)

    def _migrate(self, migrations: list[str]) -> None:
        (version,) = self._connection.execute("pragma user_version").fetchone()
        if version > len(migrations):
            self._connection.close()
            raise DiskError(
                f"{quoted(str(self.path))} was made by a newer version of batch-cli",
                hint="update batch-cli, or choose another directory with --state-dir DIR",
            )
        if version == len(migrations):
            return
        with self.transaction():
            # Another process may have migrated between the first look and this lock.
            (version,) = self._connection.execute("pragma user_version").fetchone()
            for script in migrations[version:]:
                for statement in script.split(";\n"):
                    self._connection.execute(statement)
            self._connection.execute(f"pragma user_version={len(migrations)}")

    def close(self) -> None:
        """Close the file; nothing is lost without."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self, *, waits_for_disk: bool = True) -> Iterator[None]:
        """Do everything in the block or nothing of it; other writers wait.

        One that does not wait for the disk is safe from any death of a process; a power cut may lose it, until the
        next one that waits has ended.
        """
        with self.translated():
            if not waits_for_disk:
                self._connection.execute("pragma synchronous=normal")
            try:
                self._connection.execute("begin immediate")
                try:
                    yield
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("rollback")
                    raise
                self._connection.execute("commit")
            finally:
                if not waits_for_disk:
                    self._connection.execute("pragma synchronous=full")

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Run a query and give all its rows; only for results that are known to be small."""
        with self.translated():
            return self._connection.execute(statement, parameters).fetchall()

    def row(self, statement: str, parameters: Any = ()) -> tuple[Any, ...] | None:
        """Run a query and give its first row, or None."""
        with self.translated():
            found: tuple[Any, ...] | None = self._connection.execute(statement, parameters).fetchone()
            return found

    def change(self, statement: str, parameters: Any = ()) -> int:
        """Run a statement and give how many rows it changed."""
        with self.translated():
            return self._connection.execute(statement, parameters).rowcount

    def change_many(self, statement: str, parameters: Iterable[Any]) -> int:
        """Run a statement for each set of parameters and give how many rows were changed in all."""
        with self.translated():
            return max(self._connection.executemany(statement, parameters).rowcount, 0)

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ours for the length of a block."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            name = quoted(str(self.path))
            if code in _BUSY:
                raise StateError(
                    f"another batch-cli has kept {name} busy for {_BUSY_SECONDS:.0f} s",
                    hint="wait until it is done, then run the same command again",
                ) from error
            if code == sqlite3.SQLITE_FULL:
                raise DiskError(f"no space left while writing {name}", hint=_FULL) from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise DiskError(
                    f"{name} is damaged",
                    where=str(error),
                    hint="keep a copy of it, then choose another directory with --state-dir DIR",
                ) from error
            if code in (
                sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_IOERR,
                sqlite3.SQLITE_PERM,
            ):
                raise DiskError(
                    f"cannot write to {name}: {error}",
                    hint="check the disk and the permissions, or use --state-dir DIR",
                ) from error
            raise
