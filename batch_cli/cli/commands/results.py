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
        "batch-cli results -o people.csv --format csv --fail-if 'errors>1%' --errors failed.jsonl",
        "batch-cli results --from-file output.jsonl --requests requests.jsonl -o results.jsonl",
        "cat output.jsonl errors.jsonl | batch-cli results --from-file - --requests requests.jsonl -o all.jsonl",
    ),
    exits=(
        ExitCode.INVALID_INPUT,
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
        " the counts and hashes. Other forms leave out what has no place in them and say how many rows that is:"
        " objects and text the failed ones, raw those that the provider has no line of. In text each answer is one"
        " line: line ends in it are written \\n. In CSV what begins like a formula gets an apostrophe before it."
        " Exit 0 means that every row has a good answer, or with --fail-if that no condition holds; a batch"
        " without one good answer is 10 all the same. --from-file checks and converts a result file that was downloaded by other"
        " means, offline and without a key; on a terminal, without -o, it only checks."
    ),
)


class ResultFormat(enum.StrEnum):
    """How results are written."""

    LINES = "lines"
    RAW = "raw"
    OBJECTS = "objects"
    TEXT = "text"
    CSV = "csv"
    TABLE = "table"
    PARQUET = "parquet"


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
        typer.Option(
            "--format",
            "-f",
            help="Our lines, the provider's own (raw), typed answers alone (objects), the model's words alone"
            " (text), CSV, Parquet, or a table to look at.  [default: lines]",
        ),
    ] = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="Take the results from FILE instead of a batch; '-' is standard input.",
        ),
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option(
            "--requests",
            metavar="FILE",
            help="With --from-file: the request file, for the order and for what is missing.",
        ),
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
    interval: options.Interval = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Exit 0 although some requests failed.")
    ] = False,
    errors: Annotated[
        str | None,
        typer.Option("--errors", metavar="FILE", help="Write the failed rows once more, to FILE."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="EXPR",
            help="Exit 7 only if this holds: errors>1%, missing>0, invalid>0, expired>0, …; may be repeated.",
        ),
    ] = None,
    junit: Annotated[
        str | None,
        typer.Option("--junit", metavar="FILE", help="Write the failed rows as JUnit XML, too."),
    ] = None,
    github_summary: Annotated[
        bool,
        typer.Option("--github-summary", help="Add a summary and annotations to a step of GitHub Actions."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE although it holds something else.")
    ] = False,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Write the results: one line per request, in input order."""
    from batch_cli.cli import collecting, inputs, result_files, waiting  # noqa: PLC0415 - kept out of --help
    from batch_cli.cli.fail_if import conditions  # noqa: PLC0415 - as above
    from batch_cli.cli.result_extras import ExtrasWanted  # noqa: PLC0415 - as above
    from batch_cli.jobs.attempts import places_of  # noqa: PLC0415 - as above
    from batch_cli.writers import FormatName  # noqa: PLC0415 - as above

    if fail_if and allow_partial:
        raise UsageError("--fail-if and --allow-partial contradict each other", hint="leave one of them out")
    if style is ResultFormat.TABLE and output_file is not None:
        raise UsageError("a table is for looking at, not for a file", hint="leave out -o FILE")
    if from_file is None and requests is not None:
        raise UsageError("--requests goes with --from-file", hint="leave it out: a batch knows its requests")
    checks_only = from_file is not None and (context.console.is_terminal or context.console.json)
    if style is not ResultFormat.TABLE and output_file is None and not checks_only:
        if context.console.is_terminal or context.console.json:
            raise UsageError("where should the results go?", hint="use -o FILE, -o - or --format table")
        output_file = "-"
    if context.console.json and (output_file == "-" or (output_file is None and from_file is None)):
        raise UsageError("--json and results on standard output do not go together", hint="use -o FILE")
    if style is ResultFormat.PARQUET and output_file == "-" and context.console.is_terminal:
        raise UsageError("Parquet is not for a terminal", hint="use -o FILE")
    wanted = collecting.Wanted(
        output=output_file,
        response_model=response_model,
        in_order=order is not ResultOrder.AS_IS,
        force=force,
        allow_partial=allow_partial,
        form=FormatName(style or "lines") if style is not ResultFormat.TABLE else FormatName.LINES,
        fail_if=conditions(fail_if or ()),
        extras=ExtrasWanted(errors, junit, github_summary),
    )
    chosen = inputs.filter_model(model, provider, context.services)
    with context.workspace() as workspace:
        if from_file is not None:
            if wait or inputs.one_id(batch_id, batch_id_option) is not None:
                raise UsageError("--from-file needs no batch", hint="leave out the batch id and --wait")
            return result_files.convert(
                context,
                workspace,
                wanted,
                from_file=from_file,
                requests=requests,
                provider=chosen.provider if chosen else None,
                as_table=style is ResultFormat.TABLE,
            )
        place = workspace.find_batch(inputs.one_id(batch_id, batch_id_option), chosen)
        if wait:
            waiting.wait_for(context, workspace, places_of(workspace, place), inputs.seconds(max_wait))
        return collecting.collect(context, workspace, place, wanted)
