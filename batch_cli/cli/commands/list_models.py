"""``batch-cli list-models``."""

from __future__ import annotations

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli list-models",
        "batch-cli list-models --provider anthropic",
        "batch-cli list-models --json | jq -r '.models[].id'",
    ),
    exits=(),
    details="A list built into this version; no key and no network. Other models work as well.",
)


def run(context: Context, provider: options.ProviderOption = None) -> ExitCode:
    """List the models known here."""
    from batch_cli.cli.tables import Column, Table, show  # noqa: PLC0415 - kept out of --help
    from batch_cli.models import MODELS  # noqa: PLC0415
    from batch_cli.providers import entry  # noqa: PLC0415

    if provider is not None:
        entry(provider)
    models = [model for model in MODELS if provider in (None, model.provider)]
    if context.console.json:
        context.console.document(
            "models",
            {
                "models": [
                    {"id": model.id, "provider": model.provider, "batch": True, "note": model.note}
                    for model in models
                ],
                "source": "builtin",
            },
        )
        return ExitCode.OK
    columns = (Column("model", "Model"), Column("note", "Note"))
    show(context.console, Table("Models", columns, [[m.id, m.note] for m in models]), None)
    return ExitCode.OK
