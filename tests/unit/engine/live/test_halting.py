from __future__ import annotations

import pytest

from batch_cli.engine.handlers.live.halting import account_error
from batch_cli.errors import ExitCode


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (429, {"code": "insufficient_quota"}, ExitCode.REJECTED),
        (402, {}, ExitCode.REJECTED),
        (400, {"message": "Your credit balance is too low to access the API"}, ExitCode.REJECTED),
        (403, {"type": "billing_error"}, ExitCode.REJECTED),
        (401, {"message": "Incorrect API key"}, ExitCode.CONFIG),
        (400, {"message": "API key not valid. Please pass a valid API key."}, ExitCode.CONFIG),
    ],
)
def test_what_concerns_the_account_stops_the_work(status: int, error: dict[str, str], code: ExitCode) -> None:
    found = account_error(status, error, "https://api")

    assert found is not None
    assert found.exit_code is code


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 429, 500, 503])
def test_what_concerns_one_request_does_not(status: int) -> None:
    assert (
        account_error(status, {"message": "too long", "code": "rate_limit_exceeded"}, "https://api") is None
    )
