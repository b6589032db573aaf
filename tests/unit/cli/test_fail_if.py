from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.cli.fail_if import conditions
from batch_cli.error_taxonomy import ErrorKind
from batch_cli.errors import UsageError
from batch_cli.results import Summary


def summary() -> Summary:
    found = Summary(rows=200, ok=190, failed=7, missing=3, retryable=5)
    found.errors_by_kind.update({"missing": 3, "expired": 2, "invalid": 1, "rate_limit": 4})
    return found


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("errors>0", True),
        ("errors>9", True),
        ("errors>10", False),
        ("errors>=10", True),
        ("errors>5%", False),
        ("errors>=5%", True),
        ("errors>4.99%", True),
        (" errors > 1 % ", True),
        ("failed>6", True),
        ("failed>7", False),
        ("missing>2", True),
        ("missing>3", False),
        ("retryable>=5", True),
        ("expired>1", True),
        ("invalid>0", True),
        ("invalid>1", False),
        ("rate_limit>1.9%", True),
        ("billing>0", False),
    ],
)
def test_a_condition_counts_rows_or_their_share(text: str, holds: bool) -> None:
    (condition,) = conditions([text])

    assert condition.holds(summary()) is holds


@pytest.mark.parametrize("text", ["errors>0%", "errors>=0%"])
def test_of_no_rows_no_share_is_too_large(text: str) -> None:
    (condition,) = conditions([text])

    assert condition.holds(Summary()) is False


@pytest.mark.parametrize(
    "text",
    ["", "errors", "errors<1", "errors>-1", "errors>1%%", "oops>1", "errors>1e9", "Errors>1", "errors>٣"],
)
def test_anything_else_is_refused_with_what_is_counted(text: str) -> None:
    with pytest.raises(UsageError, match="not a condition") as caught:
        conditions([text])

    assert {"errors", "failed", "retryable", *ErrorKind} == set(
        caught.value.where[0].partition(": ")[2].split(", ")
    )


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        found = conditions([text])
    except UsageError:
        return
    found[0].holds(summary())
