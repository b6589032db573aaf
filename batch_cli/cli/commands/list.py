"""``batch-cli list``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.tables import RowFormat
from batch_cli.errors import BatchCliError, ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli list",
        "batch-cli list --status completed --format jsonl | jq -r .id",
        "batch-cli list --remote --since 7d",
        "batch-cli list --remote --provider openai --after batch_123",
        "batch-cli cancel $(batch-cli list --status in_progress --format plain --fields id)",
    ),
    exits=(ExitCode.CONFIG, ExitCode.REJECTED, ExitCode.TEMPORARY),
    details=(
        "Batches of every provider that were submitted on this machine, the newest first. With --remote those that"
        " the providers list themselves, whoever submitted them: of all providers that there is a key for, or of one."
        " A provider that cannot be reached hides none of the others, but the exit code is 6 then, or tells why the only"
        " one failed."
    ),
)
_MOST = 1_000_000


def run(
    context: Context,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=_MOST, help="Show N at most.")
    ] = 10,
    all_batches: Annotated[bool, typer.Option("--all", help="Show all of them.")] = False,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ID", help="Start behind this batch.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="Only these; may be repeated."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only the last 2h, 7d, …")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="What is known on this machine, without asking anybody.")
    ] = False,
    remote: Annotated[bool, typer.Option("--remote", help="What the providers list themselves.")] = False,
    style: Annotated[
        RowFormat | None,
        typer.Option("--format", "-f", help="How to write rows.  [default: table, or plain in a pipe]"),
    ] = None,
    fields: options.FieldsOption = None,
    header: options.HeaderOption = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """List the batches known here, the newest first."""
    from batch_cli.cli import documents, inputs, listing  # noqa: PLC0415 - kept out of --help
    from batch_cli.jobs.follow import ListOrder, list_batches  # noqa: PLC0415
    from batch_cli.jobs.remote_list import RemoteList  # noqa: PLC0415
    from batch_cli.model import BatchStatus, check_batch_id  # noqa: PLC0415

    if local and remote:
        raise UsageError("--local and --remote contradict each other", hint="give only one of the two")
    known = set(BatchStatus)
    for word in status or ():
        if word not in known:
            raise UsageError(
                f"--status: there is no status '{word[:40]}'",
                hint=f"use one of {', '.join(BatchStatus)}",
            )
    wanted = inputs.filter_model(model, provider, context.services)
    span = inputs.seconds(since)
    order = ListOrder(
        provider=wanted.provider if wanted else None,
        limit=None if all_batches else limit,
        after=check_batch_id(after) if after else None,
        statuses=frozenset(status or ()),
        since=None if span is None else context.clock.now() - span,
        is_offline=local,
    )
    asked: list[str] = []
    failures: dict[str, BatchCliError] = {}
    with context.workspace() as workspace:
        if remote:
            lists = RemoteList(workspace, order)
            batches, asked, failures = list(lists.batches()), lists.names, lists.failures
        else:
            batches = list(list_batches(workspace, order))
    console = context.console
    if console.json:
        full = order.limit is not None and len(batches) == order.limit
        console.document(
            "list",
            {
                "batches": [documents.batch_object(batch) for batch in batches],
                "next": batches[-1].id if full else None,
                "provider": order.provider,
                "source": "remote" if remote else "local",
                "failed": [{"provider": name, "message": failures[name].message} for name in failures],
            },
        )
    elif batches:
        listing.show_batches(console, context.clock, batches, style, fields=fields, header=header)
    elif not failures:
        console.say("No batches")
    return listing.code_of_failures(asked, failures)
