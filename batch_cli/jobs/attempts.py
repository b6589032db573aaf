"""Attempts: requests of a batch that were sent again, and the best answer to each of them.

The batch that had them first is the *root*, and the first attempt. What is sent again is written in the root's
order, so the rows of all attempts are merged by reading them side by side, one of each in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from batch_cli.attempt_links import LinkedSubmit, Retry
from batch_cli.errors import DamagedData, OutcomeUnknown, StateError, quoted
from batch_cli.events import Note
from batch_cli.files import held
from batch_cli.jobs.in_flight import stands
from batch_cli.jobs.intents import adopt, done
from batch_cli.jobs.whole import held_back, look, placed, unsubmitted
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, ModelName
from batch_cli.results import OutputRow

_GOOD_STATUS = range(200, 300)


def link(workspace: Workspace, content: str, retry: Retry) -> None:
    """Record that a submit of ``content`` sends requests again, before the submit itself is recorded.

    Raises:
        StateError: another submit of the same attempt was left half way, and may hold the same requests.
    """
    for other in workspace.journal.attempts.of([retry.root]):
        if other.number == retry.number and other.content != content and _is_half_submitted(workspace, other):
            raise StateError(
                f"attempt {other.number} at {retry.root} was begun as {other.submit}, with other options",
                hint="run the retry with the options of then: it goes on where it was",
            )
    workspace.journal.attempts.add(content, retry)


def _is_half_submitted(workspace: Workspace, one: LinkedSubmit) -> bool:
    shards = workspace.journal.shards_of(one.submit)
    return 0 < unsubmitted(shards) - held_back(shards) < len(shards)


def root_of(workspace: Workspace, place: BatchPlace) -> BatchPlace:
    """Give the batch or job that had the requests first; ``place`` itself when it is no retry.

    A part of a job stands for the job: an attempt at the job may hold its requests.
    """
    links = workspace.journal.attempts
    part = None if place.job else workspace.journal.job_of(place.id)
    whole = part.job if part else place.id
    root = links.root_of(place.id) or links.root_of(whole) or whole
    if root == place.id:
        return place
    known = root.startswith("bcj_") or workspace.journal.by_batch(root) is not None
    return workspace.find_batch(root, None if known else ModelName(place.provider, ""))


def with_attempts(workspace: Workspace, batch: Batch) -> Batch:
    """Give a batch or job with the ``attempts`` that send its requests again, as they stand now.

    One that was begun and never wholly submitted is left out, with a note: no row of it can be told yet.
    """
    links = workspace.journal.attempts.of([batch.id, *(part.id for part in batch.parts)])
    found = ((one, _asked(workspace, one)) for one in links)
    return replace(
        batch, attempts=tuple(replace(again, attempt=one.number) for one, again in found if again is not None)
    )


def _asked(workspace: Workspace, one: LinkedSubmit) -> Batch | None:
    """Ask how an attempt stands; None: it is not there, or not wholly."""
    job = workspace.journal.job(one.submit)
    if job is None:
        try:
            batch_id = one.batch or _settled(workspace, one)
        except OutcomeUnknown as error:
            _leave_out(workspace, one, f"may or may not have been submitted ({error.message})")
            return None
        if batch_id is None:
            _leave_out(workspace, one, "was begun and not submitted")
            return None
        batch = look(workspace, one.provider, batch_id)
        if batch is None:
            _leave_out(workspace, one, f"({batch_id}) is not there any more")
            return None
        return placed(workspace, batch)
    shards = workspace.journal.shards_of(job.id)
    if unsubmitted(shards) > held_back(shards):
        _leave_out(workspace, one, f"({job.id}) is not submitted wholly")
        return None
    return stands(workspace, BatchPlace(job.id, job.provider, "journal", job))


def _leave_out(workspace: Workspace, one: LinkedSubmit, why: str) -> None:
    workspace.say(Note(f"attempt {one.number} {why}: it is left out", warning=True))


def settle(workspace: Workspace, place: BatchPlace) -> None:
    """Look for the batches of attempts whose create was cut off, so that none is sent twice.

    Raises:
        OutcomeUnknown: of one it cannot be told whether it was created.
    """
    for one in workspace.journal.attempts.of([place.id]):
        if one.batch is None:
            _settled(workspace, one)


def _settled(workspace: Workspace, one: LinkedSubmit) -> str | None:
    """Look for the batch of an attempt whose create was cut off; None: there is none, or somebody is at it.

    Raises:
        OutcomeUnknown: it cannot be told.
    """
    intent = workspace.journal.intent(one.submit)
    lock = workspace.journal.lock(one.content[:32]) if intent.state == "creating" else None
    if lock is None:
        return None
    with held(lock):
        batch = adopt(workspace.journal, workspace.provider(one.provider), intent)
        return None if batch is None else done(workspace.journal, intent, batch).batch


def ended_attempts(batch: Batch) -> list[Batch]:
    """Give the attempts of a batch that have ended, in their order."""
    return [one for one in batch.attempts if one.status.is_terminal]


def running_attempts(batch: Batch) -> list[Batch]:
    """Give the attempts of a batch that have not ended."""
    return [one for one in batch.attempts if not one.status.is_terminal]


def places_of(workspace: Workspace, place: BatchPlace) -> list[BatchPlace]:
    """Give a batch or job and the attempts at it that have not ended, to wait for all of them."""
    running = running_attempts(with_attempts(workspace, stands(workspace, place)))
    return [place, *(workspace.find_batch(one.id, None) for one in running)]


# --- the best of several rows ---


@dataclass(slots=True)
class _Reader:
    """The rows of one attempt, and the next of them."""

    number: int
    rows: Iterator[OutputRow]
    head: OutputRow | None = None

    def advance(self) -> None:
        self.head = next(self.rows, None)


def merge(
    first: Iterable[OutputRow], others: Sequence[tuple[int, Iterable[OutputRow]]]
) -> Iterator[OutputRow]:
    """Give one row for each row of the root, the best of all attempts, with its ``attempt`` in the line.

    ``others`` are numbered, and in the order of the root, as far as they go. A good answer wins over an error, the
    first of several; among errors the newest wins, but not one without an answer over an answer that does not fit.

    Raises:
        DamagedData: after the last row, when an attempt has rows that are not the root's or in another order.
    """
    readers = [_Reader(number, iter(rows)) for number, rows in others]
    for reader in readers:
        reader.advance()
    for row in first:
        best, number = row, 1
        for reader in readers:
            if reader.head is not None and reader.head.custom_id == row.custom_id:
                if _is_better(reader.head, best):
                    best, number = reader.head, reader.number
                reader.advance()
        yield replace(best, line=b'%b,"attempt":%d}' % (best.line[:-1], number))
    for reader in readers:
        if reader.head is not None:
            raise DamagedData(
                f"attempt {reader.number} has rows that are not those of the first attempt, in its order",
                where=f"for example {quoted(reader.head.custom_id)}",
                hint="get the results of each batch on its own",
            )


def _is_better(new: OutputRow, old: OutputRow) -> bool:
    if old.error is None:
        return False
    return new.error is None or is_answered(new) or not is_answered(old)


def is_answered(row: OutputRow) -> bool:
    """Tell whether a model answered at all, well or not."""
    return status_of(row) in _GOOD_STATUS


def status_of(row: OutputRow) -> int | None:
    """Give the HTTP status of a row's response, where there is one."""
    status = (row.response or {}).get("status_code")
    return status if isinstance(status, int) else None
