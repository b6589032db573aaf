"""Intents: one submit, taken from wherever it stands to its batch.

    prepared ─▶ stage ─▶ staged ─▶ creating ─▶ create ─▶ done

Each state is on disk before the step behind it starts.
"""

from __future__ import annotations

from batch_cli.model import Batch
from batch_cli.providers.base import BatchOptions, Input, Provider
from batch_cli.state import Intent, Journal


def carry_out(journal: Journal, provider: Provider, intent: Intent, source: Input) -> tuple[Intent, Batch]:
    """Take a submit from wherever it stands to its end. May be repeated until it succeeds: one batch comes of it."""
    options = BatchOptions(intent.endpoint, intent.model, intent.requests, intent.metadata, intent.settings)
    if intent.state == "prepared":
        intent = journal.move(intent, "staged", staged=provider.stage(intent.id, source))
    batch = provider.find(intent.id) if intent.state == "creating" else None
    if batch is None:
        if intent.state == "staged":
            intent = journal.move(intent, "creating")
        batch = provider.create(intent.id, intent.staged or "", options)
    intent = journal.move(intent, "done", batch=batch.id, status=batch.status)
    return intent, batch


def is_lost(batch: Batch) -> bool:
    """Tell whether a batch ended without being completed, so that its requests may be sent again."""
    return batch.status in ("failed", "expired", "cancelled")
