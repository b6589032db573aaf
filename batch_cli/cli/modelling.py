"""How ``list-models`` shows models: those known here, or those that providers say they have."""

from __future__ import annotations

from batch_cli.cli.context import Context
from batch_cli.cli.listing import code_of_failures
from batch_cli.cli.tables import Column, Table, show
from batch_cli.cli.terms import Terms
from batch_cli.clock import rfc3339
from batch_cli.errors import ExitCode
from batch_cli.jobs.remote_models import RemoteModels
from batch_cli.model import JsonObject
from batch_cli.models import MODELS
from batch_cli.providers import REGISTRY
from batch_cli.providers.account import OfferedModel


def list_known(context: Context, provider: str | None) -> ExitCode:
    """Show the models that are built in, of all providers or one."""
    models = [model for model in MODELS if provider in (None, model.provider)]
    names = [*REGISTRY, *context.services.names] if provider is None else [provider]
    terms = _terms(context, names)
    if context.console.json:
        known: list[JsonObject] = [
            {"id": model.id, "provider": model.provider, "batch": True, "note": model.note}
            for model in models
        ]
        _document(context, known, terms, "builtin")
        return ExitCode.OK
    _table(context, [[model.id, str(terms[model.provider]), model.note] for model in models])
    return ExitCode.OK


def list_remote(context: Context, provider: str | None) -> ExitCode:
    """Show what the providers say they have: all that there is a key for, or one."""
    with context.workspace() as workspace:
        asked = RemoteModels(workspace, provider)
        found = list(asked.models())
    terms = _terms(context, asked.names)
    if context.console.json:
        models = [_object(name, model) for name, model in found]
        failed = [{"provider": name, "message": error.message} for name, error in asked.failures.items()]
        _document(context, models, terms, "remote", failed=failed)
    elif found:
        _table(
            context,
            [[f"{name}/{model.name}", _holds(model, terms[name]), _note(model)] for name, model in found],
        )
    elif not asked.failures:
        context.console.say("No models")
    return code_of_failures(asked.names, asked.failures)


def _terms(context: Context, names: list[str]) -> dict[str, Terms]:
    return {name: Terms.of(name, context.services) for name in names}


def _document(
    context: Context, models: list[JsonObject], terms: dict[str, Terms], source: str, **more: list[JsonObject]
) -> None:
    providers = [one.as_object() for one in terms.values()]
    context.console.document("models", {"models": models, "providers": providers, "source": source, **more})


def _table(context: Context, rows: list[list[str]]) -> None:
    columns = (Column("model", "Model"), Column("batch", "A batch"), Column("note", "Note"))
    show(context.console, Table("Models", columns, rows), None)


def _object(provider: str, model: OfferedModel) -> JsonObject:
    return {
        "id": f"{provider}/{model.name}",
        "provider": provider,
        "batch": model.batch,
        "note": model.title,
        "created_at": rfc3339(model.created_at),
        "context": model.context,
    }


def _holds(model: OfferedModel, terms: Terms) -> str:
    return "no batches" if model.batch is False else str(terms)


def _note(model: OfferedModel) -> str:
    title = model.title if model.title != model.name else ""
    context = f"{model.context:,} tokens" if model.context else ""
    return ", ".join(word for word in (title, context) if word)
