"""The models that providers say they have, of one or of all that there is a key for."""

from __future__ import annotations

from collections.abc import Iterator

from batch_cli.errors import BatchCliError, Stopped, UsageError
from batch_cli.events import Note
from batch_cli.jobs.workspace import Workspace
from batch_cli.providers.account import OfferedModel

_SERVERS = ("spice", "torch")
"""Run no batches, but have models that can be asked for."""


class RemoteModels:
    """Models with the provider that has each, and what went wrong on the way."""

    def __init__(self, workspace: Workspace, provider: str | None) -> None:
        """Choose ``provider``, else all that there is a key for; nobody is asked yet.

        Raises:
            UsageError: the provider runs batches here, or a key file would go to several.
            ConfigError: there is a key for none of them, or the config file is wrong.
        """
        self._workspace = workspace
        self.names = [provider] if provider in _SERVERS else workspace.elsewhere(provider)
        self.failures: dict[str, BatchCliError] = {}
        """By the name of a provider that could not be asked to its end; a warning was given."""

    def models(self) -> Iterator[tuple[str, OfferedModel]]:
        """Give each provider's models by their names; one that fails hides none of the others."""
        for name in self.names:
            try:
                found = sorted(self._workspace.provider(name).models(), key=lambda model: model.name)
            except (Stopped, UsageError):
                raise
            except BatchCliError as error:
                self.failures[name] = error
                why = "; ".join((error.message, *error.where))
                text = f"the models of {name} could not be listed: {why}"
                self._workspace.say(Note(text, warning=True, hint=error.hint))
            else:
                yield from ((name, model) for model in found)
