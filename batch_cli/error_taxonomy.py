"""What the error of a row means, in one set of kinds for all providers: a table of words and one of HTTP codes.

Sources (read 2026-11-21): platform.openai.com/docs/guides/error-codes, docs.anthropic.com/en/api/errors,
ai.google.dev/gemini-api/docs/troubleshooting and google.rpc.Code, docs.mistral.ai "errors", LiteLLM's
exception mapping (its codes are HTTP statuses written as texts).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace

from batch_cli.model import ResultError


class ErrorKind(enum.StrEnum):
    """Why a request has no good answer, whoever says it in whatever words."""

    MISSING = "missing"
    """Nobody said anything about it."""
    CONFLICT = "conflict"
    """Its results contradict each other."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    INVALID = "invalid"
    """The model answered, but not in the form that was asked for."""
    REFUSED = "refused"
    """The model would not."""
    FILTERED = "filtered"
    """A filter of the provider took the question or the answer away."""
    BAD_REQUEST = "bad_request"
    TOO_LONG = "too_long"
    AUTHENTICATION = "authentication"
    BILLING = "billing"
    NOT_FOUND = "not_found"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    SERVER = "server"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of an error."""

    kind: ErrorKind
    retryable: bool
    """The same request, sent again unchanged, may succeed."""
    suggestion: str
    """What to do, in one clause."""


_AGAIN = "send the request again"
_LATER = "wait, then send the request again"

_MISSING = Verdict(ErrorKind.MISSING, retryable=True, suggestion=_AGAIN)
_CONFLICT = Verdict(
    ErrorKind.CONFLICT, retryable=True, suggestion="send it again: its results contradict each other"
)
_EXPIRED = Verdict(
    ErrorKind.EXPIRED, retryable=True, suggestion="send it again: the batch's time was over before its turn"
)
_CANCELLED = Verdict(ErrorKind.CANCELLED, retryable=True, suggestion="send it again if it is still wanted")
_FAILED_BATCH = Verdict(ErrorKind.SERVER, retryable=True, suggestion="send it again in a new batch")
_REFUSED = Verdict(ErrorKind.REFUSED, retryable=False, suggestion="reword the prompt, or try another model")
_FILTERED = Verdict(
    ErrorKind.FILTERED, retryable=False, suggestion="reword the prompt, or loosen the provider's filter"
)
_BAD_REQUEST = Verdict(
    ErrorKind.BAD_REQUEST, retryable=False, suggestion="correct the parameters and the payload of the request"
)
_TOO_LONG = Verdict(
    ErrorKind.TOO_LONG,
    retryable=False,
    suggestion="shorten the prompt, or use a model that takes more tokens",
)
_KEY = Verdict(ErrorKind.AUTHENTICATION, retryable=False, suggestion="check the key and its rights")
_BILLING = Verdict(
    ErrorKind.BILLING, retryable=False, suggestion="top up the account or raise its limit, then send it again"
)
_NOT_FOUND = Verdict(
    ErrorKind.NOT_FOUND, retryable=False, suggestion="check the URL and the name of the model"
)
_RATE = Verdict(ErrorKind.RATE_LIMIT, retryable=True, suggestion=f"too much at once: {_LATER}")
_TIMEOUT = Verdict(ErrorKind.TIMEOUT, retryable=True, suggestion=_AGAIN)
_UNREACHED = Verdict(
    ErrorKind.SERVER,
    retryable=True,
    suggestion="the request never got there: check network and endpoint, send it again",
)
_SERVER = Verdict(ErrorKind.SERVER, retryable=True, suggestion=f"the server failed: {_LATER}")
_EMPTY = Verdict(ErrorKind.INVALID, retryable=True, suggestion=_AGAIN)
_OFF_SCHEMA = Verdict(
    ErrorKind.INVALID, retryable=True, suggestion="send it again, ask more strictly, or try another model"
)
_CUT = Verdict(
    ErrorKind.INVALID, retryable=False, suggestion="raise --max-tokens, or ask for a shorter answer"
)
_UNREAD = Verdict(
    ErrorKind.OTHER, retryable=False, suggestion="look at the provider's own line: results --format raw"
)

_ADVICE = {
    verdict.kind: verdict.suggestion
    for verdict in (
        *(
            _MISSING,
            _CONFLICT,
            _EXPIRED,
            _CANCELLED,
            _OFF_SCHEMA,
            _REFUSED,
            _FILTERED,
            _BAD_REQUEST,
            _TOO_LONG,
            _KEY,
        ),
        *(_BILLING, _NOT_FOUND, _RATE, _TIMEOUT, _SERVER),
        Verdict(ErrorKind.OTHER, retryable=False, suggestion="look at the message of each row"),
    )
}

_SPECIFIC = {
    # Ours: rows without a line of the provider, and answers that are not what was asked for.
    "missing": _MISSING,
    "conflict": _CONFLICT,
    "expired": _EXPIRED,
    "batch_expired": _EXPIRED,
    "cancelled": _CANCELLED,
    "canceled": _CANCELLED,
    "batch_cancelled": _CANCELLED,
    "batch_failed": _FAILED_BATCH,
    "abandoned": _FAILED_BATCH,
    "empty_answer": _EMPTY,
    "invalid_json": _OFF_SCHEMA,
    "schema_mismatch": _OFF_SCHEMA,
    "truncated": _CUT,
    "refusal": _REFUSED,
    "unknown_result": _UNREAD,
    "backend_unreachable": _UNREACHED,
    # The providers'.
    "content_filter": _FILTERED,
    "content_policy_violation": _FILTERED,
    "responsibleaipolicyviolation": _FILTERED,
    "blocked": _FILTERED,
    "safety": _FILTERED,
    "moderation_blocked": _FILTERED,
    "context_length_exceeded": _TOO_LONG,
    "string_above_max_length": _TOO_LONG,
    "request_too_large": _TOO_LONG,
    "max_tokens_exceeded": _TOO_LONG,
    "rate_limit_exceeded": _RATE,
    "rate_limit_error": _RATE,
    "rate_limited": _RATE,
    "too_many_requests": _RATE,
    "resource_exhausted": _RATE,
    "insufficient_quota": _BILLING,
    "billing_hard_limit_reached": _BILLING,
    "billing_not_active": _BILLING,
    "billing_error": _BILLING,
    "budget_exceeded": _BILLING,
    "invalid_api_key": _KEY,
    "authentication_error": _KEY,
    "permission_error": _KEY,
    "unauthenticated": _KEY,
    "permission_denied": _KEY,
    "account_deactivated": _KEY,
    "model_not_found": _NOT_FOUND,
    "not_found_error": _NOT_FOUND,
    "timeout": _TIMEOUT,
    "timeout_error": _TIMEOUT,
    "request_timeout": _TIMEOUT,
    "deadline_exceeded": _TIMEOUT,
    "overloaded_error": _SERVER,
    "overloaded": _SERVER,
    "engine_overloaded": _SERVER,
    "unavailable": _SERVER,
}
"""Words that mean one thing, whatever status stands beside them; in lower case."""

_GENERAL = {
    "invalid_request_error": _BAD_REQUEST,
    "invalid_argument": _BAD_REQUEST,
    "failed_precondition": _BAD_REQUEST,
    "out_of_range": _BAD_REQUEST,
    "bad_request": _BAD_REQUEST,
    "badrequesterror": _BAD_REQUEST,
    "not_found": _NOT_FOUND,
    "server_error": _SERVER,
    "internal_error": _SERVER,
    "internal": _SERVER,
    "api_error": _SERVER,
    "aborted": _SERVER,
    "failed": _FAILED_BATCH,
}
"""Words that are also used for other things, so that an HTTP status knows better."""

_BY_STATUS = {
    0: _UNREACHED,
    400: _BAD_REQUEST,
    401: _KEY,
    402: _BILLING,
    403: _KEY,
    404: _NOT_FOUND,
    408: _TIMEOUT,
    409: Verdict(ErrorKind.SERVER, retryable=True, suggestion=_AGAIN),
    413: _TOO_LONG,
    422: _BAD_REQUEST,
    429: _RATE,
    504: _TIMEOUT,
    529: _SERVER,
}
_CLASSES = {4: _BAD_REQUEST, 5: _SERVER}
_BY_RPC_CODE = {
    1: _CANCELLED,
    3: _BAD_REQUEST,
    4: _TIMEOUT,
    5: _NOT_FOUND,
    7: _KEY,
    8: _RATE,
    9: _BAD_REQUEST,
    10: _SERVER,
    11: _BAD_REQUEST,
    13: _SERVER,
    14: _SERVER,
    16: _KEY,
}
"""Google's numbers. Source: google/rpc/code.proto."""

