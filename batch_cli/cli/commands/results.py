"""``batch-cli results``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli results -o results.jsonl",
        "batch-cli results --batch-id local_123 --output-file results.jsonl --model local/simulate",
        "batch-cli results -o - | jq .parsed.name",
        "batch-cli results --format table",
    ),
    exits=(
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
        ExitCode.DAMAGED,
    ),
    details=(
        "One line for each request, failures included, in the same shape for every provider: custom_id, id,"
        " response, error, and parsed where it is known what answers look like. FILE.meta.json beside it holds"
        " the counts and hashes."
    ),
)


class ResultFormat(enum.StrEnum):
    """How results are written."""

    LINES = "lines"
    TABLE = "table"


class ResultOrder(enum.StrEnum):
    """In which order."""

    INPUT = "input"
    AS_IS = "as-is"


def run(
    context: Context,
    batch_id: options.BatchIdArgument = None,
    batch_id_option: options.BatchIdOption = None,
    output_file: Annotated[
        str | None,
        typer.Option("--output-file", "-o", metavar="FILE", help="Where to; '-' is standard output."),
    ] = None,
    style: Annotated[
        ResultFormat | None,
        typer.Option("--format", "-f", help="JSON lines, or a table to look at.  [default: lines]"),
    ] = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    response_model: options.ResponseModelOption = None,
    order: Annotated[
        ResultOrder | None,
        typer.Option("--order", help="In input order, or as they come.  [default: input]"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until the batch has ended.")] = False,
    max_wait: options.MaxWait = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Exit 0 although some requests failed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE although it holds something else.")
    ] = False,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Write the results: one line per request, in input order."""
    from batch_cli.cli import collecting, inputs, waiting  # noqa: PLC0415 - kept out of --help

    if style is ResultFormat.TABLE and output_file is not None:
        raise UsageError("a table is for looking at, not for a file", hint="leave out -o FILE")
    if style is not ResultFormat.TABLE and output_file is None:
        if context.console.is_terminal or context.console.json:
            raise UsageError("where should the results go?", hint="use -o FILE, -o - or --format table")
        output_file = "-"
    if context.console.json and output_file in (None, "-"):
        raise UsageError("--json and results on standard output do not go together", hint="use -o FILE")
    wanted = collecting.Wanted(
        output=output_file,
        response_model=response_model,
        in_order=order is not ResultOrder.AS_IS,
        force=force,
        allow_partial=allow_partial,
    )
    with context.workspace() as workspace:
        place = workspace.find_batch(
            inputs.one_id(batch_id, batch_id_option), inputs.filter_model(model, provider)
        )
        if wait:
            waiting.wait_for(context, workspace, [place], inputs.seconds(max_wait))
        return collecting.collect(context, workspace, place, wanted)
