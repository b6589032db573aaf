"""Follow: how a batch stands, and the list of batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batch_cli.errors import BatchCliError, Stopped, UsageError, quoted
from batch_cli.events import Note
from batch_cli.jobs.in_flight import stands
from batch_cli.jobs.whole import placed
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchStatus, RequestCounts
from batch_cli.state import Intent


def status(workspace: Workspace, place: BatchPlace) -> Batch:
    """Ask the provider how a batch or a job stands, and remember it for lists."""
    batch = stands(workspace, place)
    remember(workspace, batch)
    return batch


def remember(workspace: Workspace, batch: Batch) -> None:
    """Note the status of a batch, or of each batch of a job, for lists that do not ask the provider."""
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
    is_offline: bool = False
    """Of batches that run elsewhere give what was known last, without asking."""


def list_batches(workspace: Workspace, order: ListOrder) -> Iterator[Batch]:
    """Give the batches known on this machine, the newest first, a page at a time.

    Each is asked for where it runs. Of one that cannot be asked for, what was known last is given, with a warning;
    its provider is not asked again for the others.

    Raises:
        UsageError: ``order.after`` is none of them.
    """
    given = 0
    waiting_for = order.after
    silent: set[str] = set()
    for intent in _intents(workspace, order.provider):
        if waiting_for is not None:
            if intent.batch == waiting_for:
                waiting_for = None
            continue
        if order.since is not None and intent.created_at < order.since:
            return
        batch = _current(workspace, intent, silent, is_offline=order.is_offline)
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


def _current(workspace: Workspace, intent: Intent, silent: set[str], *, is_offline: bool) -> Batch:
    """Ask how a batch stands; where that cannot be found out, give what was known last."""
    if intent.provider in silent or (is_offline and intent.account):
        return placed(workspace, _from_journal(intent))
    try:
        batch = workspace.provider(intent.provider).retrieve(intent.batch or "")
    except Stopped:
        raise
    except BatchCliError as error:
        workspace.say(Note(f"{intent.provider}: {error.message}; what was known last is shown", warning=True))
        silent.add(intent.provider)
        batch = None
    if batch is None:
        return placed(workspace, _from_journal(intent))
    remember(workspace, batch)
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
