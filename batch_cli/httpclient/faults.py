"""What a broken connection says of itself, in words for people."""

from __future__ import annotations

import ssl

import httpcore2


def certificate_fault(error: BaseException) -> str | None:
    """Give what is wrong with the server's certificate, if that is why there is no connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__
    return None


def reason_of(error: BaseException) -> str:
    """Give why a connection broke."""
    if isinstance(error, httpcore2.TimeoutException):
        return "no answer in time"
    return str(error).strip() or type(error).__name__
