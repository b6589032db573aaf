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

_ENDS = (BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED, BatchStatus.COMPLETED)
"""How a batch can end, the worst first."""


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
    waiting = unsubmitted(shards)
    gone = len(shards) - len(parts) - waiting
    words = Counter(part.raw_status for part in parts) + Counter(unsubmitted=waiting, gone=gone)
    is_cancelled = any(part.status is BatchStatus.CANCELLED for part in parts)
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
    """Count the shards that wait for the submit to be run again."""
    return sum(1 for one in shards if one.intent is not None and one.intent.batch is None)


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
    found = {part.status for part in parts}
    return next(status for status in _ENDS if status in found)


def _running(parts: Sequence[Batch]) -> BatchStatus:
    found = {part.status for part in parts}
    if BatchStatus.CANCELLING in found:
        return BatchStatus.CANCELLING
    if found <= {BatchStatus.QUEUED, BatchStatus.VALIDATING}:
        return BatchStatus.QUEUED
    return BatchStatus.UNKNOWN if found == {BatchStatus.UNKNOWN} else BatchStatus.IN_PROGRESS
