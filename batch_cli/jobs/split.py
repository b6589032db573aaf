"""Split: a file that takes more than one batch, submitted as one job.

    cut ─▶ guard each shard ─▶ the job and all its intents ─▶ carry out one after the other

The job is on disk with all its shards before anything is sent. The same command again goes on with the first
shard that is not done; a shard whose batch failed, expired or was cancelled is submitted anew, the others stay.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from batch_cli.errors import BatchCliError, ProblemLog
from batch_cli.events import Note
from batch_cli.files import reopened
from batch_cli.jobs.in_flight import InFlight
from batch_cli.jobs.intents import is_lost, stage
from batch_cli.jobs.whole import held_back, look
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch, Limits
from batch_cli.providers.base import Input
from batch_cli.shards import Cut, Shard, changed, cut, shard_lines
from batch_cli.state import GUARD_SECONDS, Intent, Job, JobShard, NewIntent

Judge = Callable[[Batch], bool]
"""Tells of a batch of the same requests whether they are to be sent again."""


@dataclass(frozen=True, slots=True)
class Split:
    """How small the batches have to be, besides what the provider says."""

    requests: int | None = None
    bytes: int | None = None

    def within(self, limits: Limits) -> Limits:
        """Give the provider's limits, narrowed."""
        return replace(
            limits,
            requests=_smaller(self.requests, limits.requests),
            bytes=_smaller(self.bytes, limits.bytes),
        )


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


@dataclass(frozen=True, slots=True)
class RequestLines:
    """The request lines of a whole job as one file."""

    open: Callable[[], BinaryIO]
    """Opens it anew; one reader at a time."""
    limits: Limits
    """The provider's; here for the longest line."""
    name: str
    """For messages to the user."""

    def cut(self, limits: Limits, problems: ProblemLog) -> Cut:
        """Cut the lines into shards within ``limits``."""
        with self.open() as stream:
            return cut(stream, limits, self.name, problems)

    def part(self, shard: Shard) -> Input:
        """Give the lines of one shard, as what a provider takes."""
        return Input(partial(self._read, shard), shard.requests, shard.bytes, shard.sha256)

    def _read(self, shard: Shard) -> Iterator[bytes]:
        with self.open() as stream:
            yield from shard_lines(stream, shard, self.limits, self.name)


