"""The models that ``list-models`` knows by name; any other name works as well."""

from __future__ import annotations

from typing import NamedTuple


class KnownModel(NamedTuple):
    """One entry."""

    provider: str
    name: str
    note: str = ""

    @property
    def id(self) -> str:
        """The name as ``--model`` takes it."""
        return f"{self.provider}/{self.name}"


MODELS = (
    # The nine that the instructor batch examples name (567-labs/instructor, 2025-07).
    KnownModel("openai", "gpt-4o-mini", "the default"),
    KnownModel("openai", "gpt-4o"),
    KnownModel("openai", "gpt-4-turbo"),
    KnownModel("anthropic", "claude-3-5-sonnet-20241022"),
    KnownModel("anthropic", "claude-3-opus-20240229"),
    KnownModel("anthropic", "claude-3-haiku-20240307"),
    KnownModel("google", "gemini-2.0-flash-001"),
    KnownModel("google", "gemini-pro"),
    KnownModel("google", "gemini-pro-vision"),
    KnownModel("mistral", "mistral-small-latest"),
    KnownModel("regolo", "Llama-3.3-70B-Instruct", "regolo's own documentation, 2026-03"),
    KnownModel("local", "simulate", "simulated by rules: no key, no network, no model"),
    KnownModel("spice", "any", "predictions; each row names a model of your Spice runtime"),
    KnownModel("torch", "example", "predictions of your PyTorch server; its own example"),
)
