"""Kept requests: the request lines of submits that nobody could give back, so that what failed can be sent again.

They are kept under the hash of their lines, where the provider gives out results only and no file of the user holds
them: they were made of messages, converted, or came through a pipe.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from batch_cli.files import PartFile, private_directory

KEPT_SECONDS = 30 * 86_400.0
"""How long: providers keep results no longer, so that nobody can tell any more what failed."""


def kept_requests_path(state: Path, sha256: str) -> Path:
    """Give where requests are kept; ``sha256`` is over their lines, each with its line end."""
    return state / "requests" / f"{sha256}.jsonl"


def keep_requests(state: Path, sha256: str, lines: Callable[[], Iterator[bytes]]) -> None:
    """Write the lines in one step; where they are kept already, nothing is read and their time begins anew.

    Raises:
        StateError: another process is writing them right now.
        DiskError: they cannot be written.
    """
    path = kept_requests_path(state, sha256)
    with suppress(FileNotFoundError):
        os.utime(path)
        return
    private_directory(path.parent)
    with PartFile(path) as part:
        for line in lines():
            part.write(line + b"\n")
        part.commit()


def outlived_requests(state: Path, now: float) -> Iterator[Path]:
    """Give the files whose time is over; ``now`` is in seconds since 1970 UTC."""
    before = now - KEPT_SECONDS
    with suppress(FileNotFoundError):
        for path in sorted((state / "requests").iterdir()):
            if path.is_file() and path.stat().st_mtime < before:
                yield path
