from __future__ import annotations

import pytest

from batch_cli.error_taxonomy import ErrorKind, advice, explained, judge
from batch_cli.model import ResultError
from batch_cli.providers import load_codec
from tests.support import ROOT


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "word"),
    [
        (400, ErrorKind.BAD_REQUEST, False, "parameters"),
        (401, ErrorKind.AUTHENTICATION, False, "key"),
        (402, ErrorKind.BILLING, False, "top up"),
        (403, ErrorKind.AUTHENTICATION, False, "key"),
        (404, ErrorKind.NOT_FOUND, False, "URL"),
        (408, ErrorKind.TIMEOUT, True, "again"),
        (418, ErrorKind.BAD_REQUEST, False, "parameters"),
        (422, ErrorKind.BAD_REQUEST, False, "parameters"),
        (429, ErrorKind.RATE_LIMIT, True, "wait"),
        (500, ErrorKind.SERVER, True, "server"),
        (502, ErrorKind.SERVER, True, "server"),
        (504, ErrorKind.TIMEOUT, True, "again"),
        (529, ErrorKind.SERVER, True, "server"),
        (0, ErrorKind.SERVER, True, "network"),
    ],
)
def test_an_http_status_says_what_to_do(status: int, kind: ErrorKind, retryable: bool, word: str) -> None:
    verdict = judge(ResultError("odd", "?", retryable=not retryable), status)

    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert word in verdict.suggestion


_BY_PROVIDER = [
    (
        "openai",
        {
            "response": {
                "status_code": 429,
                "body": {"error": {"type": "requests", "code": "rate_limit_exceeded"}},
            }
        },
        ErrorKind.RATE_LIMIT,
        True,
    ),
    (
        "openai",
        {"response": {"status_code": 429, "body": {"error": {"type": "insufficient_quota", "code": None}}}},
        ErrorKind.BILLING,
        False,
    ),
    (
        "openai",
        {
            "response": {
                "status_code": 400,
                "body": {"error": {"type": "invalid_request_error", "code": "context_length_exceeded"}},
            }
        },
        ErrorKind.TOO_LONG,
        False,
    ),
    (
        "openai",
        {"response": None, "error": {"code": "batch_expired", "message": "x"}},
        ErrorKind.EXPIRED,
        True,
    ),
    ("openai", {"response": None, "error": {"code": "batch_cancelled"}}, ErrorKind.CANCELLED, True),
    (
        "openai",
        {"response": {"status_code": 429, "body": {"error": {"type": "invalid_request_error"}}}},
        ErrorKind.RATE_LIMIT,
        True,
    ),
    (
        "azure",
        {"response": {"status_code": 400, "body": {"error": {"code": "content_filter", "message": "x"}}}},
        ErrorKind.FILTERED,
        False,
    ),
    (
        "regolo",
        {"response": {"status_code": 500, "body": {"error": {"message": "x", "type": None, "code": "400"}}}},
        ErrorKind.SERVER,
        True,
    ),
    ("regolo", {"response": None, "error": {"code": "401", "message": "x"}}, ErrorKind.AUTHENTICATION, False),
    ("mistral", {"response": {"status_code": 422, "body": {"detail": []}}}, ErrorKind.BAD_REQUEST, False),
    ("groq", {"response": {"status_code": 503, "body": None}}, ErrorKind.SERVER, True),
    (
        "anthropic",
        {"result": {"type": "errored", "error": {"error": {"type": "overloaded_error", "message": "x"}}}},
        ErrorKind.SERVER,
        True,
    ),
    (
        "anthropic",
        {
            "result": {
                "type": "errored",
                "error": {
                    "error": {
                        "type": "invalid_request_error",
                        "message": "Your credit balance is too low to access the Anthropic API.",
                    }
                },
            }
        },
        ErrorKind.BILLING,
        False,
    ),
    ("anthropic", {"result": {"type": "expired"}}, ErrorKind.EXPIRED, True),
    ("anthropic", {"result": {"type": "canceled"}}, ErrorKind.CANCELLED, True),
    (
        "google",
        {"error": {"code": 8, "message": "x", "status": "RESOURCE_EXHAUSTED"}},
        ErrorKind.RATE_LIMIT,
        True,
    ),
    ("google", {"error": {"code": 3, "message": "x"}}, ErrorKind.BAD_REQUEST, False),
    ("google", {"error": {"code": 503, "message": "x"}}, ErrorKind.SERVER, True),
    ("google", {"response": {"promptFeedback": {"blockReason": "SAFETY"}}}, ErrorKind.FILTERED, False),
]


@pytest.mark.parametrize(("provider", "line", "kind", "retryable"), _BY_PROVIDER)
def test_every_providers_words_have_one_of_our_kinds(
    provider: str, line: dict[str, object], kind: ErrorKind, retryable: bool
) -> None:
    codec = load_codec(provider)
    row = codec.read_result({codec.id_field: "a", **line})
    assert row.error is not None
    status = (row.response or {}).get("status_code")

    error = explained(row.error, status)

    assert (error.kind, error.retryable) == (kind, retryable)
    assert error.suggestion
    assert (error.type, error.code) == (row.error.type, row.error.code), "the provider's own words stay"


@pytest.mark.parametrize("retryable", [True, False])
def test_an_error_that_nobody_knows_keeps_what_its_reader_thought(retryable: bool) -> None:
    verdict = judge(ResultError("quantum_flux", "?", "q7", retryable=retryable))

    assert (verdict.kind, verdict.retryable) == (ErrorKind.OTHER, retryable)


def test_explaining_twice_changes_nothing() -> None:
    once = explained(ResultError("rate_limit_exceeded", "?", "429"), 429)

    assert explained(once, 429) == once


def test_the_documentation_has_every_kind_with_its_advice() -> None:
    page = (ROOT / "docs" / "results.md").read_text()

    assert [f"| `{kind}` | {advice(kind)} |" for kind in ErrorKind] == [
        line for line in page.splitlines() if line.startswith("| `") and line.split("`")[1] in set(ErrorKind)
    ]


def test_a_kind_that_came_out_of_a_file_needs_not_be_one() -> None:
    assert advice("quantum") == advice("other")
