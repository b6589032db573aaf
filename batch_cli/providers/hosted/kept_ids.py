"""The ids of a batch's requests in input order, kept on this machine: the proof that nothing is missing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from batch_cli.errors import disk_error
from batch_cli.files import fsync, private_directory, write_all
from batch_cli.jsonl import dumps, loads

_BUFFER = 1 << 18
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class KeptIds:
    """One file for each batch: a JSON text a line. Losing one costs a download, nothing else."""

    def __init__(self, root: Path) -> None:
        """Keep them in ``root``, which is made when the first is written."""
        self._root = root

    def record(self, key: str, id_field: str, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Pass checked request lines on, and write their ids down for the submit ``key``; the file counts when all came.

        Raises:
            DiskError: it cannot be written.
        """
        private_directory(self._root)
        starts = tuple(f'{{"{id_field}":{space}"'.encode() for space in (" ", ""))
        path = self._path(key)
        part = path.with_suffix(".part")
        with _writing(part):
            descriptor = os.open(part, _NEW_FILE, 0o600)
        try:
            ids = bytearray()
            for line in lines:
                ids += _id_text(line, starts) or dumps(loads(line)[id_field])
                ids += b"\n"
                if len(ids) >= _BUFFER:
                    with _writing(part):
                        write_all(descriptor, ids)
                    ids.clear()
                yield line
            with _writing(part):
                write_all(descriptor, ids)
                fsync(descriptor)
                part.replace(path)
        finally:
            os.close(descriptor)

    def belong_to(self, key: str, batch_id: str) -> None:
        """Say which batch came of the submit ``key`` just now; again: nothing happens.

        Raises:
            DiskError: it cannot be noted; to be done again, for some services do not tell the ids a second time.
        """
        if not self.has(key):
            return
        with _writing(self._path(batch_id)):
            os.utime(self._path(key))
            self._path(key).replace(self._path(batch_id))

    def has(self, key: str) -> bool:
        """Tell whether all requests of the submit ``key`` were read once, so that they may have been uploaded."""
        return self._path(key).exists()

    def is_new(self, batch_id: str, now: float, seconds: float) -> bool:
        """Tell whether a batch was made on this machine in the last ``seconds``."""
        with contextlib.suppress(OSError):
            return abs(now - self._path(batch_id).stat().st_mtime) < seconds
        return False

    def of(self, batch_id: str) -> Iterator[str] | None:
        """Give the ids of a batch, one in memory at a time; None: this machine does not know them."""
        path = self._path(batch_id)
        return _read(path) if path.exists() else None

    def are_kept(self, batch_id: str) -> bool:
        """Tell whether the ids of a batch are here: it came of a submit of this machine."""
        return self._path(batch_id).exists()

    def doubt(self, batch_id: str) -> None:
        """Note that a batch is probably that of its ids; only its results can prove it."""
        private_directory(self._root)
        self._mark(batch_id).touch(0o600)

    def is_doubted(self, batch_id: str) -> bool:
        """Tell whether a batch still has to prove that it is that of its ids."""
        return self._mark(batch_id).exists()

    def trust(self, batch_id: str) -> None:
        """Note that a batch has proved it."""
        with contextlib.suppress(OSError):
            self._mark(batch_id).unlink()

    def forget(self, batch_id: str) -> None:
        """Remove the ids of a batch."""
        self.trust(batch_id)
        with contextlib.suppress(OSError):
            self._path(batch_id).unlink()

    def _mark(self, batch_id: str) -> Path:
        return self._path(batch_id).with_suffix(".doubted")

    def _path(self, name: str) -> Path:
        return self._root / f"{file_stem(name)}.ids"


def file_stem(name: str) -> str:
    """Give what the files of a submit or a batch are called by; ids of servers are never names of files."""
    return sha256(name.encode()).hexdigest()


def _id_text(line: bytes, starts: tuple[bytes, ...]) -> bytes | None:
    """Give the JSON text of a checked line's id where it stands first, as it nearly always does; None: parse the line."""
    for start in starts:
        if line.startswith(start):
            text = line[len(start) - 1 : line.find(b'"', len(start)) + 1]
            return None if b"\\" in text else text
    return None


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, doing="writing") from error


def _read(path: Path) -> Iterator[str]:
    """Open the file when the first id is taken: whoever fetches results in between may fail."""
    with path.open("rb", buffering=_BUFFER) as lines:
        for line in lines:
            yield loads(line)
