"""A submission: what a submit is asked for, and what it led to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from batch_cli.attempt_links import Retry
from batch_cli.errors import UsageError, quoted
from batch_cli.jobs.intents import is_lost, is_wasted
from batch_cli.jobs.split import Split
from batch_cli.messages import MessagesOptions
from batch_cli.model import Batch, JsonObject, ModelName
from batch_cli.providers.base import WINDOW, EncodeOptions, Provider
from batch_cli.request_file import Scan
from batch_cli.state import GUARD_SECONDS


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """What a submit is asked for."""

    open_file: Callable[[], BinaryIO]
    """Opens the file anew, at its start."""
    name: str
    """The file, for messages to the user."""
    model: ModelName
    encode: EncodeOptions
    """How messages are written in the provider's dialect, where the file holds messages."""
    messages: MessagesOptions
    own_dialect_only: bool = False
    """Refuse everything but the provider's own request lines."""
    endpoint: str | None = None
    """None: what the lines say."""
    metadata: dict[str, str] = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    again: bool = False
    """Submit even if the same content was submitted in the last 24 hours."""
    save_id: bool = True
    split: Split | None = None
    """Cut what is over the limits of one batch into several; None refuses it."""
    at_once: int | None = None
    """Batches of a job that may run at the same time; None: what the provider allows."""
    retry: Retry | None = None
    """What it sends again."""
    within: float = GUARD_SECONDS
    """Seconds in which the same content is taken for the same submit."""
    keep_lost: bool = False
    """Take a batch of the same content as it is, though it expired or was cancelled: what it answered is paid for."""

    def is_lost(self, batch: Batch) -> bool:
        """Tell whether the requests of an earlier batch of the same content are to be sent again."""
        return is_wasted(batch) if self.keep_lost else is_lost(batch)

    def refuse_system(self) -> None:
        """Refuse a system message for a file of requests, whose lines say all there is to say.

        Raises:
            UsageError: there is one.
        """
        if self.messages.system:
            raise UsageError(f"--system: {self.name} holds requests, not prompts", hint="leave it out")


@dataclass(frozen=True, slots=True)
class Submission:
    """What a submit led to."""

    batch: Batch
    """The batch, or what stands for all batches of a job, with those as its ``parts``."""
    intent: str | None
    """The submit of the batch; None for a job."""
    scan: Scan
    created: bool
    """False when the batch was there already."""
    pointer: str | None = None
    """The pointer file that was written."""

    @property
    def batches(self) -> tuple[Batch, ...]:
        """Give the batches that came of it, in input order."""
        return self.batch.parts or (self.batch,)

    @property
    def ids(self) -> tuple[str, ...]:
        """Give what names it: the ids of all its batches; the job's as long as some of them do not exist."""
        return ids_of(self.batch)


def ids_of(batch: Batch) -> tuple[str, ...]:
    """Give the ids of the batches that one stands for, or of their job as long as some of them do not exist."""
    is_whole = len(batch.parts) == batch.shards
    return tuple(one.id for one in batch.parts) if batch.is_job and is_whole else (batch.id,)


def refuse_extras(provider: Provider, order: SubmitOrder) -> None:
    """Refuse metadata and a window that the provider does not take, before anything is sent.

    Raises:
        UsageError: there is too much of the one, or it has no such other.
    """
    _refuse_metadata(provider, order)
    _refuse_window(provider, order)


def _refuse_metadata(provider: Provider, order: SubmitOrder) -> None:
    """Refuse more metadata than the provider takes, before anything is sent.

    Raises:
        UsageError: there are too many pairs.
    """
    most = provider.capabilities.metadata_pairs
    if most in (0, 1) and order.metadata.keys() - {"description"}:
        raise UsageError(f"--metadata: {order.model.provider} keeps no metadata", hint="leave it out")
    if most is not None and len(order.metadata) > max(most, 1):
        raise UsageError(
            f"--metadata: {order.model.provider} takes {max(0, most - 1)} pairs at most besides the description and our own",
            hint="leave some out",
        )


def _refuse_window(provider: Provider, order: SubmitOrder) -> None:
    """Refuse a completion window that the provider does not have, before anything is sent.

    Raises:
        UsageError: it has others, or none.
    """
    wanted, windows = order.settings.get(WINDOW), provider.capabilities.windows
    if wanted is None or wanted in windows or "*" in windows:
        return
    name = order.model.provider
    if not windows:
        raise UsageError(
            f"--completion-window: batches of {name} have no such choice", hint="leave the option out"
        )
    raise UsageError(
        f"--completion-window: {name} has no window {quoted(str(wanted))}", hint=f"use {' or '.join(windows)}"
    )
