"""Ids and requests: compact structures agree with plain ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_cli.id_index import IdIndex


@given(st.lists(st.text(max_size=3), max_size=200))
def test_the_id_index_agrees_with_a_dictionary(ids: list[str]) -> None:
    index, plain = IdIndex(), dict[str, int]()

    for line, custom_id in enumerate(ids, start=1):
        assert index.add(custom_id, line) == plain.get(custom_id)
        plain.setdefault(custom_id, line)

    assert index.count == len(plain)
    assert all(index.get(custom_id) == line for custom_id, line in plain.items())
