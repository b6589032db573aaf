"""How recovering looks: a row for each submit, then what was left behind at providers."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.cli import asking, documents
from batch_cli.cli.console import Console
from batch_cli.cli.context import Context
from batch_cli.cli.tables import Column, Table, show
from batch_cli.cli.text import plural, size
from batch_cli.clock import rfc3339
from batch_cli.errors import ExitCode
from batch_cli.jobs import recover as jobs
from batch_cli.jobs.recover import Action, LeftBehind, Orphan, Settled
from batch_cli.model import JsonObject

_COLUMNS = (
    Column("id", "Submit", whole=True),
    Column("state", "Was"),
    Column("action", "Now"),
    Column("batch", "Batch ID"),
    Column("provider", "Provider"),
    Column("requests", "Requests", right=True),
    Column("created_at", "Begun", is_time=True),
    Column("source", "File"),
)


def recover(context: Context, names: Sequence[str], *, gc: bool, yes: bool) -> ExitCode:
    """Settle the submits that are named, or all, and show what they left behind."""
    removed: list[Orphan] = []
    removed_here: list[str] = []
    with context.workspace() as workspace:
        intents = jobs.open_submits(workspace, names)
        settled = list(jobs.settle(workspace, intents, named=bool(names)))
        found = LeftBehind() if names and not gc else jobs.left_behind(workspace)
        if gc and (found.orphans or found.local):
            asking.confirm(context, _question(found), yes=yes)
            removed = jobs.remove_orphans(workspace, found.orphans)
            removed_here = jobs.remove_local(found.local)
    _show(context, settled, found, removed, removed_here)
    return _code(settled, found)


def discard(context: Context, names: Sequence[str], *, yes: bool) -> ExitCode:
    """Forget the submits that are named."""
    with context.workspace() as workspace:
        intents = jobs.open_submits(workspace, names)
        ids = ", ".join(intent.id for intent in intents)
        question = (
            f"Forget {ids}? The provider may or may not have started it; nothing will look for it again."
        )
        asking.confirm(context, question, yes=yes)
        settled = [jobs.discard(workspace, intent) for intent in intents]
    _show(context, settled, LeftBehind(), [], [])
    return ExitCode.OK


def _question(found: LeftBehind) -> str:
    total = sum(one.upload.bytes or 0 for one in found.orphans)
    here = f", and {_local(found)}" if found.local else ""
    return f"Delete {plural(len(found.orphans), 'file')} ({size(total)}) that no batch uses{here}?"


def _local(found: LeftBehind) -> str:
    total = sum(path.stat().st_size for path in found.local)
    return f"{plural(len(found.local), 'file')} ({size(total)}) on this machine"


def _code(settled: Sequence[Settled], found: LeftBehind) -> ExitCode:
    actions = {one.action for one in settled}
    if Action.NEEDS_YOU in actions:
        return ExitCode.UNKNOWN
    if Action.BUSY in actions:
        return ExitCode.STATE
    return ExitCode.TEMPORARY if found.unreachable else ExitCode.OK


def _show(
    context: Context,
    settled: Sequence[Settled],
    found: LeftBehind,
    removed: Sequence[Orphan],
    removed_here: Sequence[str],
) -> None:
    console = context.console
    if console.json:
        console.document("recover", _document(settled, found, removed, removed_here))
    elif settled:
        show(console, Table("Submits (times in UTC)", _COLUMNS, [_cells(one) for one in settled]), None)
    elif not (found.second_batches or found.orphans or found.local):
        console.say("nothing is unfinished")
    for one in settled:
        if one.action is Action.NEEDS_YOU:
            console.warn(f"{one.intent.id}: {one.why}; nothing was sent again", one.hint)
        elif one.why:
            console.say(f"{one.intent.id}: {one.why}")
            if one.hint:
                console.say(f"  fix: {one.hint}")
    _show_left(console, found, removed, removed_here)


def _show_left(
    console: Console, found: LeftBehind, removed: Sequence[Orphan], removed_here: Sequence[str]
) -> None:
    """Say what was left behind, and what of it is gone now."""
    for batch in found.second_batches:
        console.warn(
            f"{batch.id} ({batch.status}) was made of the submit {batch.submit}, which does not know it",
            f"batch-cli cancel {batch.id} --provider {batch.provider}",
        )
    if found.orphans and not removed:
        console.say(f"{plural(len(found.orphans), 'input file')} of ours at providers that no batch uses:")
        for orphan in found.orphans:
            console.say(f"  {orphan.provider} {orphan.upload.id} {size(orphan.upload.bytes or 0)}")
        console.say("  fix: batch-cli recover --gc")
    if found.local and not removed_here:
        console.say(f"{_local(found)} of submits that came to nothing")
        console.say("  fix: batch-cli recover --gc")
    for name in removed_here:
        console.say(f"deleted {name}")
    for orphan in removed:
        console.say(f"deleted {orphan.upload.id} at {orphan.provider}")


def _cells(one: Settled) -> list[str]:
    intent = one.intent
    return [
        intent.id,
        intent.state,
        one.action,
        one.batch or "",
        intent.provider,
        str(intent.requests),
        rfc3339(intent.created_at) or "",
        intent.source,
    ]


def _document(
    settled: Sequence[Settled], found: LeftBehind, removed: Sequence[Orphan], removed_here: Sequence[str]
) -> JsonObject:
    return {
        "intents": [
            {
                "id": one.intent.id,
                "state": one.intent.state,
                "action": one.action,
                "batch_id": one.batch,
                "provider": one.intent.provider,
                "model": one.intent.model,
                "source": one.intent.source,
                "requests": one.intent.requests,
                "staged": one.intent.staged,
                "created_at": rfc3339(one.intent.created_at),
                "job": one.job,
                "why": one.why or None,
                "hint": one.hint,
            }
            for one in settled
        ],
        "second_batches": [
            documents.batch_object(batch, intent=batch.submit) for batch in found.second_batches
        ],
        "orphan_files": [_file(one) for one in found.orphans],
        "deleted": [_file(one) for one in removed],
        "local_files": [f"{path.parent.name}/{path.name}" for path in found.local],
        "local_deleted": list(removed_here),
        "unreachable": found.unreachable,
    }


def _file(one: Orphan) -> JsonObject:
    upload = one.upload
    return {"provider": one.provider, "id": upload.id, "name": upload.name, "bytes": upload.bytes}
