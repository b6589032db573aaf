from __future__ import annotations

from batch_cli.id_index import IdIndex


def test_the_first_line_of_each_id_is_remembered_through_growth() -> None:
    index = IdIndex()
    for line in range(1, 20_001):
        assert index.add(f"request-{line}", line) is None

    assert index.add("request-7", 99) == 7
    assert index.get("request-20000") == 20_000
    assert index.get("nobody") is None
    assert index.count == 20_000