# What some providers say only in words: a lack of money comes as a 400 (Anthropic) or as a plain 429.
_BY_MESSAGE = (
    (
        re.compile(
            r"credit balance is too low|exceeded your current quota|insufficient (funds|balance|credits)",
            re.I,
        ),
        _BILLING,
    ),
    (re.compile(r"maximum context length|prompt is too long|input token count .* exceeds", re.I), _TOO_LONG),
)
_LOOKED_AT = 2_000
_FIRST_STATUS = 100


def judge(error: ResultError, status: int | None = None) -> Verdict:
    """Give what to make of a row's error; ``status`` is the HTTP status of its response, where there is one.

    Words that mean one thing go first, then the words of the message that tell a lack of money, then the status,
    then general words. An error that nobody knows keeps what its reader thought of trying again.
    """
    words = [word.lower() for word in (error.code, error.type) if word]
    for word in words:
        if word in _SPECIFIC:
            return _SPECIFIC[word]
    for pattern, verdict in _BY_MESSAGE:
        if pattern.search(error.message[:_LOOKED_AT]):
            return verdict
    for number in (status, *map(_number, words)):
        if number is not None and (found := _by_number(number)) is not None:
            return found
    for word in words:
        if word in _GENERAL:
            return _GENERAL[word]
    return Verdict(ErrorKind.OTHER, error.retryable, _AGAIN if error.retryable else "look at its message")


def advice(kind: str) -> str:
    """Give what to do about many errors of one kind, in one clause; ``kind`` may come out of a file."""
    known = ErrorKind(kind) if kind in set(ErrorKind) else ErrorKind.OTHER
    return _ADVICE[known]


def explained(error: ResultError, status: int | None = None) -> ResultError:
    """Give the error with its kind, whether it may pass, and what to do; again: the same."""
    verdict = judge(error, status)
    return replace(error, kind=verdict.kind.value, retryable=verdict.retryable, suggestion=verdict.suggestion)


def _number(word: str) -> int | None:
    digits = word.removeprefix("http_")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 3 else None  # noqa: PLR2004 - a status has three


def _by_number(number: int) -> Verdict | None:
    if 0 < number < _FIRST_STATUS:
        return _BY_RPC_CODE.get(number)
    return _BY_STATUS.get(number) or _CLASSES.get(number // 100)
