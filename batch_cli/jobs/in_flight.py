"""In flight: the batches of a job that run now; the others wait, staged, until there is room for them.

There is room for so many as the user or the provider says, and only until the provider says that too much is
queued: by refusing a batch, or by failing one before it began.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from batch_cli.errors import NoRoom, StateError
from batch_cli.events import Note
from batch_cli.jobs.intents import start
from batch_cli.jobs.whole import look, merge, placed
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch
from batch_cli.state import Intent, Job, JobShard, NewIntent

Ready = Callable[[JobShard], Intent | None]
"""Makes a shard ready for its batch: gives its staged submit; None: that cannot be done here."""


class InFlight:
    """The batches of one job, as they were seen last."""

    def __init__(self, workspace: Workspace, job: Job) -> None:
        """Ask nobody yet."""
        self._workspace, self._job = workspace, job
        self.batches: dict[int, Batch] = {}
        """By the number of the shard; those that failed for want of room are not among them."""
        self.has_room = True
        """False: the provider has said that too much is queued."""

    @property
    def is_stopped(self) -> bool:
        """Tell whether the job was cancelled, perhaps by another process just now."""
        job = self._workspace.journal.job(self._job.id)
        return job is None or job.stopped_at is not None

    def whole(self) -> Batch:
        """Give one batch that stands for all of the job's."""
        job = self._workspace.journal.job(self._job.id) or self._job
        return merge(job, self.shards(), self.batches)

    def shards(self) -> list[JobShard]:
        """Give the shards as the journal knows them now."""
        return self._workspace.journal.shards_of(self._job.id)

    def look(self) -> None:
        """Ask about every batch that has not ended as far as is known."""
        for one in self.shards():
            known = self.batches.get(one.number)
            if one.intent is None or one.intent.batch is None or (known and known.status.is_terminal):
                continue
            batch = look(self._workspace, self._job.provider, one.intent.batch)
            if batch is not None:
                self.take(one, batch)

    def take(self, one: JobShard, batch: Batch) -> None:
        """Note how the batch of a shard stands; one that failed for want of room is to be created anew."""
        if batch.no_room:
            self.has_room = False
            self.batches.pop(one.number, None)
            self._renew(one)
        else:
            self.batches[one.number] = batch

    def _renew(self, one: JobShard) -> None:
        """Give a shard a new submit that goes on with the requests that are staged already."""
        old = one.intent
        if old is None or self.is_stopped:
            return
        journal = self._workspace.journal
        with suppress(StateError):  # another process, which waits for the same job, has done it
            intent = journal.replace(self._job, one, as_new(old))
            journal.move(intent, "staged", staged=old.staged)

    @property
    def running(self) -> list[tuple[int, Batch]]:
        """Give the batches that have not ended, in input order."""
        return [(number, one) for number, one in sorted(self.batches.items()) if not one.status.is_terminal]

    def start_more(self, ready: Ready) -> int:
        """Create the batches that there is room for, in input order; give how many.

        Raises:
            OutcomeUnknown: of one it cannot be told whether it was created; those behind it wait.
        """
        workspace, job = self._workspace, self._job
        provider = workspace.provider(job.provider)
        most = job.at_once or provider.capabilities.most_batches
        started = 0
        for one in self.shards():
            if one.number in self.batches or self.is_stopped:
                continue
            intent = ready(one)
            if intent is None or not self.has_room or (most is not None and len(self.running) >= most):
                continue
            try:
                _, batch = start(workspace.journal, provider, intent)
            except NoRoom as error:
                self.has_room = False
                workspace.say(Note(f"{error.message}: {', '.join(error.where)}", detail=True))
                continue
            self.batches[one.number] = batch
            started += 1
            workspace.say(Note(f"batch {one.number:,} of {job.shards:,}: {batch.id}", detail=True))
        return started


def stands(workspace: Workspace, place: BatchPlace) -> Batch:
    """Ask how a batch stands, or a job, as one batch that stands for all of its batches.

    Raises:
        Rejected: the provider does not know the batch.
    """
    if place.job is None:
        return placed(workspace, workspace.known(place, look(workspace, place.provider, place.id)))
    flight = InFlight(workspace, place.job)
    flight.look()
    return flight.whole()


def as_new(old: Intent) -> NewIntent:
    """Give a submit of the same requests."""
    return NewIntent(
        old.provider,
        old.model,
        old.endpoint,
        old.source,
        old.sha256,
        old.bytes,
        old.requests,
        old.response_schema,
        old.settings,
        old.metadata,
        old.account,
    )


def staged_only(one: JobShard) -> Intent | None:
    """Give the submit of a shard whose requests are with the provider already."""
    intent = one.intent
    return intent if intent is not None and intent.state in ("staged", "creating") else None
