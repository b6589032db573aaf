"""Answers that concern the whole account: an empty purse, a wrong key. No row is blamed for them; the work stops."""

from __future__ import annotations

from batch_cli.engine.reply import Halt
from batch_cli.errors import ConfigError, Rejected
from batch_cli.model import JsonObject

_PAYMENT_REQUIRED, _UNAUTHORIZED, _BAD_REQUEST = 402, 401, 400
_EMPTY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error")
"""OpenAI's codes and Anthropic's type. Source: their pages on errors (read 2026-11-21)."""
_EMPTY_WORDS = "credit balance is too low"
"""Anthropic says it with 400 and ``invalid_request_error``."""
_WRONG_KEY = ("API_KEY_INVALID", "API key not valid")
"""Google says it with 400."""


def halting(status: int, error: JsonObject, url: str) -> None:
    """Let through what concerns one request alone; ``error`` is its answer in OpenAI's shape.

    Raises:
        Halt: no other request will fare better until somebody has done something.
    """
    message = str(error.get("message") or "")
    if (
        status == _PAYMENT_REQUIRED
        or _EMPTY_WORDS in message
        or {error.get("code"), error.get("type")} & {*_EMPTY}
    ):
        raise Halt(
            Rejected(
                "the account cannot pay for more requests; what is done is kept",
                where=(f"{url} said: {message}",),
                hint="see to the account's balance, then run the same command again: it goes on where it was",
            )
        )
    is_wrong_key = status == _BAD_REQUEST and any(word in message for word in _WRONG_KEY)
    if status == _UNAUTHORIZED or is_wrong_key:
        raise Halt(
            ConfigError(
                "the key was refused; what is done is kept",
                where=(f"{url} said: {message}",),
                hint="set the right key, then run the same command again: it goes on where it was",
                reference="E604",
            )
        )
