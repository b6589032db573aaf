"""Requests for completions, asked of a model that only chats."""

from __future__ import annotations

from batch_cli.engine.reply import Reply
from batch_cli.model import JsonObject, JsonValue

_NO_ROUTE = (404, 405, 501)
_WORDS = ("chat/completions", "chat model", "not supported in the v1/completions")
_COMPLETIONS_ONLY = ("prompt", "suffix", "echo", "best_of", "logprobs")


def wants_chat(reply: Reply) -> bool:
    """Tell whether a refusal of a completion means that the same may be asked as a chat.

    A route that is not there, or OpenAI's 404 "This is a chat model and not supported in the v1/completions endpoint".
    """
    error = reply.body.get("error")
    said = str(error.get("message") or "") if isinstance(error, dict) else ""
    is_model_missing = "model" in said and "not found" in said
    return (reply.status in _NO_ROUTE and not is_model_missing) or any(word in said for word in _WORDS)


def as_chat(body: JsonValue) -> JsonObject | None:
    """Write the body of a completion as one of a chat; None where its prompt is not one text."""
    if not isinstance(body, dict):
        return None
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        return None
    kept = {name: value for name, value in body.items() if name not in _COMPLETIONS_ONLY}
    return {**kept, "messages": [{"role": "user", "content": prompt}]}
