from __future__ import annotations

import re

from batch_cli.serve.ids import Ids


def test_without_a_seed_no_two_servers_make_the_same_id() -> None:
    assert Ids().new("batch_") != Ids().new("batch_")


def test_with_a_seed_every_run_makes_the_same_ids_one_after_the_other() -> None:
    first, second = Ids(7), Ids(7)
    made = [first.new("batch_") for _ in range(3)]

    second.new("file-")

    assert made == [second.new("batch_") for _ in range(3)]
    assert len(set(made)) == 3
    assert Ids(8).new("batch_") != made[0]
    assert Ids(7, start=1.5).new("batch_") != made[0]


def test_ids_of_letters_follow_the_seed_too() -> None:
    made = [Ids(7).letters("batches/", 36), Ids(7).letters("batches/", 36)]
    others = {Ids(8).letters("batches/", 36), Ids(7).letters("files/", 36), Ids().letters("batches/", 36)}

    assert made[0] == made[1]
    assert made[0] not in others
    assert re.fullmatch(r"[a-z0-9]{36}", made[0])
    assert re.fullmatch(r"[a-z0-9]{12}", Ids().letters("files/", 12))
