"""The bytes of the stored files: ``files/<id>``, complete or not there.

A file gets its name when it is on disk, and counts when the database knows it; what a crash leaves in between is
swept away at the next start.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from batch_cli.errors import disk_error
from batch_cli.files import fsync, fsync_directory, private_directory, write_all

_BUFFER = 1 << 20


class Contents:
    """The directory of the files."""

    def __init__(self, data_dir: Path) -> None:
        """Open or create it.

        Raises:
            DiskError: it cannot be created, or is not private.
        """
        self._root = private_directory(data_dir / "files")

    def path(self, file_id: str) -> Path:
        """Give where the content of a file is; the id is one that this server made."""
        return self._root / file_id

    def delete(self, file_id: str) -> None:
        """Remove a content; whoever reads it may go on."""
        with contextlib.suppress(FileNotFoundError):
            self.path(file_id).unlink()

    def sweep(self, known: set[str]) -> None:
        """Remove what nobody knows: the rest of uploads and of result files that a crash cut off."""
        for entry in os.scandir(self._root):
            if entry.name not in known:
                self.delete(entry.name)


class NewContent:
    """A content that is being written; leaving the block without a `commit` removes it."""

    def __init__(self, contents: Contents, file_id: str) -> None:
        """Begin the content of ``file_id``."""
        self.id = file_id
        self.written = 0
        """Bytes so far."""
        self._path = contents.path(file_id)
        self._part = self._path.with_name(f"{file_id}.part")
        self._buffer = bytearray()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._part, flags, 0o600)
        except OSError as error:
            raise disk_error(error, self._part, doing="creating") from error

    def __enter__(self) -> Self:
        """Give the content itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it unless it was committed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            with contextlib.suppress(OSError):
                self._part.unlink()

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        self._buffer += data
        self.written += len(data)
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def reread(self) -> BinaryIO:
        """Open what was written so far for reading; it stays readable when the content is removed.

        Raises:
            DiskError: it could not be written.
        """
        self._flush()
        return self._part.open("rb")

    def _flush(self) -> None:
        try:
            write_all(self._descriptor, self._buffer)
        except OSError as error:
            raise disk_error(error, self._part, doing="writing") from error
        self._buffer.clear()

    def cut_off(self, count: int) -> None:
        """Take the last ``count`` bytes away again."""
        self._flush()
        self.written -= count
        os.ftruncate(self._descriptor, self.written)
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def commit(self) -> None:
        """Put it on disk and give it its name.

        Raises:
            DiskError: it could not be written.
        """
        self._flush()
        try:
            fsync(self._descriptor)
            self._part.replace(self._path)
            fsync_directory(self._path.parent)
        except OSError as error:
            raise disk_error(error, self._path, doing="writing") from error
        os.close(self._descriptor)
        self._descriptor = -1
