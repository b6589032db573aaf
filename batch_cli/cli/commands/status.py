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
        "batch-cli status $(cat openai_batch_id.txt)",
        "batch-cli status --exit-status -q && echo done",
        "batch-cli status --json | jq .batch.counts",
    ),
    exits=(
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
    ),
    details=(
        "Without --exit-status it is 0 whenever the question was answered. A job of several batches is shown as"
        " one, unless the id of one of them is given. Of several batches each is a row; one that cannot be asked for hides"
        " none of the others, but its error gives the exit code."
    ),
)


def run(
    context: Context,
    batch_ids: options.BatchIdsArgument = None,
    batch_id: options.BatchIdOption = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="Say by the exit code how the batch stands.")
    ] = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Show how batches stand."""
    from batch_cli.cli import inputs, standing  # noqa: PLC0415 - kept out of --help

    named = inputs.named_ids(batch_ids, batch_id)
    wanted = inputs.filter_model(model, provider, context.services)
    if len(set(named)) > 1:
        return standing.show_several(context, named, wanted, exit_status=exit_status)
    return standing.show_single(context, named[0], wanted, exit_status=exit_status)
