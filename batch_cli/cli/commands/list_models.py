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
        "batch-cli list-models --json | jq '.providers[] | select(.discount)'",
    ),
    exits=(),
    details=(
        "A list built into this version; no key and no network. Other models work as well. What a batch may hold,"
        " how many may run at once and what they save stands with the models of each provider, as far as it is known."
    ),
)


def run(context: Context, provider: options.ProviderOption = None) -> ExitCode:
    """List the models known here."""
    from batch_cli.cli.tables import Column, Table, show  # noqa: PLC0415 - kept out of --help
    from batch_cli.cli.terms import Terms  # noqa: PLC0415
    from batch_cli.models import MODELS  # noqa: PLC0415
    from batch_cli.providers import REGISTRY, entry  # noqa: PLC0415

    if provider is not None:
        entry(provider, services=context.services)
    models = [model for model in MODELS if provider in (None, model.provider)]
    names = [*REGISTRY, *context.services.names] if provider is None else [provider]
    terms = {name: Terms.of(name, context.services) for name in names}
    if context.console.json:
        context.console.document(
            "models",
            {
                "models": [
                    {"id": model.id, "provider": model.provider, "batch": True, "note": model.note}
                    for model in models
                ],
                "providers": [one.as_object() for one in terms.values()],
                "source": "builtin",
            },
        )
        return ExitCode.OK
    columns = (Column("model", "Model"), Column("batch", "A batch"), Column("note", "Note"))
    rows = [[model.id, str(terms[model.provider]), model.note] for model in models]
    show(context.console, Table("Models", columns, rows), None)
    return ExitCode.OK
