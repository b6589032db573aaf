"""``batch-cli validate``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.cli.reports.formats import ReportFormat
from batch_cli.errors import ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli validate requests.jsonl --provider openai",
        "batch-cli validate requests.jsonl --fix -o clean.jsonl && batch-cli submit clean.jsonl",
        "batch-cli validate *.jsonl --format github",
        "batch-cli validate requests.jsonl --stats --max-requests 1000",
        "batch-cli validate requests.jsonl --json | jq .files[0].problems",
    ),
    exits=(ExitCode.INVALID_INPUT, ExitCode.STATE),
    details="Offline, without a key. Without --provider it is guessed from the first lines."
    " --fix writes a copy without byte order marks, blank lines, CR line ends, UTF-16, bad ids and"
    ' "stream": true, only if nothing else is wrong; the old ids are kept in OUT.ids.json.',
)


def run(
    context: Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE...]", help="The files; '-' is standard input.")
    ] = None,
    file_path: Annotated[
        str | None, typer.Option("--file-path", metavar="FILE", help="The same as the argument.")
    ] = None,
    provider: options.ProviderOption = None,
    model: options.ModelFilter = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a repaired copy to -o, if nothing else is wrong.")
    ] = False,
    output_file: Annotated[
        str | None, typer.Option("--output-file", "-o", metavar="FILE", help="Where --fix writes.")
    ] = None,
    max_errors: Annotated[
        int,
        typer.Option(
            "--max-errors", metavar="N", min=1, help="Show N problems of each file; all are counted."
        ),
    ] = 20,
    style: Annotated[
        ReportFormat | None,
        typer.Option("--format", "-f", help="How to write problems.  [default: concise]"),
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Add sizes, models, urls and an estimate of the tokens.")
    ] = False,
    max_requests: Annotated[
        int | None,
        typer.Option(
            "--max-requests", metavar="N", min=1, help="Requests allowed, not the provider's limit."
        ),
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option("--max-bytes", metavar="N", min=1, help="Bytes allowed, not the provider's limit."),
    ] = None,
    max_line_bytes: Annotated[
        int | None,
        typer.Option("--max-line-bytes", metavar="N", min=1, help="Bytes a line may have.  [default: 10 MB]"),
    ] = None,
    max_id_length: Annotated[
        int | None,
        typer.Option(
            "--max-id-length", metavar="N", min=1, help="Characters an id may have, not the provider's limit."
        ),
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever is found.")] = False,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Check request files without sending anything."""
    from batch_cli.cli import inputs, validating  # noqa: PLC0415 - kept out of --help

    if fix and output_file is None:
        raise UsageError("--fix needs to know where to write", hint="add -o FILE")
    if output_file is not None and not fix:
        raise UsageError("-o says where --fix writes", hint="add --fix, or leave out -o")
    if output_file == "-":
        raise UsageError("--fix writes a file, with its old ids beside it", hint="name a file with -o")
    order = validating.Order(
        files=[*(files or ()), *([file_path] if file_path is not None else ())],
        model=inputs.filter_model(model, provider, context.services),
        limits={
            "requests": max_requests,
            "bytes": max_bytes,
            "line_bytes": max_line_bytes,
            "id_length": max_id_length,
        },
        max_errors=max_errors,
        style=style or (ReportFormat.JSON if context.console.json else ReportFormat.CONCISE),
        stats=stats,
        exit_zero=exit_zero,
        fix_to=output_file,
    )
    return validating.validate(context, order)
