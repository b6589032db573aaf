"""What a provider says of an account: the files that lie there, and the models that it may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """An input file of ours that lies at a provider."""

    id: str
    """As `Provider.stage` called it."""
    name: str
    """Our name for it: the submit's id and ``.jsonl``."""
    bytes: int | None = None
    created_at: float | None = None


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that a provider says it has."""

    name: str
    """As the provider calls it: what stands behind the slash of ``--model``."""
    title: str = ""
    """As people call it, where that is another name."""
    created_at: float | None = None
    context: int | None = None
    """The most tokens that a request may have."""
    batch: bool | None = None
    """Whether batches of it can be made; None: the provider does not say."""
