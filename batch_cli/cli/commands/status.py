"""``batch-cli status``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli status",
        "batch-cli status --batch-id local_123 --model local/simulate",
        "batch-cli status --exit-status -q && echo done",
        "batch-cli status --json | jq .batch.counts",
    ),
    exits=(
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
    ),
    details=(
        "Without --exit-status it is 0 whenever the question was answered. A job of several batches is shown as"
        " one, unless the id of one of them is given."
    ),
)


def run(
    context: Context,
    batch_id: options.BatchIdArgument = None,
    batch_id_option: options.BatchIdOption = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="Say by the exit code how the batch stands.")
    ] = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Show how one batch stands."""
    from batch_cli.cli import documents, inputs, listing, waiting  # noqa: PLC0415 - kept out of --help
    from batch_cli.jobs.follow import status  # noqa: PLC0415

    with context.workspace() as workspace:
        place = workspace.find_batch(
            inputs.one_id(batch_id, batch_id_option), inputs.filter_model(model, provider, context.services)
        )
        batch = status(workspace, place)
    console = context.console
    if console.json:
        age = None if batch.created_at is None else round(context.clock.now() - batch.created_at, 1)
        console.document(
            "status",
            {
                "batch": documents.batch_object(batch),
                "batches": [documents.batch_object(one) for one in batch.parts or (batch,)],
                "progress": documents.progress_object(batch),
                "age_s": age,
                "source": place.source,
            },
        )
    elif not console.quiet:
        listing.show_one(console, context.clock, batch)
    return waiting.code_of(batch) if exit_status else ExitCode.OK
