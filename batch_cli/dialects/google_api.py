"""What all of Google's JSON APIs share: two spellings of a field, and the words of their errors."""

from __future__ import annotations

import re
from types import MappingProxyType

from batch_cli.model import JsonObject

_UNDERSCORE = re.compile("(?<!^)_([a-z])")  # `_responseJsonSchema` is a name of its own

STATUSES = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        405: "UNIMPLEMENTED",
        409: "ALREADY_EXISTS",
        416: "OUT_OF_RANGE",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        501: "UNIMPLEMENTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
"""The word of an error by its HTTP status.

Source: https://cloud.google.com/apis/design/errors (read 2026-11-21).
"""
CODES = MappingProxyType(
    {
        "CANCELLED": 1,
        "UNKNOWN": 2,
        "INVALID_ARGUMENT": 3,
        "DEADLINE_EXCEEDED": 4,
        "NOT_FOUND": 5,
        "ALREADY_EXISTS": 6,
        "PERMISSION_DENIED": 7,
        "RESOURCE_EXHAUSTED": 8,
        "FAILED_PRECONDITION": 9,
        "ABORTED": 10,
        "OUT_OF_RANGE": 11,
        "UNIMPLEMENTED": 12,
        "INTERNAL": 13,
        "UNAVAILABLE": 14,
        "UNAUTHENTICATED": 16,
    }
)
"""The number of each word, as ``google.rpc.Code`` has it: the code of an error that stands in a result."""


def camel(value: JsonObject) -> JsonObject:
    """Give an object with its own keys in camelCase, as a copy: both spellings mean the same on this wire."""
    return {_UNDERSCORE.sub(lambda found: found[1].upper(), key): each for key, each in value.items()}
