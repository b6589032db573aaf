"""``batch-cli create-from-file``."""

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
        "batch-cli create-from-file --file-path batch_requests.jsonl --model local/simulate",
        "batch-cli create-from-file -i batch_requests.jsonl -m local/simulate --description nightly",
        "batch-cli create-from-file -i huge.jsonl -m local/simulate --split-requests 50000",
    ),
    exits=(ExitCode.INVALID_INPUT, ExitCode.CONFIG, ExitCode.STATE),
    details=(
        "The file is sent byte for byte. 'batch-cli submit' takes other formats too, and prints nothing but"
        " the id; 'batch-cli convert' writes them in this one."
    ),
)


def run(
    context: Context,
    file_path: Annotated[
        str, typer.Option("--file-path", "-i", metavar="FILE", help="The file; '-' is standard input.")
    ],
    model: options.ModelOption = None,
    description: options.Description = "Instructor batch job",
    metadata: options.MetadataOption = None,
    completion_window: options.CompletionWindow = None,
    again: options.Again = False,
    split: options.SplitOption = False,
    split_requests: options.SplitRequests = None,
    split_bytes: options.SplitBytes = None,
    max_in_flight_batches: options.InFlight = None,
    save_id: options.SaveId = True,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
    no_simulate: options.NoSimulate = False,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Submit a request file that is in the provider's own format."""
    from batch_cli.cli import creating, inputs, listing, submitting  # noqa: PLC0415 - kept out of --help

    name = inputs.chosen_model(model, services=context.services)
    extras = submitting.Extras(
        metadata=inputs.metadata(metadata, description),
        settings=submitting.simulation(name, simulate_errors, simulate_latency, simulate_seed)
        | submitting.window(completion_window),
        save_id=save_id,
        again=again,
        split=submitting.splitting(split=split, requests=split_requests, size_limit=split_bytes),
        at_once=max_in_flight_batches,
        announce=True,
    )
    code = submitting.run_submit(
        context, file_path, creating.Wishes(model=name), extras, own_dialect_only=True
    )
    if not context.console.json:
        with context.workspace() as workspace:
            listing.show_recent(context, workspace, name.provider)
    return code
