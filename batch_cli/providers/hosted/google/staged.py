"""Where the requests of a submit are, and what they ask for, as the text that the journal keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from batch_cli.jsonl import loads
from batch_cli.model import object_of
from batch_cli.providers.base import Capabilities, Input
from batch_cli.providers.hosted.profile import terms

SIMULATED = "batches/sim-"
"""How the ids of simulated batches begin; Google's own have no word in them."""
SIMULATED_CAPABILITIES = Capabilities(runs_here=True, simulated=True, gives_requests_back=False)
GOOGLE_CAPABILITIES = Capabilities(
    most_batches=terms("google")[1], metadata_pairs=1, gives_requests_back=False
)
"""Of the service itself; its one piece of metadata is the description in a batch's name."""
_INLINE, _EMBED = "inline:", "embed:"


@dataclass(frozen=True, slots=True)
class Staged:
    """``files/bci-…``, ``inline:bci_…`` or ``batches/sim-…``, with ``embed:`` before it for embeddings."""

    place: str
    embeds: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `__str__` wrote."""
        return cls(text.removeprefix(_EMBED), text.startswith(_EMBED))

    @classmethod
    def here(cls, key: str, *, embeds: bool) -> Self:
        """Say that the requests wait on this machine."""
        return cls(f"{_INLINE}{key}", embeds)

    @property
    def is_here(self) -> bool:
        """Tell whether the requests wait on this machine for a create that brings them along."""
        return self.place.startswith(_INLINE)

    @property
    def is_simulated(self) -> bool:
        """Tell whether they are for the local engine."""
        return self.place.startswith(SIMULATED)

    def __str__(self) -> str:
        """Write it for the journal."""
        return f"{_EMBED}{self.place}" if self.embeds else self.place


def asks_for_embeddings(source: Input) -> bool:
    """Tell what the requests of a file ask for, by the first: they all go to one method."""
    first = object_of(loads(next(iter(source.lines()), b"{}")))
    return "contents" not in object_of(first.get("request"))
