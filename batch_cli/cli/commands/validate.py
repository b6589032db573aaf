"""``batch-cli validate``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli validate requests.jsonl --provider openai",
        "batch-cli validate *.jsonl --provider anthropic --max-errors 5",
        "batch-cli validate requests.jsonl --json | jq .files[0].problems",
    ),
    exits=(ExitCode.INVALID_INPUT,),
    details="Offline, without a key. Without --provider it is guessed from the first lines.",
)


class ReportFormat(enum.StrEnum):
    """How problems are written."""

    CONCISE = "concise"
    JSON = "json"


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
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever is found.")] = False,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Check request files without sending anything."""
    from batch_cli.cli import inputs, validating  # noqa: PLC0415 - kept out of --help

    named = [*(files or ()), *([file_path] if file_path is not None else ())]
    as_json = context.console.json or style is ReportFormat.JSON
    return validating.validate(
        context,
        named,
        inputs.filter_model(model, provider),
        max_errors=max_errors,
        as_json=as_json,
        exit_zero=exit_zero,
    )
