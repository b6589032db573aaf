"""What a script works in: its keys, the state directory, and who hears what happens on the way. Nothing is printed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch_cli.clock import SystemClock
from batch_cli.errors import UsageError, quoted
from batch_cli.events import Event, Listener, Note
from batch_cli.jobs.workspace import Workspace
from batch_cli.providers import entry
from batch_cli.settings import KEY_RULES, state_directory

_LOG = logging.getLogger("batch_cli")
_LOG.addHandler(
    logging.NullHandler()
)  # else warnings of a program without logging would go to its standard error


def log_event(event: Event) -> None:
    """Tell the logger ``batch_cli`` of notes: warnings as warnings, details for debugging. Progress is not logged."""
    if isinstance(event, Note):
        level = logging.WARNING if event.warning else logging.DEBUG if event.detail else logging.INFO
        _LOG.log(level, "%s%s", event.text, f" (fix: {event.hint})" if event.hint else "")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a script's batches are kept, and with which keys they are run."""

    state_dir: str | os.PathLike[str] | None = None
    """None: ``$BATCH_CLI_STATE_DIR``, else the directory that the command uses, so that both see the same batches."""
    environment: Mapping[str, str] | None = None
    """Stands for the process's own environment, from which keys and addresses are read; None: that."""
    listener: Listener = log_event
    """Hears of progress and of decisions, in the thread that works."""

    @contextmanager
    def open(self, provider: str | None = None, api_key: str | None = None) -> Iterator[Workspace]:
        """Give what one call works in; everything is closed at the end of the block.

        Each call has its own, so that threads share nothing but the files, which processes may share as well.
        ``api_key`` is the key of ``provider``, in place of its variable.
        """
        environment = dict(os.environ if self.environment is None else self.environment)
        chosen = self.state_dir or environment.get("BATCH_CLI_STATE_DIR")
        workspace = Workspace(
            directory=Path.cwd(),
            state=state_directory(environment, None if chosen is None else Path(chosen)),
            environment=environment,
            clock=SystemClock(),
            listener=self.listener,
        )
        try:
            if provider is not None:
                entry(provider, services=workspace.services)
                if api_key is not None:
                    environment[_key_variable(workspace, provider)] = api_key
            yield workspace
        finally:
            workspace.close()


def _key_variable(workspace: Workspace, provider: str) -> str:
    """Give the variable that a provider's key is looked for in first."""
    if provider in KEY_RULES:
        return KEY_RULES[provider].variables[0]
    service = workspace.services.get(provider)
    if service is None:
        raise UsageError(f"{quoted(provider)} needs no key", hint="leave out api_key")
    return service.key_variable
