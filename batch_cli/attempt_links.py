"""Attempt links: which submits send requests of an earlier batch again; recorded before such a submit is.

A link names a submit by its content, so it is there when the submit is, whatever happens in between, and a link
without a submit means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.jsonl import dumps
from batch_cli.sql import Database, load_statements


@dataclass(frozen=True, slots=True)
class Retry:
    """What a submit says of itself that sends requests again."""

    root: str
    """The first batch or job that had them; a retry of a retry has the same root."""
    number: int
    """From 2: the root itself is the first attempt."""


@dataclass(frozen=True, slots=True)
class LinkedSubmit:
    """A submit that was recorded for a link."""

    number: int
    content: str
    submit: str
    """``bci_…``, or ``bcj_…`` for a job of several batches."""
    batch: str | None
    """What stands for it: its batch, or the job itself; None as long as its batch does not exist."""
    provider: str


class AttemptLinks:
    """The links of a journal."""

    def __init__(self, database: Database) -> None:
        """Use the journal's own database."""
        self._database = database
        self._sql = load_statements("batch_cli", "attempt_links.sql")

    def add(self, content: str, retry: Retry) -> None:
        """Record that a submit of ``content`` is a retry; on disk when this returns. Again: nothing happens."""
        with self._database.transaction():
            self._database.change(self._sql["add"], (content, retry.root, retry.number))

    def of(self, roots: Sequence[str]) -> list[LinkedSubmit]:
        """Give the submits that send requests of any of these batches or jobs again, the first attempt first."""
        rows = self._database.rows(self._sql["of_roots"], {"roots": dumps(list(roots)).decode()})
        return [LinkedSubmit(*row[:-1]) for row in rows]

    def root_of(self, name: str) -> str | None:
        """Give what a batch or job is a retry of; None when it is none."""
        row = self._database.row(self._sql["root_of"], {"name": name})
        return None if row is None else str(row[0])
