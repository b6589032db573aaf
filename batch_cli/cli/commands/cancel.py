"""``batch-cli cancel``."""

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
        "batch-cli cancel",
        "batch-cli cancel --batch-id local_123 --model local/simulate",
        "batch-cli cancel $(batch-cli list --status in_progress --format plain --fields id)",
    ),
    exits=(ExitCode.CONFIG, ExitCode.REJECTED, ExitCode.STATE),
    details="What is finished stays and can be fetched with results. A batch that has ended stays as it is.",
)


def run(
    context: Context,
    batch_ids: options.BatchIdsArgument = None,
    batch_id: options.BatchIdOption = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until nothing runs any more.")] = False,
    interval: options.Interval = None,
    api_key_file: options.KeyFile = None,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Stop what has not started; keep what is finished."""
    from batch_cli.cli import documents, inputs, waiting  # noqa: PLC0415 - kept out of --help
    from batch_cli.jobs.end import Cancelled, cancel  # noqa: PLC0415

    wanted = inputs.filter_model(model, provider, context.services)
    console = context.console
    done: list[Cancelled] = []
    with context.workspace() as workspace:
        places = [workspace.find_batch(name, wanted) for name in inputs.named_ids(batch_ids, batch_id)]
        done = [cancel(workspace, place) for place in places]
        if wait:
            waited, _ = waiting.wait_for(context, workspace, places, None)
            done = [
                Cancelled(batch, one.already_ended) for batch, one in zip(waited.batches, done, strict=True)
            ]
    for one in done:
        counts, mark = one.batch.counts, documents.mark(one.batch)
        if one.already_ended:
            console.say(f"{one.batch.id} has ended already ({one.batch.status}); nothing was changed{mark}")
        else:
            console.say(f"{one.batch.id}: {counts.completed or 0:,} answered requests are kept{mark}")
    if console.json:
        console.document(
            "cancel",
            {
                "results": [
                    {
                        "id": one.batch.id,
                        "status": one.batch.status,
                        "raw_status": one.batch.raw_status,
                        "already_ended": one.already_ended,
                    }
                    for one in done
                ]
            },
        )
    else:
        for one in done:
            console.line(f"{one.batch.id}\t{one.batch.status}")
    return ExitCode.OK
