"""The bodies of creates that carry their requests: kept on this machine from the check until they were answered."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from batch_cli.errors import StateError, disk_error
from batch_cli.files import fsync, fsync_directory, private_directory, write_atomically

_PIECE = 1 << 20
_STAY = 7 * 86_400.0
"""Seconds; what is older belongs to a submit that nobody went on with."""


class Spool:
    """One file for each submit; when it was answered, the id of its batch instead. Memory: a piece of a megabyte."""

    def __init__(self, root: Path) -> None:
        """Keep them in ``root``, which is made when the first is written."""
        self._root = root

    def write(self, key: str, pieces: Iterable[bytes]) -> None:
        """Keep the body of the submit ``key``, over that of an earlier try; on disk when this returns.

        Raises:
            DiskError: it cannot be written.
        """
        private_directory(self._root)
        path = self._path(key)
        part = path.with_suffix(".part")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(part, flags, 0o600), "wb", buffering=_PIECE) as stream:
                for piece in pieces:
                    stream.write(piece)
                stream.flush()
                fsync(stream.fileno())
            part.replace(path)
            fsync_directory(self._root)
        except OSError as error:
            raise disk_error(error, part, doing="writing") from error

    def size(self, key: str) -> int:
        """Give the bytes of a body.

        Raises:
            StateError: it is not there any more.
        """
        try:
            return self._path(key).stat().st_size
        except OSError as error:
            raise StateError(
                f"the requests of the submit {key} are not in the state directory any more",
                where=str(self._path(key)),
                hint="look whether the provider has the batch; if not, submit the file with --again",
            ) from error

    def pieces(self, key: str) -> Iterator[bytes]:
        """Give a body from its start."""
        with self._path(key).open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def settle(self, key: str, batch_id: str) -> None:
        """Note the batch that came of a submit, and remove its body.

        Raises:
            DiskError: it cannot be written.
        """
        private_directory(self._root)
        write_atomically(self._answer(key), batch_id.encode(), mode=0o600)
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def batch_of(self, key: str) -> str | None:
        """Give the batch that came of a submit, if its answer is known."""
        try:
            return self._answer(key).read_text(encoding="utf-8")
        except OSError:
            return None

    def sweep(self, now: float) -> None:
        """Remove what was left behind long ago."""
        with contextlib.suppress(OSError):
            for path in self._root.iterdir():
                if path.stat().st_mtime < now - _STAY:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.json"

    def _answer(self, key: str) -> Path:
        return self._root / f"{key}.batch"
