"""Own columns: where those of a submit are kept, and how they get beside its answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from batch_cli.columns import (
    COLUMNS_SUFFIX,
    Columns,
    ColumnsSpool,
    belongs_to,
    columns_path,
    copy_columns,
    kept_columns_path,
)
from batch_cli.events import Note
from batch_cli.files import open_input, private_directory
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch
from batch_cli.object_store import ObjectAddress, ObjectStore, is_object
from batch_cli.results import OutputRow, with_columns


def keep_columns(workspace: Workspace, columns: ColumnsSpool, digest: str) -> None:
    """Keep the columns of messages that are submitted; ``digest`` is over the request lines.

    Raises:
        DiskError: they cannot be written.
    """
    path = kept_columns_path(workspace.state, digest)
    private_directory(path.parent)
    columns.save(path, digest)


def keep_columns_beside(workspace: Workspace, name: str, digest: str) -> None:
    """Keep the columns that `create` has written beside a request file; whoever moves the file later need not care.

    ``name`` may be the address of an object: they are an object then, too.

    Raises:
        DiskError: they cannot be written.
        ConfigError, Rejected, Temporary: the store of the object cannot be used.
    """
    if is_object(name):
        address, store = ObjectAddress.parse(name).beside(COLUMNS_SUFFIX), ObjectStore(workspace.environment)
        if store.look(address) is not None:
            with tempfile.NamedTemporaryFile(prefix="batch-cli-") as copy:
                store.read(address, cast("BinaryIO", copy))
                copy.flush()
                _keep(workspace, Path(copy.name), str(address), digest)
        return
    beside = columns_path(Path(name))
    if beside.is_file():
        _keep(workspace, beside, str(beside), digest)


def _keep(workspace: Workspace, found: Path, name: str, digest: str) -> None:
    if belongs_to(found) != digest:
        workspace.say(
            Note(
                f"{name} is not of this request file as it is now; its columns will not come back",
                warning=True,
                hint="create the request file again, or remove those columns",
            )
        )
        return
    path = kept_columns_path(workspace.state, digest)
    private_directory(path.parent)
    copy_columns(found, path)


def columns_of(workspace: Workspace, batch: Batch) -> Path | None:
    """Find the columns that were kept when a batch, or the job that it is a part of, was submitted."""
    journal = workspace.journal
    sent = journal.by_batch(batch.id) if batch.job is None else journal.job(batch.job)
    path = None if sent is None else kept_columns_path(workspace.state, sent.sha256)
    return path if path is not None and path.is_file() else None


def with_columns_of(found: Iterator[OutputRow], path: Path | None) -> Iterator[OutputRow]:
    """Give rows with the columns that a file holds for them, if there is one."""
    if path is None:
        yield from found
        return
    with open_input(path) as stream:
        yield from with_columns(found, Columns(stream))
