"""``batch-cli retry``."""

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
        "batch-cli retry --submit --wait && batch-cli results -o results.jsonl",
        "batch-cli retry local_123 --submit",
        "batch-cli retry results.jsonl --only missing --only expired -o again.jsonl",
        "batch-cli retry local_123 --where error.code==429 --submit",
        "batch-cli retry local_123 --only invalid --model local/simulate --submit",
    ),
    exits=(
        ExitCode.INVALID_INPUT,
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
        ExitCode.UNKNOWN,
    ),
    details=(
        "Takes a batch or an output of results, and gives the original request lines of what has no good answer,"
        " with the same ids: without --only and --where what may succeed unchanged, what is missing and what"
        " expired. With --submit they are sent as a further attempt at the same batch: results of the batch then"
        " has one row for each request, the best of all attempts. While an attempt runs no other is made."
    ),
)


class RetryOnly(enum.StrEnum):
    """The kinds of rows that have no good answer."""

    FAILED = "failed"
    EXPIRED = "expired"
    MISSING = "missing"
    INVALID = "invalid"
    ALL = "all"


def run(
    context: Context,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[BATCH_ID|OUT]", help="The batch, or its output; else the latest batch here."
        ),
    ] = None,
    batch_id: options.BatchIdOption = None,
    only: Annotated[
        list[RetryOnly] | None,
        typer.Option(
            "--only",
            help="Only rows that failed, expired, are missing, are invalid answers, or all; may be repeated."
            "  [default: what may succeed]",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COND",
            help="Only rows of which this holds: FIELD==JSON, FIELD!=JSON or FIELD~TEXT; may be repeated.",
        ),
    ] = None,
    output_file: Annotated[
        str | None,
        typer.Option("--output-file", "-o", metavar="FILE", help="The request file; '-' is standard output."),
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option("--requests", metavar="FILE", help="Where the requests are, if they are not found."),
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Send them, as a further attempt at the batch.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="PROVIDER/NAME", help="Ask another model.  [default: the same]"
        ),
    ] = None,
    provider: options.ProviderOption = None,
    response_model: options.ResponseModelOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="With --submit: wait until the new batch has ended.")
    ] = False,
    max_wait: options.MaxWait = None,
    interval: options.Interval = None,
    no_simulate: options.NoSimulate = False,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Send again what has no good answer, or write its requests."""
    from batch_cli.cli import inputs, retrying  # noqa: PLC0415 - kept out of --help
    from batch_cli.cli.output_names import output_named  # noqa: PLC0415
    from batch_cli.jobs.selection import Only, Where, Wish  # noqa: PLC0415

    if wait and not submit:
        raise UsageError("--wait goes with --submit", hint="add --submit")
    if output_file is None and not submit:
        if context.console.is_terminal or context.console.json:
            raise UsageError("where should the requests go?", hint="use -o FILE, -o - or --submit")
        output_file = "-"
    if context.console.json and output_file == "-":
        raise UsageError("--json and requests on standard output do not go together", hint="use -o FILE")
    wish = Wish(frozenset(Only(one) for one in only or ()), tuple(Where.parse(one) for one in where or ()))
    wanted = retrying.Wanted(
        wish,
        output=output_file,
        requests=requests,
        model=None if model is None else inputs.chosen_model(model, services=context.services),
        response_model=response_model,
        submit=submit,
        wait=wait,
        max_wait=inputs.seconds(max_wait),
    )
    whose = inputs.filter_model(None, provider, context.services)
    with context.workspace() as workspace:
        if (of_output := output_named(what)) is not None:
            return retrying.retry(context, workspace, of_output, wanted)
        place = workspace.find_batch(inputs.one_id(what, batch_id), whose)
        return retrying.retry(context, workspace, place, wanted)
