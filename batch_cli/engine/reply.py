"""What goes into a handler and what comes out: one request to answer, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from batch_cli.errors import BatchCliError
from batch_cli.model import JsonObject, JsonValue


class Call(NamedTuple):
    """One request of the queue, parsed."""

    custom_id: str
    url: str
    body: JsonValue
    line: bytes = b""
    """The request line it was parsed from; there, integers beyond 64 bits are what they were."""


class Reply(NamedTuple):
    """What the model server answered: an HTTP status and a JSON body, an error body included."""

    status: int
    body: JsonObject

    @property
    def is_good(self) -> bool:
        """Tell whether the request was answered."""
        return self.status < 400  # noqa: PLR2004 - HTTP


class Halt(Exception):
    """No request can be answered now, whichever; the message is the error's."""

    def __init__(self, error: BatchCliError) -> None:
        """Take what the user is to be told."""
        super().__init__(error.message)
        self.error = error


def broken_reply(error: Exception) -> Reply:
    """Answer a call whose handler raised: our bug, told as a server error."""
    message = f"the handler broke: {type(error).__name__}: {error}"
    return Reply(500, {"error": {"message": message, "type": "handler_error", "code": "handler_error"}})


class Handler(Protocol):
    """What answers calls: a group in, one reply for each in the same order; it never raises for a request.

    None in place of a reply gives a request back that was not answered, because nobody wants its batch any more.
    """

    max_batch: int
    """How many calls it wants at once."""
    is_cpu_bound: bool
    """It computes instead of waiting, so that more processes make it faster."""

    async def __call__(self, calls: Sequence[Call]) -> Sequence[Reply | None]:
        """Answer every call."""
        ...
