from __future__ import annotations

import pytest

from batch_cli.serve.scenarios.seed import chosen, draw


def test_the_same_question_has_the_same_answer_and_another_seed_another_one() -> None:
    assert draw(1, "a", 2) == draw(1, "a", 2) != draw(2, "a", 2)
    assert draw(1, "a", 12) != draw(1, "a1", 2)


def test_draws_are_spread_from_0_up_to_1() -> None:
    draws = [draw(0, at) for at in range(2_000)]

    assert all(0 <= luck < 1 for luck in draws)
    assert 0.45 < sum(draws) / len(draws) < 0.55


@pytest.mark.parametrize(
    ("share", "total", "count"),
    [(0, 10, 0), (0.01, 10, 1), (0.3, 10, 3), (1, 10, 10), (0.5, 0, 0), (0.5, 1, 1)],
)
def test_a_share_is_exact_and_at_least_one(share: float, total: int, count: int) -> None:
    found = chosen(7, "x", share, total)

    assert len(found) == count
    assert found <= set(range(total))
    assert found == chosen(7, "x", share, total)
