"""``batch-cli list-models``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli list-models",
        "batch-cli list-models --provider anthropic",
        "batch-cli list-models --remote --provider openai",
        "batch-cli list-models --remote --provider spice",
        "batch-cli list-models --json | jq -r '.models[].id'",
        "batch-cli list-models --json | jq '.providers[] | select(.discount)'",
    ),
    exits=(ExitCode.CONFIG, ExitCode.REJECTED, ExitCode.TEMPORARY),
    details=(
        "A list built into this version; no key and no network. Other models work as well. What a batch may hold,"
        " how many may run at once and what they save stands with the models of each provider, as far as it is known."
        " With --remote the providers are asked for the models they have: all that there is a key for, or one. Not all"
        " of these can be used in batches; Google alone says which. Prediction servers, spice and torch, are asked when"
        " they are named. A provider that cannot be reached hides none of"
        " the others, but the exit code is 6 then, or tells why the only one failed."
    ),
)


def run(
    context: Context,
    provider: options.ProviderOption = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Ask the providers for the models they have.")
    ] = False,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """List the models known here."""
    from batch_cli.cli import modelling  # noqa: PLC0415 - kept out of --help
    from batch_cli.providers import entry  # noqa: PLC0415

    if provider is not None:
        entry(provider, services=context.services)
    if remote:
        return modelling.list_remote(context, provider)
    return modelling.list_known(context, provider)
