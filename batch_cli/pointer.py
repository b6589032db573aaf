"""The pointer files: ``<provider>_batch_id.txt`` in the working directory, which shell users read.

They are derived from the journal and can be lost without harm.
"""

from __future__ import annotations

from pathlib import Path

from batch_cli.errors import BatchCliError, StateError, quoted
from batch_cli.files import write_atomically
from batch_cli.jsonl import BOM
from batch_cli.model import check_batch_id

_LARGEST_POINTER = 1 << 20


def pointer_path(directory: Path, provider: str) -> Path:
    """Give where the id of the latest batch of ``provider`` is kept for shell users."""
    return directory / f"{provider}_batch_id.txt"


def write_pointer(directory: Path, provider: str, *batch_ids: str) -> Path:
    """Make ``batch_ids``, one or all of one job, the latest of ``provider`` here, in one step.

    Raises:
        DiskError: the directory cannot be written.
    """
    path = pointer_path(directory, provider)
    write_atomically(path, "".join(f"{batch_id}\n" for batch_id in batch_ids).encode())
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


def remove_pointer(directory: Path, provider: str, *batch_ids: str, dry_run: bool = False) -> bool:
    """Remove the pointer file if it points at ``batch_ids`` and nothing else; with ``dry_run`` only tell whether it does."""
    try:
        if not set(read_pointer(directory, provider)) <= set(batch_ids):
            return False
        if not dry_run:
            pointer_path(directory, provider).unlink()
    except (OSError, BatchCliError):
        return False
    return True
