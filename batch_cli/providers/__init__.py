"""The providers by name: one table of import strings, so that naming one loads no other."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_cli.errors import UsageError, quoted

if TYPE_CHECKING:
    from batch_cli.clock import Clock
    from batch_cli.config import Services
    from batch_cli.providers.base import Codec, Place, Provider


DIRECT_PREFIX = "direct_"
"""How the ids of batches begin that are run here against a provider's live endpoints."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    codec: str
    """``module:attribute`` of its dialect."""
    provider: str
    """``module:class`` of what runs its batches, or what makes it."""
    predicts: bool = False
    """Its rows are predictions: no chat, no prompts, and every batch is run here, by our own engine."""


REGISTRY = {
    "openai": Entry("batch_cli.providers.openai:OPENAI", "batch_cli.providers.hosted.services:openai"),
    "anthropic": Entry(
        "batch_cli.providers.anthropic:ANTHROPIC", "batch_cli.providers.hosted.anthropic:AnthropicBatches"
    ),
    "google": Entry("batch_cli.providers.google:GOOGLE", "batch_cli.providers.hosted.services:google"),
    "mistral": Entry("batch_cli.providers.mistral:MISTRAL", "batch_cli.providers.hosted.services:mistral"),
    "regolo": Entry("batch_cli.providers.regolo:REGOLO", "batch_cli.providers.hosted.services:regolo"),
    "azure": Entry("batch_cli.providers.compatible:AZURE", "batch_cli.providers.hosted.services:azure"),
    "groq": Entry("batch_cli.providers.compatible:GROQ", "batch_cli.providers.hosted.services:groq"),
    "local": Entry("batch_cli.providers.openai:LOCAL", "batch_cli.providers.local:LocalProvider"),
    "spice": Entry(
        "batch_cli.providers.predictions:SPICE", "batch_cli.providers.direct.predictors:spice", predicts=True
    ),
    "torch": Entry(
        "batch_cli.providers.predictions:TORCH", "batch_cli.providers.direct.predictors:torch", predicts=True
    ),
    "onnx": Entry(
        "batch_cli.providers.predictions:ONNX", "batch_cli.providers.direct.predictors:onnx", predicts=True
    ),
    "function": Entry(
        "batch_cli.providers.predictions:FUNCTION",
        "batch_cli.providers.direct.predictors:function",
        predicts=True,
    ),
}

PREDICTORS = tuple(name for name, one in REGISTRY.items() if one.predicts)
"""Those whose rows are predictions."""


_NAMED = Entry("batch_cli.providers.compatible:named_codec", "batch_cli.providers.hosted.services:named")
"""A service that the user has named: what makes its dialect of it, and what opens it."""


def entry(name: str, given: str | None = None, services: Services | None = None) -> Entry:
    """Find a provider in the table, or among the user's own; ``given`` is what it was typed in, for the message.

    Raises:
        UsageError: there is none of this name (E602).
        ConfigError: it may be the user's own, but their config file is wrong (E901).
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if services is not None and services.get(name) is not None:
        return _NAMED
    known = [*REGISTRY, *(services.names if services is not None else ())]
    close = difflib.get_close_matches(name, known, n=1)
    supported = f"{', '.join(known[:-1])} or {known[-1]}"
    raise UsageError(
        f"Unsupported provider: {quoted(name)[1:-1]}",
        where=(
            *((f"got: {quoted(given)}",) if given is not None else ()),
            *((f"did you mean {quoted(close[0])}?",) if close else ()),
        ),
        hint=f"use {supported}",
        reference="E602",
    )


def load_codec(name: str, services: Services | None = None) -> Codec:
    """Give the dialect of provider ``name``; needs no key and no network.

    Raises:
        UsageError: there is none of this name (E602).
        ConfigError: it may be the user's own, but their config file is wrong (E901).
    """
    found = _load(entry(name, services=services).codec)
    codec: Codec = found if name in REGISTRY or services is None else found(services.get(name))
    return codec


def open_provider(name: str, place: Place, clock: Clock) -> Provider:
    """Open the provider ``name`` for running batches.

    Raises:
        UsageError: there is none of this name (E602).
    """
    found = entry(name) if place.service is None else _NAMED
    provider: Provider = _load(found.provider)(place, clock)
    return provider


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
