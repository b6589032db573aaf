"""End: cancel a batch, or delete it with what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from batch_cli.columns import kept_columns_path
from batch_cli.errors import StateError
from batch_cli.jobs.in_flight import stands
from batch_cli.jobs.kept_requests import kept_requests_path
from batch_cli.jobs.whole import ask
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch
from batch_cli.pointer import remove_pointer
from batch_cli.state import Job


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel led to."""

    batch: Batch
    already_ended: bool


def cancel(workspace: Workspace, place: BatchPlace) -> Cancelled:
    """Stop what has not started, of a job in all its batches; what is finished stays as it is."""
    provider = workspace.provider(place.provider)
    before = stands(workspace, place)
    if before.status.is_terminal:
        return Cancelled(before, already_ended=True)
    if place.job is not None:
        workspace.journal.stop(place.job)
        place = replace(place, job=workspace.journal.job(place.job.id))
    batch = ask(workspace, place, provider.cancel)
    for one in batch.parts or (batch,):
        workspace.journal.note_status(one.id, one.status)
    return Cancelled(batch, already_ended=False)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion led to, as ``(kind, name)``."""

    removed: list[tuple[str, str]]
    kept: list[tuple[str, str]] = field(default_factory=list)
    """What its provider has no way to delete: batches, which stay in its list without their files."""


def delete(workspace: Workspace, place: BatchPlace, *, force: bool = False, dry_run: bool = False) -> Deleted:
    """Remove a batch, or all of a job, with its files, as far as its provider deletes them.

    With ``dry_run`` nothing is removed, and what would be is given.

    Raises:
        StateError: it is still running, and ``force`` is not given.
    """
    provider = workspace.provider(place.provider)
    batch = stands(workspace, place)
    if not batch.status.is_terminal and not force:
        raise StateError(
            f"batch {batch.id} is still {batch.status}",
            hint=f"batch-cli cancel {batch.id}, or use --force",
        )
    ids = [one.id for one in batch.parts or (batch,)]
    removed: list[tuple[str, str]] = []
    kept: list[tuple[str, str]] = []
    sent = place.job or workspace.journal.by_batch(batch.id)
    for batch_id in ids:
        found = provider.delete(batch_id, dry_run=dry_run)
        removed += found
        if ("batch", batch_id) not in found:
            kept.append(("batch", batch_id))
        if not dry_run:
            workspace.journal.forget(batch_id)
    if place.job is not None:
        removed += _drop_held_back(workspace, place.job, dry_run=dry_run)
        ids.append(place.job.id)
    if not dry_run and sent is not None and batch.job in (None, batch.id):
        kept_columns_path(workspace.state, sent.sha256).unlink(missing_ok=True)
        kept_requests_path(workspace.state, sent.sha256).unlink(missing_ok=True)
    if remove_pointer(workspace.directory, place.provider, *ids, dry_run=dry_run):
        removed.append(("pointer", f"{place.provider}_batch_id.txt"))
    return Deleted(removed, kept)


def _drop_held_back(workspace: Workspace, job: Job, *, dry_run: bool) -> list[tuple[str, str]]:
    """Forget what of a job has no batch, with its uploaded requests; what is in doubt stays for `recover`."""
    provider = workspace.provider(job.provider)
    removed = []
    for one in workspace.journal.shards_of(job.id):
        intent = one.intent
        if intent is None or intent.state not in ("prepared", "staged"):
            continue
        if intent.staged is not None and (dry_run or provider.remove_upload(intent.staged)):
            removed.append(("input", intent.staged))
        if not dry_run:
            workspace.journal.discard(intent)
    return removed
