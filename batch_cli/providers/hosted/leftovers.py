"""Leftovers: what submits that came to nothing left in the state directory, requests and ids that nobody will ask for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from batch_cli.providers.hosted.kept_ids import file_stem

_ROOMS = ("ids", "inline", "spool")


def leftovers(state: Path, names: set[str], before: float) -> Iterator[Path]:
    """Give the files that belong to none of ``names``, ids of open submits and of batches, and are older than ``before``.

    What is younger may be on its way to a batch. Memory: a hash for each name.
    """
    stems = names | {file_stem(name) for name in names}
    for room in _ROOMS:
        with contextlib.suppress(FileNotFoundError):
            for path in sorted((state / room).iterdir()):
                if path.stem not in stems and path.is_file() and path.stat().st_mtime < before:
                    yield path
