from __future__ import annotations

from typing import Any

import pytest

from batch_cli.row_times import seconds_of
from batch_cli.token_usage import Tokens, tokens_of


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}, Tokens(9, 4)),
        ({"usage": {"input_tokens": 9, "output_tokens": 4}}, Tokens(9, 4)),
        (
            {"usage": {"input_tokens": 9, "cache_read_input_tokens": 100, "output_tokens": 4}},
            Tokens(109, 4),
        ),
        (
            {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 30}},
            Tokens(9, 34),
        ),
        ({"usage": {"prompt_tokens": 5, "total_tokens": 5}}, Tokens(5, None)),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": None}}, Tokens(0, None)),
        ({"usage": {"prompt_tokens": "9", "completion_tokens": True}}, Tokens()),
        ({"usage": {"prompt_tokens": -1}}, Tokens()),
        ({"usage": None}, Tokens()),
        (None, Tokens()),
        ("text", Tokens()),
    ],
)
def test_every_providers_counts_are_one_pair(body: Any, expected: Tokens) -> None:
    assert tokens_of(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"usage": {"total_time": 1.5, "queue_time": 9}}, 1.5),
        ({"timings": {"prompt_ms": 500, "predicted_ms": 1000.0}}, 1.5),
        ({"timings": {"predicted_ms": 1000}}, 1.0),
        ({"usage": {"total_time": -1}}, None),
        ({"usage": {"total_time": "1"}}, None),
        ({"timings": []}, None),
        (None, None),
    ],
)
def test_times_are_seconds_where_an_answer_tells_them(body: Any, expected: float | None) -> None:
    assert seconds_of(body) == expected
