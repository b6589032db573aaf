"""``batch-cli worker``."""

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
        "batch-cli worker start --detach",
        "batch-cli worker status --json",
        "batch-cli worker logs",
        "batch-cli worker stop",
    ),
    exits=(ExitCode.STATE,),
    details=(
        "submit starts a worker by itself, and that one ends by itself. 'start' runs one here until Ctrl-C,"
        " with --detach in the background until 'stop'. There is one for each state directory."
    ),
)


class WorkerAction(enum.StrEnum):
    """What to do."""

    START = "start"
    STOP = "stop"
    STATUS = "status"
    LOGS = "logs"


def run(
    context: Context,
    action: Annotated[WorkerAction, typer.Argument(help="What to do.")],
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency", metavar="N", min=1, max=4096, help="start: requests in flight at once."
        ),
    ] = 8,
    detach: Annotated[bool, typer.Option("--detach", help="start: run in the background.")] = False,
    linger: Annotated[
        float | None,
        typer.Option(
            "--linger", metavar="S", min=0, help="start: end after S seconds without work.  [default: never]"
        ),
    ] = None,
    grace: Annotated[
        float, typer.Option("--grace", metavar="S", min=0, help="How long running requests may take to end.")
    ] = 30.0,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=1, help="logs: the last N lines.")
    ] = 50,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Start, stop or look at the worker of the local engine."""
    from batch_cli.cli import working  # noqa: PLC0415 - kept out of --help

    match action:
        case WorkerAction.START:
            return working.start(context, working.Start(concurrency, linger, grace), detach=detach)
        case WorkerAction.STOP:
            return working.stop(context, grace)
        case WorkerAction.STATUS:
            return working.status(context)
        case WorkerAction.LOGS:
            return working.logs(context, lines)
