"""Recover: submits that did not come to their end, settled; and what they left behind at providers, found.

    open submits ─▶ settle each ─▶ the lists of the providers ─▶ second batches, files that no batch uses

Nothing that may cost money is done for a submit that nobody named.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.errors import (
    BatchCliError,
    OutcomeUnknown,
    StateError,
    Stopped,
    UsageError,
    disk_error,
    quoted,
)
from batch_cli.events import Note
from batch_cli.files import held
from batch_cli.jobs.intents import adopt, create, done
from batch_cli.jobs.kept_requests import outlived_requests
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch, BatchStatus
from batch_cli.providers.account import Upload
from batch_cli.providers.base import Provider
from batch_cli.providers.hosted.leftovers import leftovers
from batch_cli.state import GUARD_SECONDS, Intent, Job

_PAGE = 1_000
_LOOK_BACK = 31 * 86_400.0
"""Older batches are not looked at: their input files are gone by then."""


class Action(enum.StrEnum):
    """What became of an open submit."""

    ADOPTED = "adopted"
    """Its batch was found."""
    RESUMED = "resumed"
    """There was none, and it was created now."""
    DONE = "done"
    """It had come to its end already."""
    NONE = "none"
    """There is no batch, and nothing was created: submitting again goes on."""
    HELD = "held"
    """It waits for room, as a part of a job."""
    NEEDS_YOU = "needs-you"
    """It cannot be told whether there is a batch."""
    BUSY = "busy"
    """Another process works at it."""
    DISCARDED = "discarded"
    """It is forgotten, as was asked for."""


@dataclass(frozen=True, slots=True)
class Settled:
    """An open submit, as it was found, and what became of it."""

    intent: Intent
    action: Action
    batch: str | None = None
    why: str = ""
    hint: str | None = None
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """An input file of ours that no batch uses."""

    provider: str
    upload: Upload


@dataclass(slots=True)
class LeftBehind:
    """What the lists of providers show."""

    second_batches: list[Batch] = field(default_factory=list)
    """Made of a submit that has another batch, or none any more."""
    orphans: list[Orphan] = field(default_factory=list)
    local: list[Path] = field(default_factory=list)
    """Files in the state directory of submits that came to nothing."""
    unreachable: list[str] = field(default_factory=list)
    """Providers that could not be asked; a warning was given."""


def open_submits(workspace: Workspace, names: Sequence[str]) -> list[Intent]:
    """Give the open submits, or those that are named, by their ids or the beginnings of them.

    Raises:
        StateError: there is none of a name.
        UsageError: several ids begin like that.
    """
    found = workspace.journal.open_intents()
    if not names:
        return found
    return [_named(workspace, found, name) for name in names]


def _named(workspace: Workspace, found: list[Intent], name: str) -> Intent:
    matches = [intent for intent in found if intent.id.startswith(name)]
    if len(matches) > 1:
        raise UsageError(f"several submits begin with {quoted(name)}", hint="give more of the id")
    if matches:
        return matches[0]
    done = next((one for one in workspace.journal.newest(most=1_000) if one.id == name), None)
    if done is None:
        raise StateError(f"no open submit {quoted(name)} is known here", hint="batch-cli recover lists them")
    return done


def settle(workspace: Workspace, intents: Iterable[Intent], *, named: bool) -> Iterator[Settled]:
    """Bring each submit to where it is certain whether it has a batch; one that is ``named`` is carried on."""
    for intent in intents:
        job = workspace.journal.job_of_intent(intent.id)
        lock = workspace.journal.lock((job or intent).content[:32])
        if lock is None:
            yield Settled(
                intent, Action.BUSY, why="another batch-cli works at it", hint="wait until it is done"
            )
            continue
        with held(lock):
            try:
                yield _settle(workspace, workspace.journal.intent(intent.id), job, named=named)
            except Stopped:
                raise
            except BatchCliError as error:
                may_exist = workspace.journal.intent(intent.id).state == "creating"
                doubt = Action.NEEDS_YOU if may_exist else Action.NONE
                why = "; ".join((error.message, *error.where))
                yield Settled(intent, doubt, why=why, hint=error.hint, job=job.id if job else None)


def _settle(workspace: Workspace, intent: Intent, job: Job | None, *, named: bool) -> Settled:
    name = job.id if job is not None else None
    if intent.state == "done":
        return Settled(intent, Action.DONE, intent.batch, job=name)
    again = f"batch-cli submit {shlex.quote(intent.source)} -m {intent.provider}/{intent.model}"
    if intent.state == "prepared":
        return Settled(intent, Action.NONE, why="nothing was started", hint=again, job=name)
    provider = workspace.provider(intent.provider)
    if intent.account and intent.account != workspace.account(intent.provider):
        raise OutcomeUnknown(
            "it was begun with another key or address", hint="set the key and the base URL it was begun with"
        )
    if intent.state == "creating":
        batch = adopt(workspace.journal, provider, intent)
        if batch is not None:
            done(workspace.journal, intent, batch)
            return Settled(intent, Action.ADOPTED, batch.id, job=name)
    if job is not None and job.stopped_at is None:
        hint = f"batch-cli wait {job.id}"
        return Settled(intent, Action.HELD, why="its requests are uploaded", hint=hint, job=name)
    if not named:
        why = "its requests are uploaded, and no batch was made of them"
        return Settled(intent, Action.NONE, why=why, hint=f"batch-cli recover {intent.id}", job=name)
    _, batch = create(workspace.journal, provider, intent)
    return Settled(intent, Action.RESUMED, batch.id, job=name)


def discard(workspace: Workspace, intent: Intent) -> Settled:
    """Forget a submit, because somebody is sure that no batch came of it.

    Raises:
        StateError: it has its batch, or another process works at it.
    """
    if intent.state == "done":
        raise StateError(
            f"the submit {intent.id} has its batch", hint=f"batch-cli cancel {intent.batch}, or delete it"
        )
    workspace.journal.discard(intent)
    return Settled(intent, Action.DISCARDED)


def left_behind(workspace: Workspace) -> LeftBehind:
    """Look through the lists of all providers that something was submitted to from here.

    Memory: the ids of the account's batches of a month.
    """
    found = LeftBehind(local=_left_here(workspace))
    for name in workspace.journal.providers():
        try:
            provider = workspace.provider(name)
            if provider.address:
                _look_through(workspace, provider, found)
        except Stopped:
            raise
        except BatchCliError as error:
            found.unreachable.append(name)
            hint = error.hint
            workspace.say(Note(f"{name} could not be asked: {error.message}", warning=True, hint=hint))
    return found


def _left_here(workspace: Workspace) -> list[Path]:
    journal = workspace.journal
    names = {intent.id for intent in journal.open_intents()}
    skip = 0
    while done := journal.newest(most=_PAGE, skip=skip):
        names |= {intent.batch for intent in done if intent.batch is not None}
        skip += len(done)
    now = workspace.clock.now()
    return [
        *leftovers(workspace.state, names, now - GUARD_SECONDS),
        *outlived_requests(workspace.state, now),
    ]


def _look_through(workspace: Workspace, provider: Provider, found: LeftBehind) -> None:
    journal, now = workspace.journal, workspace.clock.now()
    used: set[str | None] = {intent.staged for intent in journal.open_intents()}
    submits = {intent.id for intent in journal.open_intents()}
    for batch in provider.batches():
        if batch.created_at is not None and batch.created_at < now - _LOOK_BACK:
            break
        used.add(batch.staged)
        if _is_second(workspace, batch, submits):
            found.second_batches.append(batch)
    for upload in provider.uploads():
        submit = Path(upload.name).stem
        is_old = upload.created_at is not None and upload.created_at < now - GUARD_SECONDS
        # A fresh one that this machine knows nothing of may be on its way to a batch from another machine.
        if upload.id not in used and submit not in submits and (is_old or journal.is_known(submit)):
            found.orphans.append(Orphan(provider.name, upload))


def _is_second(workspace: Workspace, batch: Batch, open_ids: set[str]) -> bool:
    """Tell whether a batch was made of a submit of ours that does not know it."""
    journal, submit = workspace.journal, batch.submit
    if submit is None or submit in open_ids or batch.no_room or batch.status is BatchStatus.CANCELLED:
        return False
    if not journal.is_known(submit) or journal.by_batch(batch.id) is not None:
        return False
    return not journal.was_deleted(submit, batch.id)


def remove_orphans(workspace: Workspace, orphans: Iterable[Orphan]) -> list[Orphan]:
    """Delete files that no batch uses; give those that were deleted."""
    return [one for one in orphans if workspace.provider(one.provider).remove_upload(one.upload.id)]


def remove_local(paths: Iterable[Path]) -> list[str]:
    """Delete files of the state directory; give the names of those that were deleted.

    Raises:
        DiskError: one cannot be deleted.
    """
    removed = []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, path, doing="deleting") from error
        removed.append(f"{path.parent.name}/{path.name}")
    return removed
