"""Intents: one submit, taken from wherever it stands to its batch.

    prepared ─▶ stage ─▶ staged ─▶ creating ─▶ create ─▶ done

Each state is on disk before the step behind it starts.
"""

from __future__ import annotations

from batch_cli.errors import ConfigError, OutcomeUnknown, Rejected, Temporary
from batch_cli.model import Batch
from batch_cli.providers.base import BatchOptions, Input, Provider
from batch_cli.state import Intent, Journal


def carry_out(journal: Journal, provider: Provider, intent: Intent, source: Input) -> tuple[Intent, Batch]:
    """Take a submit from wherever it stands to its end. May be repeated until it succeeds: one batch comes of it."""
    options = BatchOptions(intent.endpoint, intent.model, intent.requests, intent.metadata, intent.settings)
    if intent.state == "prepared":
        intent = journal.move(intent, "staged", staged=provider.stage(intent.id, source))
    staged = intent.staged or ""
    is_first = intent.state == "staged"
    batch = None if is_first else provider.find(intent.id, staged, intent.created_at)
    if batch is None:
        if is_first:
            intent = journal.move(intent, "creating")
        batch = _create(journal, provider, intent, options, is_first=is_first)
    intent = journal.move(intent, "done", batch=batch.id, status=batch.status)
    return intent, batch


def _create(
    journal: Journal, provider: Provider, intent: Intent, options: BatchOptions, *, is_first: bool
) -> Batch:
    """Create the batch; where it stays unknown whether there is one, look for it before the one further try.

    A create that was refused leaves no batch to look for the next time, unless the answer to an earlier one was
    lost: that one may still be carried out, however late.
    """
    staged = intent.staged or ""
    try:
        return provider.create(intent.id, staged, options)
    except OutcomeUnknown:
        found = provider.find(intent.id, staged, intent.created_at)
        return found or provider.create(intent.id, staged, options)
    except (Rejected, ConfigError, Temporary):
        if is_first:
            journal.move(intent, "staged")
        raise


def is_lost(batch: Batch) -> bool:
    """Tell whether a batch ended without being completed, so that its requests may be sent again."""
    return batch.status in ("failed", "expired", "cancelled")
