"""One call of what is measured: what was asked of a target, what it gave, how long it took."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from batch_cli.model import JsonValue


class Reply(NamedTuple):
    """What one call gave; a tuple, because the time that it takes to make one is charged to the measured machine."""

    error: str | None = None
    """Why it failed; None: it did not."""
    inputs: int = 0
    """What the answer says it was asked."""
    batch_size: int = 0
    successful: int = 0
    """Predictions that the answer holds, of its ``batch_size``."""
    predictions: JsonValue = None
    inference_ms: float | None = None
    """What the server says it took itself; None: it says nothing."""
    reached: bool = True
    """False: it cannot have arrived."""


class Call(NamedTuple):
    """A call as it is kept: about 250 bytes."""

    worker: int
    intended: float
    """When it should have begun, on the clock's monotonic seconds; `began` where nothing was planned."""
    began: float
    ended: float
    reply: Reply
    """Without its predictions."""
    length: int = 0
    """How many predictions there were."""
    fingerprint: bytes = b""
    """The same for the same predictions; empty where nobody asked for it."""

    @property
    def response_ms(self) -> float:
        """Give the time from when it should have begun to the last byte.

        A call that waited for slow ones before it has waited: to count from when it was sent would hide that
        (coordinated omission).
        """
        return (self.ended - self.intended) * 1000

    @property
    def is_good(self) -> bool:
        """Tell whether it succeeded."""
        return self.reply.error is None


class CutOff(Exception):
    """The call was cut off by `Caller.cut`; ``sent`` tells whether it can have arrived."""

    def __init__(self, *, sent: bool) -> None:
        """Say whether anything was sent."""
        super().__init__()
        self.sent = sent


class Caller(Protocol):
    """Calls a target, for one thread."""

    def send(self) -> Any:
        """Do what is measured, and give what came, unread. It never raises for a failed call.

        Raises:
            CutOff: `cut` was called.
        """
        ...

    def read(self, raw: Any) -> Reply:
        """Make a reply of what came; outside of the time that is measured."""
        ...

    def cut(self) -> None:
        """End the call at hand as far as that is possible; from another thread."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class Target(Protocol):
    """What is measured."""

    @property
    def name(self) -> str:
        """Give what reports call it."""
        ...

    def open(self) -> Caller:
        """Give a caller; it connects with its first call."""
        ...
