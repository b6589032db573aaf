"""How batches are shown: one in full, many as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batch_cli.cli import documents
from batch_cli.cli.console import Console
from batch_cli.cli.context import Context
from batch_cli.cli.tables import Column, RowFormat, Table, show
from batch_cli.cli.text import duration
from batch_cli.clock import Clock, rfc3339
from batch_cli.errors import BatchCliError, ExitCode
from batch_cli.jobs.follow import ListOrder, list_batches
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch

_COLUMNS = (
    Column("id", "Batch ID", whole=True),
    Column("provider", "Provider"),
    Column("status", "Status"),
    Column("created_at", "Created", is_time=True),
    Column("started_at", "Started", is_time=True, plain_only=True),
    Column("duration", "Took", right=True),
    Column("completed", "Done", right=True),
    Column("failed", "Failed", right=True),
    Column("total", "Total", right=True),
    Column("answers", "Answers"),
)
_RECENT = 5
_SHOWN_PARTS = 20
"""Batches of a job that are shown one by one."""


def show_batches(
    console: Console,
    clock: Clock,
    batches: list[Batch],
    style: RowFormat | None = None,
    *,
    fields: str | None = None,
    header: bool = False,
) -> None:
    """Show batches as rows."""
    rows = [_cells(batch, clock) for batch in batches]
    table = Table("Batches (times in UTC)", _COLUMNS, rows).only(fields)
    show(
        console,
        table,
        style,
        header=header,
        objects=(documents.batch_object(batch) for batch in batches),
    )


def show_recent(context: Context, workspace: Workspace, provider: str) -> None:
    """Show the newest five batches of a provider, as after a submit."""
    batches = list(list_batches(workspace, ListOrder(provider=provider, limit=_RECENT)))
    show_batches(context.console, context.clock, batches)


def _cells(batch: Batch, clock: Clock) -> list[str]:
    counts = batch.counts
    return [
        batch.id,
        batch.provider,
        batch.status if batch.status != "unknown" else batch.raw_status,
        rfc3339(batch.created_at) or "",
        rfc3339(batch.started_at) or "",
        _duration(batch, clock),
        _count(counts.completed),
        _count(counts.failed),
        _count(counts.total),
        "simulated" if batch.simulated else "",
    ]


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _duration(batch: Batch, clock: Clock) -> str:
    if batch.started_at is None:
        return ""
    end = batch.completed_at if batch.status.is_terminal else clock.now()
    return "" if end is None else duration(max(0.0, end - batch.started_at))


def _status(batch: Batch) -> str:
    """Give our word for how a batch stands, and behind it the provider's own ones."""
    words = [word for word in (batch.stage, batch.raw_status) if word and word != batch.status]
    return f"{batch.status} ({', '.join(dict.fromkeys(words))})" if words else batch.status


def _place(batch: Batch) -> str:
    if batch.is_job:
        return f"{len(batch.parts)} of {batch.shards} batches"
    return f"{batch.job}, batch {batch.shard} of {batch.shards}"


def show_one(console: Console, clock: Clock, batch: Batch) -> None:
    """Show one batch as keys and values."""
    counts = batch.counts
    facts = {
        "Batch ID": batch.id,
        "Provider": f"{batch.provider}{documents.mark(batch)}",
        "Model": batch.model or "",
        "Endpoint": batch.endpoint or "",
        "Status": _status(batch),
        "Job": "" if batch.job is None else _place(batch),
        "Error": batch.error or "",
        "Requests": f"{counts.answered:,} of {counts.total or 0:,} done",
        "Completed": _count(counts.completed),
        "Failed": _count(counts.failed),
        "Cancelled": _count(counts.cancelled) if counts.cancelled else "",
        "Created": rfc3339(batch.created_at) or "",
        "Started": rfc3339(batch.started_at) or "",
        "Ended": rfc3339(batch.completed_at) or "",
        "Duration": _duration(batch, clock),
    }
    columns = (Column("key", "Field"), Column("value", "Value"))
    rows = [[key, value] for key, value in facts.items() if value]
    for part in batch.parts[:_SHOWN_PARTS]:
        done = f"{part.counts.answered:,} of {part.counts.total or 0:,} done"
        rows.append([f"Batch {part.shard} of {part.shards}", f"{part.id} {part.status}, {done}"])
    rest = Counter(part.status for part in batch.parts[_SHOWN_PARTS:])
    if rest:
        counted = ", ".join(f"{count:,} {status}" for status, count in rest.items())
        rows.append([f"{rest.total():,} more batches", counted])
    show(console, Table("Batch", columns, rows), None)


def code_of_failures(asked: Sequence[str], failures: Mapping[str, BatchCliError]) -> ExitCode:
    """Give the exit code of a question to several providers: of the only one its own reason, else that some failed."""
    if not failures:
        return ExitCode.OK
    return failures[asked[0]].exit_code if len(asked) == 1 else ExitCode.TEMPORARY
