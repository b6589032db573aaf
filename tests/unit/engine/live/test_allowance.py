"""What servers say of their limits becomes a pause before the next request, and nothing odd breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batch_cli.engine.handlers.live.allowance import hold

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


def openai(remaining: str, reset: str, limit: str = "500", kind: str = "requests") -> dict[str, str]:
    words = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{word}-{kind}": value for word, value in words.items()}


def anthropic(remaining: str, reset: str) -> dict[str, str]:
    words = {"limit": "50", "remaining": remaining, "reset": reset}
    return {"date": DATE, **{f"anthropic-ratelimit-requests-{word}": value for word, value in words.items()}}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (openai("499", "120ms"), 0),
        (openai("0", "60s"), 0.12),
        (openai("0", "1m0s"), 0.12),
        (openai("10", "58.8s"), 0.12),
        (openai("0", "6m0s", limit="3"), 120),
        (openai("0", "24h0m0s", limit="1"), 300),
        (openai("0", "30", limit="60"), 0.5),
        (openai("0", "1s", limit="100", kind="tokens"), 0.01),
        (anthropic("49", "2026-11-21T10:00:01Z"), 0),
        (anthropic("0", "2026-11-21T10:01:00Z"), 1.2),
        ({}, 0),
    ],
)
def test_what_is_nearly_used_up_is_spread_until_it_is_back(headers: dict[str, str], seconds: float) -> None:
    assert hold(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("reset", ["", "soon", "-1s", "1e9s", "٣s", "2026-99-99T00:00:00Z", "inf", "nan"])
@pytest.mark.parametrize("make", [openai, anthropic])
def test_what_cannot_be_understood_holds_nobody_back(
    make: Callable[[str, str], dict[str, str]], reset: str
) -> None:
    assert hold(make("0", reset)) == 0


@pytest.mark.parametrize("remaining", ["", "-1", "many", "9" * 400, "٣"])
def test_a_count_that_is_none_holds_nobody_back(remaining: str) -> None:
    assert hold(openai(remaining, "60s")) == 0
