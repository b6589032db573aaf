"""Whole: a batch or a job of several batches, asked about as one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace

from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchStatus, RequestCounts
from batch_cli.state import Job, JobShard

Question = Callable[[str], Batch | None]
"""Something asked of a provider about the batch of an id; None where it knows no such batch."""

_SHOWN_LATE = 30.0
"""Seconds after its creation in which a batch that is not found is looked for again: services may be behind."""
_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_ENDS = (BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED, BatchStatus.COMPLETED)
"""How a batch can end, the worst first."""


def look(workspace: Workspace, provider: str, batch_id: str) -> Batch | None:
    """Ask how a batch stands; None when the provider knows no such batch, and not only does not show it yet."""
    found = workspace.provider(provider).of(batch_id)
    batch = found.retrieve(batch_id)
    created = workspace.journal.done_at(batch_id) if batch is None and found.address else None
    pause = _PAUSE
    while batch is None and created is not None and 0 <= workspace.clock.now() - created < _SHOWN_LATE:
        workspace.clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        batch = found.retrieve(batch_id)
    return batch


def ask(workspace: Workspace, place: BatchPlace, question: Question) -> Batch:
    """Ask about a batch, or about each batch of a job in input order; give one batch that stands for all.

    Raises:
        Rejected: the provider does not know the batch.
    """
    if place.job is None:
        return placed(workspace, workspace.known(place, question(place.id)))
    shards = workspace.journal.shards_of(place.job.id)
    found = {}
    for one in shards:
        batch = question(one.intent.batch) if one.intent and one.intent.batch else None
        if batch is not None:
            found[one.number] = batch
    return merge(place.job, shards, found)


def placed(workspace: Workspace, batch: Batch) -> Batch:
    """Give a batch with its place in its job, if it is a part of one."""
    place = workspace.journal.job_of(batch.id)
    if place is None:
        return batch
    return replace(batch, job=place.job, shard=place.number, shards=place.shards)


def merge(job: Job, shards: Sequence[JobShard], found: dict[int, Batch]) -> Batch:
    """Sum up the batches of a job, by shard number, as one batch with the job's id.

    A job has ended when all its batches have. One that was deleted counts as ended; one that was not
    submitted yet does not, unless the others were cancelled. The worst way any of them ended is its status.
    """
    parts = tuple(
        replace(found[one.number], job=job.id, shard=one.number, shards=job.shards)
        for one in shards
        if one.number in found
    )
    waiting, kept = unsubmitted(shards), held_back(shards)
    gone = len(shards) - len(parts) - waiting
    words = Counter(part.raw_status for part in parts)
    words += Counter(unsubmitted=waiting - kept, gone=gone) + Counter({"held back": kept})
    is_cancelled = job.stopped_at is not None or any(part.status is BatchStatus.CANCELLED for part in parts)
    has_ended = (is_cancelled or not waiting) and all(part.status.is_terminal for part in parts)
    first = next((one.intent for one in shards if one.intent), None)
    return Batch(
        id=job.id,
        provider=job.provider,
        status=_ended(parts, gone) if has_ended else _running(parts),
        raw_status=", ".join(f"{count} {word}" for word, count in words.items()),
        model=first.model if first else None,
        endpoint=first.endpoint if first else None,
        created_at=job.created_at,
        started_at=min(_times(part.started_at for part in parts), default=None),
        completed_at=max(_times(part.completed_at for part in parts), default=None) if has_ended else None,
        expires_at=min(_times(part.expires_at for part in parts), default=None),
        counts=replace(_sum([part.counts for part in parts]), total=job.requests),
        metadata=first.metadata if first else {},
        error=next((part.error for part in parts if part.error is not None), None),
        simulated=any(part.simulated for part in parts),
        job=job.id,
        shards=job.shards,
        parts=parts,
    )


def unsubmitted(shards: Sequence[JobShard]) -> int:
    """Count the shards that have no batch yet."""
    return sum(1 for one in shards if one.intent is not None and one.intent.batch is None)


def held_back(shards: Sequence[JobShard]) -> int:
    """Count the shards that are with the provider and wait for room, which `wait` gives them."""
    return sum(1 for one in shards if one.intent is not None and one.intent.state in ("staged", "creating"))


def _times(times: Iterable[float | None]) -> list[float]:
    return [time for time in times if time is not None]


def _sum(counts: Sequence[RequestCounts]) -> RequestCounts:
    """Add up what is known; what no provider said stays unknown."""
    sums: dict[str, int | None] = {}
    for field in fields(RequestCounts):
        known = [value for one in counts if (value := getattr(one, field.name)) is not None]
        sums[field.name] = sum(known) if known else None
    return RequestCounts(**sums)


def _ended(parts: Sequence[Batch], gone: int) -> BatchStatus:
    if gone:
        return BatchStatus.FAILED
    found = {part.status for part in parts} or {BatchStatus.CANCELLED}  # stopped before its first batch
    return next(status for status in _ENDS if status in found)


def _running(parts: Sequence[Batch]) -> BatchStatus:
    found = {part.status for part in parts}
    if BatchStatus.CANCELLING in found:
        return BatchStatus.CANCELLING
    if found <= {BatchStatus.QUEUED, BatchStatus.VALIDATING}:
        return BatchStatus.QUEUED
    return BatchStatus.UNKNOWN if found == {BatchStatus.UNKNOWN} else BatchStatus.IN_PROGRESS
