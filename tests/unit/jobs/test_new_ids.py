from __future__ import annotations

import pytest

from batch_cli.jobs.check import with_limits
from batch_cli.jobs.new_ids import NewIds
from batch_cli.providers import load_codec


def ids(provider: str = "openai", **limits: int) -> NewIds:
    return NewIds(with_limits(load_codec(provider), limits))


@pytest.mark.parametrize(
    ("provider", "old", "new"),
    [
        ("openai", None, "request-7"),
        ("openai", "", "request-7"),
        ("openai", 12, "12"),
        ("openai", True, "request-7"),
        ("openai", "x" * 600, "x" * 512),
        ("openai", "a\x00b", "a_b"),
        ("openai", "日本 é", "日本 é"),
        ("anthropic", "a b.c", "a_b_c"),
        ("anthropic", "日本" * 40, "_"),
        ("anthropic", "y" * 65, "y" * 64),
        ("google", ["a"], "request-7"),
    ],
)
def test_a_new_id_stays_close_to_the_old_one(provider: str, old: object, new: str) -> None:
    assert ids(provider).make(old, 7) == new


def test_the_first_line_keeps_an_id_and_the_others_get_their_line_behind_it() -> None:
    known = ids()
    for line in (1, 2):
        known.take("a", line)

    assert known.is_good("a", 1)
    assert not known.is_good("a", 2)
    assert known.make("a", 2) == "a-2"


def test_an_id_that_comes_later_is_not_taken_away_from_its_line() -> None:
    known = ids()
    for custom_id, line in (("a", 1), ("a", 2), ("a-2", 3)):
        known.take(custom_id, line)

    assert known.make("a", 2) == "a-2-2"
    assert known.is_good("a-2", 3)


def test_the_number_fits_into_the_limit() -> None:
    known = ids("anthropic")
    known.take("z" * 64, 1)

    new = known.make("z" * 64, 123)

    assert new == "z" * 60 + "-123"


def test_no_id_is_made_where_the_limit_leaves_no_room() -> None:
    known = ids(id_length=1)

    assert known.make(None, 5) == "5"
    assert known.make(None, 5) is None
    assert known.make(None, 12) is None
