"""What may have happened to a request that got no proper answer. Callers decide by the class alone."""

from __future__ import annotations


class NoAnswer(Exception):
    """A request got no proper answer."""


class NotSent(NoAnswer):
    """Nothing of it can have reached the server's application: no name, no connection, no handshake."""


class Unknown(NoAnswer):
    """It may have been carried out: the connection broke, the time was over, or the answer is unreadable."""
