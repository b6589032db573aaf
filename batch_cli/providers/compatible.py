"""OpenAI's dialect as other services take it: the same lines, with limits and endpoints of their own."""

from __future__ import annotations

from batch_cli.config import Service
from batch_cli.model import CHAT, ENDPOINTS, Limits
from batch_cli.providers.openai import OpenAICodec

_OLD_CHAT = "/chat/completions"
"""Azure's older name for it, which stands in most files that people have."""

AZURE = OpenAICodec(
    "Azure OpenAI",
    # Its pages say 100,000 requests, its REST reference 50,000: the lower one is safe in both.
    # Source: azure-ai-docs, how-to/batch.md, and Foundry's REST reference (read 2026-11-21).
    Limits(requests=50_000, bytes=200_000_000),
    one_model=True,  # the deployment; a second one fails the batch with model_mismatch
    own_prefixes=("azure",),
    takes_any_word=False,
    endpoints=(*ENDPOINTS, _OLD_CHAT),
)
GROQ = OpenAICodec(
    "Groq",
    # Source: groq-python 1.7.0 for the size and the one endpoint; the 50,000 are OpenAI's (read 2026-11-21).
    Limits(requests=50_000, bytes=100_000_000),
    endpoints=(CHAT,),
)
"""Its models have names such as ``groq/compound`` and ``openai/gpt-oss-120b``: no prefix is a slip."""


def named_codec(service: Service) -> OpenAICodec:
    """Give the dialect of a service that the user has named; its limits are those that it is said to have."""
    return OpenAICodec(service.name, Limits(requests=service.max_requests, bytes=service.max_bytes))
