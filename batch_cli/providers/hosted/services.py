"""What the registry opens: each service with its dialect and what is special about it."""

from __future__ import annotations

from batch_cli.clock import Clock
from batch_cli.providers import load_codec
from batch_cli.providers.base import Place, Provider
from batch_cli.providers.hosted.google.provider import Google
from batch_cli.providers.hosted.openai import OpenAIBatches
from batch_cli.providers.hosted.profile import profile


def openai(place: Place, clock: Clock) -> Provider:
    """Open OpenAI."""
    return _on_openai_wire("openai", place, clock)


def regolo(place: Place, clock: Clock) -> Provider:
    """Open regolo."""
    return _on_openai_wire("regolo", place, clock)


def google(place: Place, clock: Clock) -> Provider:
    """Open Google's Gemini API, or without a key what simulates it."""
    return Google(load_codec("google"), place, clock)


def _on_openai_wire(name: str, place: Place, clock: Clock) -> Provider:
    return OpenAIBatches(profile(name), load_codec(name), place, clock)
