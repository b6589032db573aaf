"""Accounts that have no batches, of services where that is known to happen: told from other refusals, in one sentence."""

from __future__ import annotations

from batch_cli.errors import Rejected
from batch_cli.httpclient.client import Reply
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.origin import Origin
from batch_cli.providers.hosted.profile import Profile

_NO_ROUTE = (404, 405, 501)
_NOT_SET_UP = (
    "files_settings is not set",
    "api_key client option must be set",
    "does not support",
    "doesn't support",
)
"""What a proxy says, as 400 or 500, whose files and batches nobody has set up.

Source: LiteLLM 1.109.1, BerriAI/litellm#37148 (read 2026-11-21).
"""


def refuse_without_batches(reply: Reply, profile: Profile, origin: Origin) -> None:
    """Look at the answer to an upload or a create.

    Raises:
        Rejected: the account has no batches; with the way that is left. Nothing else is done by itself, because
            single requests cost another price.
    """
    if profile.without_batches is None or reply.is_good:
        return
    said = read_error(reply.body, reply.status).message
    is_unset = reply.status in (400, 500) and any(words in said for words in _NOT_SET_UP)
    if reply.status in _NO_ROUTE or is_unset:
        raise Rejected(
            f"this {profile.title} account has no batch service",
            where=f"{origin.authority} answered HTTP {reply.status}: {said}",
            hint=profile.without_batches.format(origin=origin),
        )
