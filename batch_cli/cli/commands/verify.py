"""``batch-cli verify``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli verify results.jsonl",
        "batch-cli verify results.jsonl --requests requests.jsonl",
        "batch-cli verify results.jsonl --format junit > verify.xml",
        "batch-cli verify results.jsonl --json | jq .problems",
    ),
    exits=(ExitCode.INVALID_INPUT, ExitCode.INCOMPLETE, ExitCode.STATE, ExitCode.DAMAGED),
    details=(
        "Offline, without a key. Holds FILE against FILE.meta.json: its hash, every line, the counts, and that"
        " each request has one row, in order. A changed, lost, doubled, moved or foreign line is named. The requests"
        " are those that the manifest names, while that file is unchanged; --requests names another one."
    ),
)


class VerifyFormat(enum.StrEnum):
    """How the outcome is written."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def run(
    context: Context,
    output: Annotated[
        str, typer.Argument(metavar="FILE", help="The output of results, its manifest beside it.")
    ],
    requests: Annotated[
        str | None,
        typer.Option(
            "--requests", metavar="FILE", help="The request file that it answers; '-' is standard input."
        ),
    ] = None,
    style: Annotated[
        VerifyFormat | None,
        typer.Option("--format", "-f", help="How to write the outcome.  [default: table]"),
    ] = None,
) -> ExitCode:
    """Prove that an output is what was written, and answers its requests."""
    from batch_cli.cli.verifying import run_verify  # noqa: PLC0415 - kept out of --help

    chosen = style or (VerifyFormat.JSON if context.console.json else VerifyFormat.TABLE)
    return run_verify(context, output, requests, chosen)
