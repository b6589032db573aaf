"""Why a request is not answered with what it asked for; each wire writes it in its own shape."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """The request cannot be served."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take the HTTP status, what to tell a person, and the words that programs look at."""
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind
        self.param, self.code = param, code
        self.headers = dict(headers or {})
