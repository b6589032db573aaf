"""``batch-cli delete``."""

from __future__ import annotations

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli delete local_123 --yes",
        "batch-cli delete local_123 --dry-run",
        "batch-cli delete $(batch-cli list --status cancelled --format plain --fields id) --yes",
    ),
    exits=(ExitCode.CONFIG, ExitCode.REJECTED, ExitCode.STATE),
    details=(
        "Removes the batch with its stored requests and results, here or at the provider. Output files you wrote stay."
        " Anthropic, Google and Mistral delete batches that have ended; OpenAI and those like it delete only their"
        " files, so that the batch stays in their list."
    ),
)


def run(
    context: Context,
    batch_ids: options.BatchIdsArgument = None,
    batch_id: options.BatchIdOption = None,
    model: options.ModelFilter = None,
    provider: options.ProviderOption = None,
    yes: options.Yes = False,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Remove a batch and its files."""
    from batch_cli.cli import asking, inputs  # noqa: PLC0415 - kept out of --help
    from batch_cli.jobs.end import delete  # noqa: PLC0415

    wanted = inputs.filter_model(model, provider, context.services)
    console = context.console
    removed: list[tuple[str, str]] = []
    kept: list[tuple[str, str]] = []
    with context.workspace() as workspace:
        places = [workspace.find_batch(name, wanted) for name in inputs.named_ids(batch_ids, batch_id)]
        if not dry_run:
            names = ", ".join(place.id for place in places)
            asking.confirm(context, f"Delete {names} with its results?", yes=yes)
        for place in places:
            found = delete(workspace, place, force=force, dry_run=dry_run)
            removed += found.removed
            kept += found.kept
            for _, name in found.kept:
                console.say(f"{name} stays in the list of {place.provider}, which deletes no batches")
    if console.json:
        console.document(
            "delete",
            {
                "deleted": [{"kind": kind, "id": name} for kind, name in removed],
                "kept": [{"kind": kind, "id": name} for kind, name in kept],
                "dry_run": dry_run,
            },
        )
    else:
        for kind, name in removed:
            console.line(f"{kind}\t{name}")
    return ExitCode.OK
