from __future__ import annotations

import io

import pytest

from batch_cli.errors import InvalidInput, ProblemLog
from batch_cli.model import Limits
from batch_cli.shards import Cut, cut, shard_lines

LINES = [b'{"a":%d}' % n for n in range(6)]
"""Eight bytes each with the line end."""
NO_LIMITS = Limits()
DATA = b"".join(line + b"\n" for line in LINES)


def made(data: bytes = DATA, limits: Limits = NO_LIMITS, problems: ProblemLog | None = None) -> Cut:
    return cut(io.BytesIO(data), limits, "r.jsonl", problems or ProblemLog())


def sizes(**limits: int) -> list[int]:
    return [shard.requests for shard in made(DATA, Limits(**limits)).shards]


@pytest.mark.parametrize(("limit", "expected"), [(5, [5, 1]), (6, [6]), (7, [6]), (3, [3, 3]), (1, [1] * 6)])
def test_the_limit_of_requests_is_exact(limit: int, expected: list[int]) -> None:
    assert sizes(requests=limit) == expected


@pytest.mark.parametrize(
    ("limit", "expected"), [(47, [5, 1]), (48, [6]), (49, [6]), (23, [2, 2, 2]), (24, [3, 3]), (8, [1] * 6)]
)
def test_the_limit_of_bytes_is_exact(limit: int, expected: list[int]) -> None:
    assert sizes(bytes=limit) == expected


def test_the_limit_that_is_met_first_counts() -> None:
    assert sizes(requests=4, bytes=16) == [2, 2, 2]
    assert sizes(requests=1, bytes=16) == [1] * 6


def test_without_limits_there_is_one_shard_and_an_empty_file_has_none() -> None:
    assert sizes() == [6]
    assert made(b"").shards == []
    assert made(b"\n \r\n").shards == []


def test_every_request_that_is_alone_too_large_is_named() -> None:
    problems = ProblemLog()

    found = made(b'{"a":1}\n{"a":22}\n\n{"a":3}\n{"a":44}', Limits(bytes=8), problems)

    assert [(p.code, p.line) for p in problems.kept] == [("E403", 2), ("E403", 5)]
    assert problems.kept[0].message == "request too large: 9 bytes, one batch may have 8"
    assert [shard.requests for shard in found.shards] == [1, 1]


def test_a_last_line_without_its_end_is_the_same_request() -> None:
    whole, open_ended = made(DATA, Limits(requests=4)), made(DATA[:-1], Limits(requests=4))

    assert whole.sha256 == open_ended.sha256
    assert [(s.offset, s.bytes, s.sha256) for s in whole.shards] == [
        (s.offset, s.bytes, s.sha256) for s in open_ended.shards
    ]
    for shard in (whole.shards[1], open_ended.shards[1]):  # either view reads either file
        assert list(shard_lines(io.BytesIO(DATA), shard, Limits(), "r")) == LINES[4:]
        assert list(shard_lines(io.BytesIO(DATA[:-1]), shard, Limits(), "r")) == LINES[4:]


@pytest.mark.parametrize(
    "changed", [DATA.replace(b"3", b"4"), DATA[:-9], DATA[:16], b"", DATA[8:], b"\n" * 8 + DATA]
)
def test_a_file_that_changed_is_noticed_after_the_last_line(changed: bytes) -> None:
    shard = made(DATA, Limits(requests=3)).shards[1]

    with pytest.raises(InvalidInput, match=r"'r\.jsonl' changed while it was read"):
        list(shard_lines(io.BytesIO(changed), shard, Limits(), "r.jsonl"))


def test_a_line_too_long_to_have_been_checked_is_a_change_too() -> None:
    with pytest.raises(InvalidInput, match="changed while it was read"):
        made(DATA, Limits(line_bytes=5))
