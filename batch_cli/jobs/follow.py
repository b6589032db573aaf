"""Follow: how a batch stands, the list of batches, waiting until they end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from batch_cli.errors import BatchCliError, Stopped, UsageError, quoted
from batch_cli.events import Event, Note, Progress
from batch_cli.jobs.whole import ask, placed, unsubmitted
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchStatus, RequestCounts
from batch_cli.state import Intent, Job


def status(workspace: Workspace, place: BatchPlace) -> Batch:
    """Ask the provider how a batch or a job stands, and remember it for lists."""
    batch = ask(workspace, place, workspace.provider(place.provider).retrieve)
    _remember(workspace, batch)
    return batch


def _remember(workspace: Workspace, batch: Batch) -> None:
    for one in batch.parts or (batch,):
        known = workspace.journal.by_batch(one.id)
        if known is not None and known.status != one.status:
            workspace.journal.note_status(one.id, one.status)


@dataclass(frozen=True, slots=True)
class ListOrder:
    """Which batches to list."""

    provider: str | None = None
    limit: int | None = 10
    """None: all."""
    after: str | None = None
    """Start behind this batch id."""
    statuses: frozenset[str] = frozenset()
    since: float | None = None
    """Wall time; older ones are left out."""


def list_batches(workspace: Workspace, order: ListOrder) -> Iterator[Batch]:
    """Give the batches known on this machine, the newest first, a page at a time.

    Batches that run here are asked for; of others the last known status is given. One odd batch never
    hides the others.

    Raises:
        UsageError: ``order.after`` is none of them.
    """
    given = 0
    waiting_for = order.after
    for intent in _intents(workspace, order.provider):
        if waiting_for is not None:
            if intent.batch == waiting_for:
                waiting_for = None
            continue
        if order.since is not None and intent.created_at < order.since:
            return
        batch = _current(workspace, intent)
        if order.statuses and batch.status not in order.statuses:
            continue
        yield batch
        given += 1
        if order.limit is not None and given >= order.limit:
            return
    if waiting_for is not None:
        raise UsageError(
            f"the list has no batch {quoted(waiting_for)} to go on after",
            hint="give the last id of the page before, with the same --provider",
        )


def _intents(workspace: Workspace, provider: str | None) -> Iterator[Intent]:
    skip, page = 0, 100
    while intents := workspace.journal.newest(provider, most=page, skip=skip):
        yield from intents
        skip += page


def _current(workspace: Workspace, intent: Intent) -> Batch:
    """Ask how a batch stands; where that cannot be found out, give what was known last."""
    try:
        batch = workspace.provider(intent.provider).retrieve(intent.batch or "")
    except Stopped:
        raise
    except BatchCliError as error:
        workspace.say(Note(f"{intent.batch}: {error.message}", warning=True))
        batch = None
    if batch is None:
        return placed(workspace, _from_journal(intent))
    _remember(workspace, batch)
    return placed(workspace, batch)


def _from_journal(intent: Intent) -> Batch:
    word = intent.status or "unknown"
    return Batch(
        id=intent.batch or intent.id,
        provider=intent.provider,
        status=BatchStatus(word) if word in list(BatchStatus) else BatchStatus.UNKNOWN,
        raw_status=word,
        model=intent.model,
        endpoint=intent.endpoint,
        created_at=intent.created_at,
        counts=RequestCounts(total=intent.requests),
        metadata=intent.metadata,
    )


@dataclass(frozen=True, slots=True)
class Waited:
    """What waiting led to."""

    batches: list[Batch]
    seconds: float
    timed_out: bool


def wait(workspace: Workspace, places: list[BatchPlace], *, seconds: float | None = None) -> Waited:
    """Wait until every batch and job has ended, or ``seconds`` are over. What runs on the local engine is worked at here.

    Raises:
        Stopped: a signal asked to stop; the batches are as they were left, and waiting can go on later.
    """
    clock = workspace.clock
    started = clock.monotonic()

    def left() -> float | None:
        return None if seconds is None else max(0.0, seconds - (clock.monotonic() - started))

    batches = []
    for place in places:
        batch = _wait_for(workspace, place, left)
        _remember(workspace, batch)
        batches.append(batch)
    timed_out = not all(one.status.is_terminal for batch in batches for one in batch.parts or (batch,))
    return Waited(batches, clock.monotonic() - started, timed_out)


def _wait_for(workspace: Workspace, place: BatchPlace, left: Callable[[], float | None]) -> Batch:
    """Wait for a batch, or for the batches of a job one after the other, telling of them as of one."""
    provider, job = workspace.provider(place.provider), place.job
    done = failed = 0

    def tell(event: Event) -> None:
        if job is not None and isinstance(event, Progress):
            event = replace(event, done=done + event.done, total=job.requests, failed=failed + event.failed)
        workspace.say(event)

    def end(batch_id: str) -> Batch | None:
        nonlocal done, failed
        batch = provider.retrieve(batch_id)
        if batch is not None and not batch.status.is_terminal:
            batch = provider.drive(batch_id, tell, left())
        if batch is not None:
            done, failed = done + batch.counts.done, failed + (batch.counts.failed or 0)
        return batch

    try:
        batch = ask(workspace, place, end)
    except (Stopped, KeyboardInterrupt) as error:
        if job is None:
            raise
        stop = error if isinstance(error, Stopped) else Stopped("Stopped.", signal_number=signal.SIGINT)
        counts = ask(workspace, place, provider.retrieve).counts
        raise Stopped(
            f"{stop.message.removesuffix('.')}, {counts.answered:,} of {job.requests:,} of the whole job.",
            signal_number=stop.signal_number,
            hint=f"batch-cli wait {job.id}",
        ) from error
    if job is not None and not batch.status.is_terminal:
        _tell_unsubmitted(workspace, job)
    return batch


def _tell_unsubmitted(workspace: Workspace, job: Job) -> None:
    waiting = unsubmitted(workspace.journal.shards_of(job.id))
    if waiting:
        workspace.say(
            Note(
                f"{waiting:,} of the {job.shards:,} batches of {job.id} are not submitted yet",
                warning=True,
                hint=f"submit {quoted(job.source)} again: it goes on where it was",
            )
        )
