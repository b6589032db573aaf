"""``batch-cli wait``."""

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
        "batch-cli wait",
        "batch-cli wait local_123 --max-wait 2h",
        "batch-cli wait && batch-cli results -o results.jsonl",
        "batch-cli wait --interval 300 --max-wait 24h",
        "batch-cli wait --exec 'notify-send batch-cli'",
    ),
    exits=(
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
        ExitCode.UNKNOWN,
        ExitCode.INTERRUPTED,
    ),
    details=(
        "A batch of the local engine is worked at here while waiting; one elsewhere is looked at, less and less often"
        " while nothing happens, and through hours of errors. Batches of a job that were held back are created as"
        " there is room for them. Ctrl-C loses nothing: wait again to go on."
    ),
)


def run(
    context: Context,
    batch_ids: options.BatchIdsArgument = None,
    batch_id: options.BatchIdOption = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    max_wait: options.MaxWait = None,
    interval: options.Interval = None,
    exec_command: Annotated[
        str | None,
        typer.Option(
            "--exec",
            metavar="CMD",
            help="Run CMD for each batch at its end, without a shell, with BATCH_ID and BATCH_STATUS set.",
        ),
    ] = None,
    grace: options.Grace = 30.0,
    executor: options.ExecutorOption = options.Executor.LOCAL,
    ray_address: options.RayAddress = None,
    api_key_file: options.KeyFile = None,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Wait until batches have ended."""
    from batch_cli.cli import documents, executing, inputs, waiting  # noqa: PLC0415 - kept out of --help
    from batch_cli.engine.handlers.live.options import LiveWishes  # noqa: PLC0415 - as above

    wanted = inputs.filter_model(model, provider, context.services)
    with context.workspace(
        LiveWishes(grace=grace), cluster=executing.cluster(executor, ray_address)
    ) as workspace:
        places = [workspace.find_batch(name, wanted) for name in inputs.named_ids(batch_ids, batch_id)]
        if executor is not options.Executor.LOCAL:
            executing.refuse_elsewhere(workspace, places)
        waited, code = waiting.wait_for(context, workspace, places, inputs.seconds(max_wait))
        if exec_command is not None:
            waiting.run_command(context, exec_command, waited.batches)
    if context.console.json:
        context.console.document(
            "wait",
            {
                "batches": [documents.batch_object(batch) for batch in waited.batches],
                "waited_s": round(waited.seconds, 3),
                "timed_out": waited.timed_out,
            },
        )
    if waited.timed_out:
        context.console.say(f"  fix: batch-cli wait {waited.batches[-1].id}")
    return code
