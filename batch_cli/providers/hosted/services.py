"""What the registry opens: each service with its dialect and what is special about it."""

from __future__ import annotations

from batch_cli.clock import Clock
from batch_cli.httpclient.origin import Origin
from batch_cli.providers import load_codec
from batch_cli.providers.base import Place, Provider
from batch_cli.providers.compatible import named_codec
from batch_cli.providers.hosted.google.provider import Google
from batch_cli.providers.hosted.openai import OpenAIBatches
from batch_cli.providers.hosted.profile import named_profile, profile


def openai(place: Place, clock: Clock) -> Provider:
    """Open OpenAI."""
    return _on_files("openai", place, clock)


def regolo(place: Place, clock: Clock) -> Provider:
    """Open regolo."""
    return _on_files("regolo", place, clock)


def google(place: Place, clock: Clock) -> Provider:
    """Open Google's Gemini API, or without a key what simulates it."""
    return Google(load_codec("google"), place, clock)


def azure(place: Place, clock: Clock) -> Provider:
    """Open Azure OpenAI."""
    return _on_files("azure", place, clock)


def groq(place: Place, clock: Clock) -> Provider:
    """Open Groq."""
    return _on_files("groq", place, clock)


def mistral(place: Place, clock: Clock) -> Provider:
    """Open Mistral."""
    return _on_files("mistral", place, clock)


def named(place: Place, clock: Clock) -> Provider:
    """Open a service that the user has named, which ``place`` holds.

    Raises:
        ConfigError: it has no base URL, or none that can be one.
    """
    service = place.service
    assert service is not None  # the table's other lines open what has no service
    if service.base_url is not None:
        Origin.parse(service.base_url, f"base_url of {service.name} in the config file")
    return OpenAIBatches(named_profile(service), named_codec(service), place, clock)


def _on_files(name: str, place: Place, clock: Clock) -> Provider:
    return OpenAIBatches(profile(name), load_codec(name), place, clock)
