"""Which wire a request speaks: paths of several providers meet under ``/v1``, so their headers decide."""

from __future__ import annotations

import re
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Scope

Wire = Literal["openai", "anthropic", "google"]

_METHODS = (
    "generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|batchGenerateContent"
    "|asyncBatchEmbedContent|cancel|download"
)
"""Named, because the models of others have colons, too: ``llama3.2:latest``, ``ft:gpt-4o-mini:acme``."""
_GOOGLE_PATHS = re.compile(rf"/(v1beta|upload|download)/|/v1/.*:({_METHODS})$")
_ANTHROPIC_PATHS = ("/v1/messages",)


def wire_of(scope: Scope) -> Wire:
    """Tell the wire; what neither path nor headers tell is OpenAI's.

    Google's Python client calls ``/v1``, too, and is known by the header or the parameter of its key; the second
    request of an upload carries no key. Anthropic's clients always send a version. Source: google-genai 3.4.0,
    anthropic 2.11.0 (seen 2026-11-21).
    """
    path: str = scope["path"]
    headers = Headers(scope=scope)
    if _GOOGLE_PATHS.match(path) or "x-goog-api-key" in headers or _has_key(scope["query_string"]):
        return "google"
    if path.startswith(_ANTHROPIC_PATHS) or "anthropic-version" in headers:
        return "anthropic"
    return "openai"


def _has_key(query: bytes) -> bool:
    return query.startswith(b"key=") or b"&key=" in query
