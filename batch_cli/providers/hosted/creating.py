"""Creating a batch, which costs money: sent once over a fresh connection, and told by what may have come of it.

What was not sent (no name, no connection) and what was refused for now (429, overloaded) is sent again. Where
it stays unknown what came of it, nothing is sent before somebody has looked.
"""

from __future__ import annotations

from collections.abc import Callable

from batch_cli.errors import NoRoom, OutcomeUnknown
from batch_cli.events import Listener, Note
from batch_cli.httpclient.client import HttpClient, Reply, Sent, is_exhausted, refusal
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.outcome import NotSent, Unknown
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.model import Batch, JsonObject
from batch_cli.providers.hosted.objects import is_full

_TRIES = 5
_UNSEEN_PAUSE = 5.0
"""Shorter ones are told only to those who want details."""


def create_once(
    http: HttpClient,
    sent: Sent,
    read: Callable[[JsonObject], Batch],
    say: Listener,
    refuse: Callable[[Reply], None] = lambda _reply: None,
) -> Batch:
    """Send what creates a batch until it was answered once, and give what ``read`` makes of the answer.

    ``read`` raises `Unknown` for an answer that is not the batch that was asked for; ``refuse`` may raise an
    error of its own for any answer that is not good.

    Raises:
        OutcomeUnknown: there may be a batch.
        NoRoom: there is none, and none before others have ended.
        Temporary: there is none for now.
        ConfigError: the key is refused.
        Rejected: the batch is refused for good.
    """
    for tries in range(1, _TRIES + 1):
        try:
            reply = http.once(sent)
            if reply.is_good:
                return read(reply.json())
        except NotSent as error:
            why, pause = str(error), http.pause * 2**tries
        except Unknown as error:
            raise outcome_unknown(str(error)) from error
        else:
            refuse(reply)
            why, pause = f"HTTP {reply.status}", _pause_after(http, reply)
        if tries < _TRIES:
            is_short = pause < _UNSEEN_PAUSE
            say(Note(f"{http.origin.host}: {why}; trying again in {pause:.1f} s", detail=is_short))
            http.clock.sleep(pause)
    raise _no_room(http, why) if why == "HTTP 429" else http.given_up(why, tries=_TRIES)


def _pause_after(http: HttpClient, reply: Reply) -> float:
    """Give how long to wait where a batch was refused before any work, for now; anything else is raised."""
    asked = retry_after(reply.headers, http.clock.now())
    said = read_error(reply.body, reply.status)
    if reply.status == 429 and is_full(said.code):  # noqa: PLR2004 - HTTP
        raise _no_room(http, said.message)
    if _is_refused_for_now(reply, asked):
        if asked is not None and asked > MOST_SECONDS:
            raise http.given_up(f"HTTP {reply.status}", reply)
        return asked or http.pause * 4
    if reply.status in (408, 409, 425) or reply.status >= 500 or 300 <= reply.status < 400:  # noqa: PLR2004 - HTTP
        raise outcome_unknown(f"{http.origin.authority} answered HTTP {reply.status}")
    raise refusal(reply, http.origin)


def _no_room(http: HttpClient, why: str) -> NoRoom:
    return NoRoom(
        f"{http.origin.host} takes no further batch of this account now",
        where=f"{http.origin.authority}: {why}",
        hint="run the same command again when other batches have ended",
    )


def _is_refused_for_now(reply: Reply, asked: float | None) -> bool:
    """Tell whether nothing can have come of it: a service names a time, or says that it is overloaded."""
    if reply.status == 429:  # noqa: PLR2004 - HTTP
        return not is_exhausted(reply)
    if reply.status not in (503, 529):
        return False
    return asked is not None or read_error(reply.body, reply.status).type == "overloaded_error"


def outcome_unknown(why: str) -> OutcomeUnknown:
    """Make the error of a create of which nobody knows what came."""
    return OutcomeUnknown(
        'the answer to "create batch" was lost; the provider may or may not have started it',
        where=(why, "nothing was sent again"),
        hint="run the same command again: it looks for the batch first",
    )
