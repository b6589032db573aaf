"""Foreign error bodies, in all the shapes that services write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.httpclient.error_body import ErrorBody, read_error


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"error": {"message": "Bad", "type": "t", "param": "p", "code": "c"}},
            ErrorBody("Bad", "c", "t", "p"),
        ),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}},
            ErrorBody("Busy", None, "overloaded_error"),
        ),
        (
            {"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED"}},
            ErrorBody("Slow", "429"),
        ),
        (
            {"error": {"message": "Bad", "type": "None", "param": "None", "code": "400"}},
            ErrorBody("Bad", "400"),
        ),
        ({"error": "just a text"}, ErrorBody("just a text")),
        ({"error": "text", "status": 500}, ErrorBody("text")),
        ({"detail": "Not Found"}, ErrorBody("Not Found")),
        (
            {
                "detail": [
                    {"loc": ["body", "n"], "msg": "too small"},
                    {"loc": ["body", "m"], "msg": "missing"},
                ]
            },
            ErrorBody("body.n: too small; body.m: missing"),
        ),
        ({"detail": {"error": {"message": "no", "code": "x"}}}, ErrorBody("no", "x")),
        ({"message": "Forbidden"}, ErrorBody("Forbidden")),
        ([{"error": {"message": "in a list"}}], ErrorBody("in a list")),
    ],
)
def test_every_shape_is_read(body: Any, expected: ErrorBody) -> None:
    assert read_error(json.dumps(body).encode(), 400) == expected


def test_a_page_is_read_as_its_text() -> None:
    page = b"<html><head><style>p{}</style></head><body><h1>502 Bad Gateway</h1><p>nginx</body></html>"
    assert read_error(page, 502).message == "502 Bad Gateway nginx"


@pytest.mark.parametrize("body", [b"", b"   ", b"{}", b"[]", b"null", b'{"error":{}}', b'{"error":""}'])
def test_nothing_gets_words(body: bytes) -> None:
    assert "HTTP status 503" in read_error(body, 503).message


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_gives_a_message(body: bytes) -> None:
    assert 0 < len(read_error(body, 500).message) <= 520


def test_errors_in_errors_without_an_end_are_shown_as_they_stand() -> None:
    body = b'{"error": ' * 1000 + b'"deep"' + b"}" * 1000

    assert read_error(body, 500).message.startswith("HTTP status 500")
