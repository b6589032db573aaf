"""Intents: one submit, taken from wherever it stands to its batch.

    prepared ─▶ stage ─▶ staged ─▶ creating ─▶ create ─▶ done

Each state is on disk before the step behind it starts.
"""

from __future__ import annotations

from batch_cli.clock import rfc3339
from batch_cli.errors import ConfigError, OutcomeUnknown, Rejected, StateError, Temporary
from batch_cli.model import Batch
from batch_cli.providers.base import BatchOptions, Input, Provider
from batch_cli.state import Intent, Journal


def carry_out(journal: Journal, provider: Provider, intent: Intent, source: Input) -> tuple[Intent, Batch]:
    """Take a submit from wherever it stands to its end. May be repeated until it succeeds: one batch comes of it.

    Raises:
        NoRoom: nothing was started, because the account has too much queued; it stays staged.
        OutcomeUnknown: it cannot be told whether there is a batch; nothing was sent again.
    """
    return start(journal, provider, stage(journal, provider, intent, source))


def stage(journal: Journal, provider: Provider, intent: Intent, source: Input) -> Intent:
    """Bring the requests to the provider, if they are not there; it costs nothing yet."""
    if intent.state != "prepared":
        return intent
    return journal.move(intent, "staged", staged=provider.stage(intent.id, source))


def start(journal: Journal, provider: Provider, intent: Intent) -> tuple[Intent, Batch]:
    """Take a staged submit to its batch; raises as `carry_out` does."""
    batch = adopt(journal, provider, intent) if intent.state == "creating" else None
    return create(journal, provider, intent) if batch is None else (done(journal, intent, batch), batch)


def adopt(journal: Journal, provider: Provider, intent: Intent) -> Batch | None:
    """Find the batch that an earlier try of a submit made; None is certain: there is none.

    Raises:
        OutcomeUnknown: it cannot be told.
    """
    try:
        found = provider.find(intent.id, intent.staged or "", intent.created_at)
    except OutcomeUnknown as error:
        raise _unsettled(provider, intent, error) from error
    except Temporary as error:
        doubt = OutcomeUnknown(
            "the provider may or may not have started the batch, and cannot be asked now",
            where=(error.message, *error.where),
        )
        raise _unsettled(provider, intent, doubt) from error
    other = None if found is None else journal.by_batch(found.id)
    return None if other is not None and other.id != intent.id else found


def create(journal: Journal, provider: Provider, intent: Intent) -> tuple[Intent, Batch]:
    """Create the batch of a staged submit, or of one in doubt that `adopt` has just found nothing of.

    Where it stays unknown whether there is one, it is looked for before the one further try. A create that was
    refused leaves no batch to look for the next time, unless the answer to an earlier one was lost: that one may
    still be carried out, however late.
    """
    options = BatchOptions(intent.endpoint, intent.model, intent.requests, intent.metadata, intent.settings)
    is_first = intent.state == "staged"
    if is_first:
        intent = journal.move(intent, "creating")
    try:
        batch = provider.create(intent.id, intent.staged or "", options)
    except OutcomeUnknown:
        found = adopt(journal, provider, intent)
        batch = found or _again(provider, intent, options)
    except (Rejected, ConfigError, Temporary, StateError):
        if is_first:
            journal.move(intent, "staged")
        raise
    return done(journal, intent, batch), batch


def _again(provider: Provider, intent: Intent, options: BatchOptions) -> Batch:
    try:
        return provider.create(intent.id, intent.staged or "", options)
    except OutcomeUnknown as error:
        raise _unsettled(provider, intent, error) from error


def done(journal: Journal, intent: Intent, batch: Batch) -> Intent:
    """Record that a submit has its batch."""
    return journal.move(intent, "done", batch=batch.id, status=batch.status)


def _unsettled(provider: Provider, intent: Intent, error: OutcomeUnknown) -> OutcomeUnknown:
    """Say which submit is in doubt, and how it is settled."""
    why = f"{error.where[0]}; " if error.where else ""
    staged = f" of {intent.staged}" if intent.staged and provider.capabilities.names_input else ""
    return OutcomeUnknown(
        error.message,
        where=f"{why}nothing was sent again; submit {intent.id}{staged}, begun {rfc3339(intent.created_at)}",
        hint=(
            "run the same command again: it looks for the batch first; or"
            f" batch-cli recover {intent.id}, with --discard if you are sure that no batch exists"
        ),
    )


def is_lost(batch: Batch) -> bool:
    """Tell whether a batch ended without being completed, so that its requests may be sent again."""
    return batch.status in ("failed", "expired", "cancelled")


def is_wasted(batch: Batch) -> bool:
    """Tell whether a batch failed as a whole, so that not one of its requests was answered."""
    return batch.status == "failed" and not batch.counts.answered
