"""Where two answers differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.bench.differences import first_difference


@pytest.mark.parametrize(
    ("one", "other", "path", "shown"),
    [
        (1, 2, "", (1, 2)),
        ([1, [2, 3]], [1, [2, 4]], "[1][1]", (3, 4)),
        ([{"a": 1}], [{"a": 2}], "[0].a", (1, 2)),
        ([1, 2], [1], "[1]", (2, None)),
        ({"a": 1}, {"a": 1, "b": 2}, "b", (None, 2)),
        ([1], [1.0], "[0]", (1, 1.0)),
        ([True], [1], "[0]", (True, 1)),
        ([[1, 2]], [3], "[0]", ("a list of 2", 3)),
        ([0, 1, 2], [9, 1, 8], "[0]", (0, 9)),
    ],
)
def test_the_first_difference_has_its_path(one: Any, other: Any, path: str, shown: Any) -> None:
    assert first_difference(one, other) == {"path": path, "first": shown[0], "other": shown[1]}


def test_depth_does_not_matter() -> None:
    one: Any = 1
    other: Any = 2
    for _ in range(5000):
        one, other = [one], [other]

    found = first_difference(one, other)

    assert found is not None
    assert found["path"] == "[0]" * 5000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=15,
)


@given(JSON, JSON)
def test_there_is_a_difference_exactly_where_the_texts_differ(one: Any, other: Any) -> None:
    import json

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (first_difference(one, other) is None) is same
