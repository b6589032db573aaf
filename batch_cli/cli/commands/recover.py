"""``batch-cli recover``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli recover",
        "batch-cli recover bci_7f3a",
        "batch-cli recover bci_7f3a --discard",
        "batch-cli recover --gc --yes",
    ),
    exits=(ExitCode.CONFIG, ExitCode.REJECTED, ExitCode.TEMPORARY, ExitCode.STATE, ExitCode.UNKNOWN),
    details=(
        "Asks the providers about every submit that did not come to its end, and takes over the batches that were"
        " made all the same; a submit that is named is carried on where there is none. Shows second batches of"
        " one submit, and input files of ours that no batch uses. 11 means that of some submit it is still unknown"
        " whether there is a batch."
    ),
)


def run(
    context: Context,
    submits: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUBMIT...]", help="Their ids, or how those begin; else all that are open."),
    ] = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Forget the submits: you are sure that no batch exists.")
    ] = False,
    gc: Annotated[
        bool, typer.Option("--gc", help="Delete input files of ours that no batch uses, there and here.")
    ] = False,
    yes: options.Yes = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Settle submits whose outcome is unknown, and find what they left behind."""
    from batch_cli.cli import recovering  # noqa: PLC0415 - kept out of --help

    if discard and not submits:
        raise UsageError("--discard needs the ids of submits", hint="batch-cli recover lists them")
    if discard:
        return recovering.discard(context, submits or [], yes=yes)
    return recovering.recover(context, submits or [], gc=gc, yes=yes)
