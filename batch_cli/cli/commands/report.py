"""``batch-cli report``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli report",
        "batch-cli report results.jsonl",
        "batch-cli report batch_123 --html report.html",
        "batch-cli report results.jsonl --json | jq .tokens.output.p90",
    ),
    exits=(
        ExitCode.INVALID_INPUT,
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.DAMAGED,
    ),
    details=(
        "How many requests have a good answer, why the others have none, how the tokens are distributed, and the"
        " times where the answers say how long they took. A file must hold our own lines, as results writes them."
        " Percentiles are right within a tenth. --html writes one page that loads nothing and runs no script."
        " Exit 0 means that the report was made, whatever it says."
    ),
)


def run(
    context: Context,
    batch_or_file: Annotated[
        str | None,
        typer.Argument(
            metavar="BATCH|OUT", help="A batch, or a file of results.  [default: the latest batch]"
        ),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write the report as a page; '-' is standard output."),
    ] = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    api_key_file: options.KeyFile = None,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Show what came of the requests, how long it took and how many tokens."""
    from batch_cli.cli import inputs, reporting  # noqa: PLC0415 - kept out of --help

    return reporting.report(
        context, batch_or_file, inputs.filter_model(model, provider, context.services), html
    )
