"""The models that ``list-models`` knows by name; any other name works as well."""

from __future__ import annotations

from typing import NamedTuple


class Price(NamedTuple):
    """What a model costs live: US dollars for a million tokens."""

    input: float
    output: float


class KnownModel(NamedTuple):
    """One entry."""

    provider: str
    name: str
    note: str = ""
    price: Price | None = None
    """None: not known. Providers change their prices, so that it is about right at best."""

    @property
    def id(self) -> str:
        """The name as ``--model`` takes it."""
        return f"{self.provider}/{self.name}"


# Prices: prices/providers of pydantic/genai-prices, checked there on 2025-07-04 (OpenAI), 2025-06-23 (Anthropic)
# (read 2026-11-21).
MODELS = (
    # The nine that the instructor batch examples name (567-labs/instructor, 2025-07).
    KnownModel("openai", "gpt-4o-mini", "the default", Price(0.15, 0.6)),
    KnownModel("openai", "gpt-4o", price=Price(2.5, 10)),
    KnownModel("openai", "gpt-4-turbo", price=Price(10, 30)),
    KnownModel("anthropic", "claude-3-5-sonnet-20241022", price=Price(3, 15)),
    KnownModel("anthropic", "claude-3-opus-20240229", price=Price(15, 75)),
    KnownModel("anthropic", "claude-3-haiku-20240307", price=Price(0.25, 1.25)),
    KnownModel("google", "gemini-2.0-flash-001"),
    KnownModel("google", "gemini-pro"),
    KnownModel("google", "gemini-pro-vision"),
    KnownModel("mistral", "mistral-small-latest"),
    KnownModel("regolo", "Llama-3.3-70B-Instruct", "regolo's own documentation, 2026-03"),
    KnownModel("local", "simulate", "simulated by rules: no key, no network, no model"),
    KnownModel("spice", "any", "predictions; each row names a model of your Spice runtime"),
    KnownModel("torch", "example", "predictions of your PyTorch server; its own example"),
)


def known_price(provider: str, name: str) -> Price | None:
    """Give what a model costs live, if it is one of `MODELS` with a price."""
    return next((one.price for one in MODELS if (one.provider, one.name) == (provider, name)), None)
