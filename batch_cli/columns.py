"""The user's own columns: what a line of messages holds beside the request, kept to come back beside the answer.

A file of JSON lines, ``{"custom_id", "input"}`` for each request that has any, and a last one that says for
which requests they are. They are no part of a request: no provider ever sees them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, Self

from batch_cli.errors import BatchCliError, DamagedData
from batch_cli.files import PartFile, open_input
from batch_cli.jsonl import dumps, dumps_exactly, loads, loads_exactly, read_lines
from batch_cli.model import JsonObject, object_of

_LONGEST_LINE = 256_000_000
_LONGEST_TRAILER = 512
_HASH = (1 << 60) - 1


COLUMNS_SUFFIX = ".columns.jsonl"
"""Behind the name of a request file, or of an object: its columns."""


def columns_path(requests: Path) -> Path:
    """Give where the columns of a request file stand."""
    return requests.with_name(f"{requests.name}{COLUMNS_SUFFIX}")


def kept_columns_path(state: Path, sha256: str) -> Path:
    """Give where the columns of submitted requests are kept; ``sha256`` is over the request lines."""
    return state / "columns" / f"{sha256}.jsonl"


class ColumnsSpool:
    """Columns on their way: in a nameless file until it is known which requests they belong to."""

    def __init__(self) -> None:
        """Start empty."""
        self._file = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by close
        self.count = 0
        """Requests that have any."""

    def __enter__(self) -> Self:
        """Give the spool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget what is in it."""
        self._file.close()

    def add(self, custom_id: str, columns: JsonObject) -> None:
        """Keep the columns of a request, if there are any."""
        if columns:
            self._file.write(dumps_exactly({"custom_id": custom_id, "input": columns}) + b"\n")
            self.count += 1

    def save(self, path: Path, sha256: str) -> None:
        """Write ``path`` in one step, for the requests with that hash.

        Raises:
            DiskError: it cannot be written.
        """
        self._file.seek(0)
        with PartFile(path) as part:
            shutil.copyfileobj(self._file, part, 1 << 20)
            part.write(dumps({"requests": {"sha256": sha256}, "columns": self.count}) + b"\n")
            part.commit()


def belongs_to(path: Path) -> str | None:
    """Give the hash of the requests whose columns a file holds; None: it is no such file, or not all of it."""
    with contextlib.suppress(BatchCliError, OSError, ValueError), open_input(path) as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - _LONGEST_TRAILER))
        tail = stream.read()
        if tail.endswith(b"\n"):
            found = object_of(object_of(loads(tail[:-1].rpartition(b"\n")[2])).get("requests")).get("sha256")
            return found if isinstance(found, str) else None
    return None


def columns_digest(path: Path | None) -> str | None:
    """Give the SHA-256 of a file of columns, which tells one output from another; None where there is none."""
    if path is None:
        return None
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def copy_columns(source: Path, target: Path) -> None:
    """Copy a file of columns in one step.

    Raises:
        DiskError: it cannot be written.
    """
    with open_input(source) as stream, PartFile(target) as part:
        shutil.copyfileobj(stream, part, 1 << 20)
        part.commit()


class Columns:
    """The columns of a file by the ids of their requests. Memory: some 110 bytes for each, whatever their size."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the whole of ``stream``, a regular file that stays open as long as this is used."""
        self._stream = stream
        self._places: dict[int, int] = {}
        for line in read_lines(stream, max_bytes=_LONGEST_LINE):
            custom_id = object_of(loads(line.raw)).get("custom_id")
            if isinstance(custom_id, str):
                self._places[hash(custom_id) & _HASH] = line.offset

    def of(self, custom_id: str) -> JsonObject | None:
        """Give the columns of a request; None: it has none.

        Raises:
            DamagedData: two ids cannot be told apart in this run.
        """
        at = self._places.get(hash(custom_id) & _HASH)
        if at is None:
            return None
        self._stream.seek(at)
        line = loads_exactly(self._stream.readline())
        if line["custom_id"] != custom_id:
            raise DamagedData(
                "two ids cannot be told apart in this run",
                hint="run the same command again: it tells ids apart in another way then",
            )
        columns: JsonObject = line["input"]
        return columns
