"""Models as providers list them, each wire in its words.

Source: openai-openapi 2.3.0 (2026-08-21), anthropic-sdk-python 2.12.0 and google-genai 3.4.0 for the members; Groq's
and Mistral's own members from their SDKs, groq-python 1.7.0 and mistralai 3.7.0 (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_cli.errors import OutcomeUnknown, Rejected
from batch_cli.httpclient.client import HttpClient
from batch_cli.model import JsonObject
from batch_cli.providers.account import OfferedModel
from batch_cli.providers.hosted.lists import listed
from batch_cli.providers.hosted.objects import read_count, read_moment, text_of
from batch_cli.providers.hosted.profile import Profile
from batch_cli.providers.hosted.wire import Paging

_PREFIX = "models/"
_BATCH_METHODS = frozenset(("batchGenerateContent", "asyncBatchEmbedContent"))
_CONTEXTS = ("context_window", "max_context_length", "max_model_len")
"""Groq's word, Mistral's, and that of vLLM."""


def openai_models(http: HttpClient, profile: Profile) -> Iterator[OfferedModel]:
    """Ask for the models of OpenAI's wire, whose list has no pages.

    Raises:
        Rejected: the service has no such list.
    """
    try:
        for value in listed(http, "/models", Paging.NONE):
            yield _openai_model(value)
    except OutcomeUnknown as error:
        raise Rejected(
            f"{profile.title} cannot list its models",
            where=error.where,
            hint="check the base URL, which ends with the version, such as /v1",
        ) from error


def _openai_model(value: JsonObject) -> OfferedModel:
    contexts = (read_count(value.get(member)) for member in _CONTEXTS)
    return OfferedModel(
        text_of(value, "id") or "",
        created_at=read_moment(value.get("created")),
        context=next((tokens for tokens in contexts if tokens), None),
    )


def anthropic_model(value: JsonObject) -> OfferedModel:
    """Read one of Anthropic's models."""
    return OfferedModel(
        text_of(value, "id") or "",
        text_of(value, "display_name") or "",
        read_moment(value.get("created_at")),
        read_count(value.get("max_input_tokens")),
    )


def google_model(value: JsonObject) -> OfferedModel:
    """Read one of Google's models, which say what can be done with them."""
    methods = value.get("supportedGenerationMethods")
    return OfferedModel(
        (text_of(value, "name") or "").removeprefix(_PREFIX),
        text_of(value, "displayName") or "",
        context=read_count(value.get("inputTokenLimit")),
        batch=any(method in _BATCH_METHODS for method in methods) if isinstance(methods, list) else None,
    )
