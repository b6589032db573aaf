"""Whatever the file and the limits: every request is in one shard, in order, and no shard is over a limit."""

from __future__ import annotations

import io
from hashlib import sha256
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import ProblemLog
from batch_cli.model import Limits
from batch_cli.shards import Cut, cut, shard_lines

_LINE = st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"x"))
_LIMIT = st.one_of(st.none(), st.integers(min_value=1, max_value=40))
_ENDS = st.sampled_from([b"\n", b""])


def joined(lines: list[bytes], end: bytes) -> bytes:
    return b"\n".join(lines) + end if lines else b""


def requests_of(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if line.strip(b" \t\r\n")]


def made(data: bytes, limits: Limits) -> tuple[Cut, ProblemLog]:
    problems = ProblemLog(1_000)
    return cut(io.BytesIO(data), limits, "r.jsonl", problems), problems


@given(lines=st.lists(_LINE, max_size=30), end=_ENDS, requests=_LIMIT, size=_LIMIT)
def test_every_request_is_in_one_shard_in_order_and_within_the_limits(
    lines: list[bytes], end: bytes, requests: int | None, size: int | None
) -> None:
    data, limits = joined(lines, end), Limits(requests=requests, bytes=size)

    found, problems = made(data, limits)

    fitting = [line for line in requests_of(lines) if size is None or len(line) + 1 <= size]
    if not problems.errors:  # where one is left out, nothing is read or sent
        read = (shard_lines(io.BytesIO(data), shard, limits, "r.jsonl") for shard in found.shards)
        assert list(chain.from_iterable(read)) == fitting
    assert problems.errors == len(requests_of(lines)) - len(fitting)
    assert sum(shard.requests for shard in found.shards) == len(fitting)
    for shard in found.shards:
        assert 0 < shard.requests <= (requests or shard.requests)
        assert 0 < shard.bytes <= (size or shard.bytes)
    assert found.sha256 == sha256(b"".join(line + b"\n" for line in requests_of(lines))).hexdigest()


@given(lines=st.lists(_LINE, max_size=30), end=_ENDS, requests=_LIMIT)
def test_the_places_of_a_shard_are_true(lines: list[bytes], end: bytes, requests: int | None) -> None:
    data = joined(lines, end)

    first = 0
    for shard in made(data, Limits(requests=requests))[0].shards:
        part = data[shard.offset : shard.offset + shard.length]
        sent = b"".join(line + b"\n" for line in requests_of(part.split(b"\n")))
        assert (shard.first, shard.bytes) == (first, len(sent))
        assert shard.sha256 == sha256(sent).hexdigest()
        assert len(part) == shard.length
        first += shard.requests


@given(lines=st.lists(_LINE, max_size=30), requests=_LIMIT, size=st.integers(min_value=13, max_value=60))
def test_every_shard_takes_all_that_fits_and_twice_gives_the_same(
    lines: list[bytes], requests: int | None, size: int
) -> None:
    data, limits = joined(lines, b"\n"), Limits(requests=requests, bytes=size)

    found, _ = made(data, limits)

    assert made(data, limits)[0] == found
    sizes = [len(line) + 1 for line in requests_of(lines)]
    for shard in found.shards[:-1]:
        following = sizes[shard.first + shard.requests]
        assert shard.requests == requests or shard.bytes + following > size
