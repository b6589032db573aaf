"""How long a server asks to wait."""

from __future__ import annotations

import pytest

from batch_cli.httpclient.retry_after import retry_after

NOW = 1_795_268_000.0  # Sat, 21 Nov 2026 13:33:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 13:33:50 GMT"}, 30.0),
        (
            {"retry-after": "Sat, 21 Nov 2026 11:00:10 GMT", "date": "Sat, 21 Nov 2026 11:00:00 GMT"},
            10.0,
        ),
        ({"retry-after": "Sat, 21 Nov 2020 13:33:50 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e9"}, 1e9),
        ({}, None),
    ],
)
def test_every_spelling_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
