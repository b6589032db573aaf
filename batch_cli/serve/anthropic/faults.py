"""What is wrong with the parameters of a message, in the words of the Messages API."""

from __future__ import annotations

import re
from collections.abc import Iterator

from batch_cli.errors import Severity
from batch_cli.model import JsonObject, object_of
from batch_cli.providers.anthropic import ANTHROPIC
from batch_cli.serve.anthropic.objects import NEWEST

_SAMPLING = ("temperature", "top_p", "top_k")
_INDEX = re.compile(r"\[(\d+)\]")


def fault_of(params: JsonObject, version: str, *, in_batch: bool) -> str | None:
    """Give the first fault; None if there is none.

    The rules are those that ``batch-cli validate`` has for a line of a request file, and what ``version`` adds.
    Source of the words: live answers that public notes and release notes quote (2026-09-02, 2026-10-31).
    """
    return next(_faults(params, version, in_batch=in_batch), None)


def _faults(params: JsonObject, version: str, *, in_batch: bool) -> Iterator[str]:
    if "betas" in params:  # a header of the whole batch, never a parameter
        yield "betas: Extra inputs are not permitted"
    if version >= NEWEST:
        yield from _faults_of_newest(params)
    if in_batch and params.get("stream") is True:
        yield '"stream=True" is not supported in the Message Batches API'
    for found in ANTHROPIC.check({"custom_id": "a", "params": params}):
        if found.severity is not Severity.ERROR or found.path == "params.stream":
            continue
        path = _INDEX.sub(r".\1", found.path.removeprefix("params").removeprefix("."))
        if found.code == "E301":
            yield f"{_named(found.message.removeprefix('missing '))}: Field required"
        elif path == "max_tokens" and found.code == "E311":
            if in_batch or params["max_tokens"] != 0:  # live, it fills the prompt cache
                yield "max_tokens: must be greater than or equal to 1"
        else:
            yield f"{path}: {_named(found.message)}" if path else _named(found.message)


def _faults_of_newest(params: JsonObject) -> Iterator[str]:
    """Give what the newest version alone has against a request.

    Source: public migration guides to 2026-10-21 (read 2026-11-21).
    """
    for name in _SAMPLING:
        if name in params:
            yield f"{name}: Extra inputs are not permitted"
    messages = params.get("messages")
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        role, content = object_of(message).get("role"), object_of(message).get("content")
        for place, block in enumerate(content if isinstance(content, list) else ()):
            kind = object_of(block).get("type")
            here = f"messages.{at}.content.{place}"
            if role == "assistant" and kind == "document":
                yield f"{here}: document blocks are not allowed in assistant messages"
            if role == "user" and kind == "text" and object_of(block).get("citations"):
                yield f"{here}.citations: Extra inputs are not permitted"


def _named(message: str) -> str:
    """Name the fields of a message from the parameters on."""
    return _INDEX.sub(r".\1", message.replace("params.", ""))
