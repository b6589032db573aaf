"""``batch-cli convert``."""

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
        "batch-cli convert requests.jsonl --to anthropic -m claude-3-5-sonnet-20241022 -o anthropic.jsonl",
        "batch-cli convert gemini.jsonl --from google --to openai -m gpt-4o-mini > openai.jsonl",
        "batch-cli convert requests.jsonl --to mistral --strict -o mistral.jsonl",
    ),
    exits=(ExitCode.INVALID_INPUT,),
    details=(
        "Offline, without a key. What the other format has no words for is left out and told on standard"
        " error, once for each field, and so is what has to be added or moved. Without --from the format is guessed from the first lines."
    ),
)


def run(
    context: Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file; '-' is standard input.")],
    to: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="Whose format to write; or messages.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PROVIDER", help="Whose format it is in, or messages; else guessed."),
    ] = None,
    output_file: Annotated[
        str,
        typer.Option("--output-file", "-o", metavar="OUT", help="The new file; '-' is standard output."),
    ] = "-",
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="The model of every line.  [default: its own]"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse the file if anything would be lost, added or moved.")
    ] = False,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Write a request file in the format of another provider."""
    from batch_cli.cli import converting  # noqa: PLC0415 - kept out of --help

    wanted = converting.Wanted(to, source, output_file, model, strict=strict)
    return converting.convert(context, file, wanted)
