"""What a provider's batches may hold and what they save, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from batch_cli.cli.text import plural, size
from batch_cli.config import Services
from batch_cli.model import JsonObject, Limits
from batch_cli.providers import load_codec
from batch_cli.providers.hosted.profile import terms


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one provider; what is not known is None."""

    provider: str
    limits: Limits
    discount: float | None
    """The share of the live price that a batch saves."""
    most_batches: int | None
    """Batches that may run at once."""

    @classmethod
    def of(cls, provider: str, services: Services) -> Self:
        """Look them up."""
        return cls(provider, load_codec(provider, services).limits, *terms(provider))

    def __str__(self) -> str:
        """Write them in a few words."""
        words = []
        if self.limits.requests is not None:
            words.append(plural(self.limits.requests, "request"))
        if self.limits.bytes is not None:
            words.append(size(self.limits.bytes))
        if self.most_batches is not None:
            words.append(f"{self.most_batches} at once")
        if self.discount is not None:
            words.append(f"{self.discount:.0%} off")
        return ", ".join(words)

    def as_object(self) -> JsonObject:
        """Give them as documents hold them."""
        return {
            "name": self.provider,
            "max_requests": self.limits.requests,
            "max_bytes": self.limits.bytes,
            "max_batches": self.most_batches,
            "discount": self.discount,
        }
