"""Answers that concern the whole account: an empty purse, a wrong key. No row is blamed for them; the work stops."""

from __future__ import annotations

import enum

from batch_cli.errors import BatchCliError, ConfigError, Rejected
from batch_cli.model import JsonObject

_PAYMENT_REQUIRED, _UNAUTHORIZED, _BAD_REQUEST = 402, 401, 400
_EMPTY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error")
"""OpenAI's codes and Anthropic's type. Source: their pages on errors (read 2026-11-21)."""
_EMPTY_WORDS = "credit balance is too low"
"""Anthropic says it with 400 and ``invalid_request_error``."""
_WRONG_KEY = ("API_KEY_INVALID", "API key not valid")
"""Google says it with 400."""


class OnAccount(enum.Enum):
    """What an answer that concerns the whole account leads to."""

    ITS_ROW = enum.auto()
    """Nothing but the answer of the request it came to."""
    HALT = enum.auto()
    """The end of the work; no row is blamed."""
    EVERY_ROW = enum.auto()
    """The same answer for every request that was not sent yet."""


def account_error(status: int, error: JsonObject, url: str) -> BatchCliError | None:
    """Tell why no other request will fare better until somebody has done something; None: this one is alone.

    ``error`` is the answer in OpenAI's shape.
    """
    message = str(error.get("message") or "")
    if (
        status == _PAYMENT_REQUIRED
        or _EMPTY_WORDS in message
        or {error.get("code"), error.get("type")} & {*_EMPTY}
    ):
        return Rejected(
            "the account cannot pay for more requests; what is done is kept",
            where=(f"{url} said: {message}",),
            hint="see to the account's balance, then run the same command again: it goes on where it was",
        )
    is_wrong_key = status == _BAD_REQUEST and any(word in message for word in _WRONG_KEY)
    if status == _UNAUTHORIZED or is_wrong_key:
        return ConfigError(
            "the key was refused; what is done is kept",
            where=(f"{url} said: {message}",),
            hint="set the right key, then run the same command again: it goes on where it was",
            reference="E604",
        )
    return None
