"""How the standing of batches looks: one in full, several as rows."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.cli import documents, listing, waiting
from batch_cli.cli.context import Context
from batch_cli.errors import BatchCliError, ExitCode, Stopped
from batch_cli.jobs.follow import status
from batch_cli.jobs.workspace import BatchPlace
from batch_cli.model import Batch, JsonObject, ModelName


def show_single(
    context: Context, name: str | None, wanted: ModelName | None, *, exit_status: bool
) -> ExitCode:
    """Show one batch, or one job."""
    with context.workspace() as workspace:
        place = workspace.find_batch(name, wanted)
        batch = status(workspace, place)
    console = context.console
    if console.json:
        console.document("status", _facts(context, place, batch))
    elif not console.quiet:
        listing.show_one(console, context.clock, batch)
    return waiting.code_of(batch) if exit_status else ExitCode.OK


def show_several(
    context: Context, names: Sequence[str | None], wanted: ModelName | None, *, exit_status: bool
) -> ExitCode:
    """Show several batches; one that cannot be asked for hides none of the others."""
    found: list[tuple[BatchPlace, Batch]] = []
    failures: list[tuple[str, BatchCliError]] = []
    with context.workspace() as workspace:
        for place in [workspace.find_batch(name, wanted) for name in dict.fromkeys(names)]:
            try:
                found.append((place, status(workspace, place)))
            except Stopped:
                raise
            except BatchCliError as error:
                failures.append((place.id, error))
                where = "; ".join((error.message, *error.where))
                context.console.warn(f"{place.id}: {where}", error.hint)
    console = context.console
    if console.json:
        console.document(
            "statuses",
            {
                "statuses": [_facts(context, place, batch) for place, batch in found],
                "failed": [{"id": name, "message": error.message} for name, error in failures],
            },
        )
    elif not console.quiet and found:
        listing.show_batches(console, context.clock, [batch for _, batch in found])
    if failures:
        return failures[0][1].exit_code
    return waiting.worst_of([batch for _, batch in found]) if exit_status else ExitCode.OK


def _facts(context: Context, place: BatchPlace, batch: Batch) -> JsonObject:
    age = None if batch.created_at is None else round(context.clock.now() - batch.created_at, 1)
    return {
        "batch": documents.batch_object(batch),
        "batches": [documents.batch_object(one) for one in batch.parts or (batch,)],
        "progress": documents.progress_object(batch),
        "age_s": age,
        "source": place.source,
    }