class Spool:
    """A file without a name for lines that are made on the way, so that they can be read from any place.

    It is as large as the requests, and gone when it is closed or the process ends.
    """

    def __init__(self) -> None:
        """Make no file yet: only a job needs one."""
        self._file: BinaryIO | None = None

    def open(self, make_lines: Callable[[], Iterator[bytes]]) -> BinaryIO:
        """Give the lines as a file, at its start; they are made once, the first time."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by `close`
            self._file.writelines(line + b"\n" for line in make_lines())
        self._file.flush()
        return reopened(self._file.fileno())

    def sink(self) -> BinaryIO:
        """Give the empty file to be written to, for lines that come in blocks."""
        self._file = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by `close`
        return self._file

    def close(self) -> None:
        """Free its space."""
        if self._file is not None:
            self._file.close()


def job_before(
    workspace: Workspace, new: NewIntent, within: float = GUARD_SECONDS, is_of_no_use: Judge = is_lost
) -> Job | None:
    """Give the job of the same content in the last ``within`` seconds, unless not one of its batches is of any use."""
    job = workspace.journal.same_job(new, within)
    if job is None:
        return None
    for one in workspace.journal.shards_of(job.id):
        is_open = one.intent is not None and one.intent.batch is None
        batch = None if is_open else _asked(workspace, one.intent)
        if is_open or (batch is not None and not is_of_no_use(batch)):
            return job
    return None


def in_doubt(workspace: Workspace, new: NewIntent) -> Job | Intent | None:
    """Give the earlier try of the same content of which something may have been created, and that is not whole.

    Even what is submitted again on purpose goes on with it: else the same command after a crash would pay twice.
    """
    job = workspace.journal.same_job(new)
    if job is not None and job.stopped_at is None:
        states = {one.intent.state if one.intent else None for one in workspace.journal.shards_of(job.id)}
        if "creating" in states or ("done" in states and len(states) > 1):
            return job
    intent = workspace.journal.same_content(new)
    return intent if intent is not None and intent.state == "creating" else None


def plan_job(
    workspace: Workspace,
    new: NewIntent,
    lines: RequestLines,
    limits: Limits,
    *,
    again: bool,
    at_once: int | None = None,
) -> Job | None:
    """Cut the requests and record the job; None when they fit one batch.

    Raises:
        InvalidInput: a request is alone larger than a batch may be (E403), or the file changed.
    """
    problems = ProblemLog()
    found = lines.cut(limits, problems)
    problems.refuse_errors(lines.name)
    if found.sha256 != new.sha256:
        raise changed(lines.name)
    if len(found.shards) == 1:
        return None
    parts = [(shard, _new_part(new, shard)) for shard in found.shards]
    lost = set() if again else _lost_before(workspace, [part for _, part in parts])
    return workspace.journal.plan(new, parts, again=again, lost=lost, at_once=at_once)


def _new_part(new: NewIntent, shard: Shard) -> NewIntent:
    return replace(new, sha256=shard.sha256, bytes=shard.bytes, requests=shard.requests)


def _lost_before(workspace: Workspace, parts: list[NewIntent]) -> set[str]:
    """Give the earlier submits of the same shards whose batches are of no use any more."""
    lost = set()
    for part in parts:
        before = workspace.journal.same_content(part)
        if before is not None and before.batch is not None and _standing(workspace, before) is None:
            lost.add(before.id)
    return lost


def submit_job(
    workspace: Workspace,
    job: Job,
    new: NewIntent,
    lines: RequestLines,
    at_once: int | None = None,
    is_of_no_use: Judge = is_lost,
) -> tuple[Batch, bool]:
    """Submit what of a job is not submitted, in input order; give what stands for it, and whether a batch was created.

    What there is no room for is brought to the provider and waits there: `wait` creates it when others have ended,
    and so does this, when it is called again.
    """
    job = workspace.journal.resume(job, at_once)
    flight = InFlight(workspace, job)
    for one in flight.shards():
        batch = _asked(workspace, one.intent)
        if batch is not None and (batch.no_room or not is_of_no_use(batch)):
            flight.take(one, batch)
    flight.has_room = True  # what was refused before is tried anew
    known, started = len(flight.batches), 0
    try:
        started = flight.start_more(partial(_ready, workspace, job, new, lines))
    except (BatchCliError, KeyboardInterrupt):
        if flight.batches:
            workspace.say(
                Note(
                    f"{len(flight.batches):,} of the {job.shards:,} batches of {job.id} are submitted",
                    warning=True,
                    hint="the same command again goes on with the next one",
                )
            )
        raise
    whole = flight.whole()
    if known:
        _tell_known(workspace, whole, known)
    if kept := held_back(flight.shards()):
        workspace.say(
            Note(
                f"{kept:,} of the {job.shards:,} batches of {job.id} are held back until there is room for them",
                hint=f"batch-cli wait {job.id}, which creates them as others end",
            )
        )
    return whole, bool(started)


def _asked(workspace: Workspace, intent: Intent | None) -> Batch | None:
    """Ask about the batch of a submit, if it has one."""
    if intent is None or intent.batch is None:
        return None
    return look(workspace, intent.provider, intent.batch)


def _standing(workspace: Workspace, intent: Intent | None) -> Batch | None:
    """Give the batch of a submit, if it has one that is not lost."""
    batch = _asked(workspace, intent)
    return None if batch is None or is_lost(batch) else batch


def _ready(workspace: Workspace, job: Job, new: NewIntent, lines: RequestLines, one: JobShard) -> Intent:
    """Bring the requests of a shard to the provider, with a new submit where its batch is lost."""
    journal, intent = workspace.journal, one.intent
    if intent is None or intent.batch is not None:
        intent = journal.replace(job, one, _new_part(new, one.shard))
    return stage(journal, workspace.provider(job.provider), intent, lines.part(one.shard))


def _tell_known(workspace: Workspace, whole: Batch, known: int) -> None:
    if known == whole.shards:
        workspace.say(
            Note(
                f"already submitted as {whole.id} ({whole.status}); nothing was sent",
                hint="--again submits it a second time",
            )
        )
    else:
        workspace.say(Note(f"{known:,} of the {whole.shards:,} batches had been submitted before"))
