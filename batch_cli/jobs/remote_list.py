"""The lists of providers: what each of them knows of an account, brought together, the newest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from batch_cli.errors import BatchCliError, Stopped, UsageError
from batch_cli.events import Note
from batch_cli.jobs.follow import ListOrder
from batch_cli.jobs.whole import placed
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch


class RemoteList:
    """The batches that providers list, with what went wrong on the way."""

    def __init__(self, workspace: Workspace, order: ListOrder) -> None:
        """Choose the provider of ``order``, else all that there is a key for; nobody is asked yet.

        Raises:
            UsageError: the provider runs batches here, ``order.after`` could be anybody's, or a key file everybody's.
            ConfigError: there is a key for none of them, or the config file is wrong.
        """
        self._workspace, self._order = workspace, order
        self.names = workspace.elsewhere(order.provider)
        if order.after is not None and len(self.names) > 1:
            raise UsageError("--after is about the list of one provider", hint="add --provider NAME")
        self.failures: dict[str, BatchCliError] = {}
        """By the name of a provider that could not be asked to its end; a warning was given."""

    def batches(self) -> Iterator[Batch]:
        """Give the batches, a page of each provider in memory; a provider that fails hides none of the others."""
        given = 0
        for batch in heapq.merge(*(self._of(name) for name in self.names), key=_age):
            if self._order.statuses and batch.status not in self._order.statuses:
                continue
            yield placed(self._workspace, batch)
            given += 1
            if self._order.limit is not None and given >= self._order.limit:
                return

    def _of(self, name: str) -> Iterator[Batch]:
        since = self._order.since
        try:
            for batch in self._workspace.provider(name).batches(self._order.after):
                if since is not None and batch.created_at is not None and batch.created_at < since:
                    return
                yield batch
        except (Stopped, UsageError):
            raise
        except BatchCliError as error:
            self.failures[name] = error
            why = "; ".join((error.message, *error.where))
            self._workspace.say(Note(f"{name} could not be listed: {why}", warning=True, hint=error.hint))


def _age(batch: Batch) -> float:
    """Order by time, the newest first; what says nothing of its time stays where its provider has it: in front."""
    return -(batch.created_at or float("inf"))
