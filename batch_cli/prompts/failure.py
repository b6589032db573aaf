"""Why a prompt has no answer, in the words of the table of errors that rows of batches have, too."""

from __future__ import annotations

from typing import TypedDict

from batch_cli.engine.handlers.live.transport import TooSlow, TransportError, Unusable
from batch_cli.error_taxonomy import ErrorKind, explained
from batch_cli.model import COMPLETIONS, ResultError
from batch_cli.prompts.service import Service

METHOD = "POST"
_UNREACHED = 0
"""Stands for the status where there was no answer."""
_GOOD, _FAILED = 200, 400
_NO_ROUTE = (400, 404, 405)


class PromptError(TypedDict):
    """Why a prompt has no answer."""

    url: str
    method: str
    status_code: int | None
    """None where no answer came, or none that can be read."""
    error_type: str
    """Such as ``authentication``, ``not_found``, ``rate_limit``, ``timeout``, ``server``, ``connection``, ``bad_answer``."""
    message: str
    """The server's own words, where it had some; the key is never in it."""
    suggestion: str
    """What to do, in one clause."""


Outcome = str | PromptError
"""The text of an answer, which may be empty, or why there is none."""


def unsent(service: Service, why: ValueError) -> PromptError:
    """Say why a prompt was not sent."""
    return answered(service, None, ResultError("bad_request", f"the prompt cannot be sent: {why}"))


def unanswered(service: Service, error: TransportError) -> PromptError:
    """Say why no answer came, or none that is read."""
    message = service.mask.text(f"{service.provider} gave no answer: {error}")
    match error:
        case Unusable():
            return _bad_answer(service, None, message)
        case TooSlow():
            verdict = explained(ResultError("timeout", message))
            return _of(service, None, verdict.kind, message, verdict.suggestion)
        case _:
            verdict = explained(ResultError("connection", message), _UNREACHED)
            return _of(service, None, "connection", message, verdict.suggestion)


def answered(service: Service, status: int | None, error: ResultError) -> PromptError:
    """Say what an error that came as an answer means."""
    is_ours = status == _GOOD and (error.code or "").startswith("backend_")
    if status is not None and (is_ours or _GOOD < status < _FAILED):
        return _bad_answer(service, status, error.message)
    verdict = explained(error, status)
    suggestion = verdict.suggestion
    if service.wire == COMPLETIONS and status in _NO_ROUTE and verdict.kind != ErrorKind.TOO_LONG:
        suggestion = f"{suggestion}; or ask with chat=True, which most servers have alone"
    return _of(service, status, verdict.kind, error.message, suggestion)


def _bad_answer(service: Service, status: int | None, message: str) -> PromptError:
    suggestion = "check the endpoint: what answers there does not speak this provider's API"
    return _of(service, status, "bad_answer", message, suggestion)


def _of(service: Service, status: int | None, kind: str, message: str, suggestion: str | None) -> PromptError:
    return {
        "url": service.url,
        "method": METHOD,
        "status_code": status,
        "error_type": str(kind),
        "message": message,
        "suggestion": suggestion or "",
    }
