"""JSON bodies: what is taken, and that nobody waits for a large one."""

from __future__ import annotations

import asyncio

import pytest

from batch_cli.serve.bodies import parse_object
from batch_cli.serve.refusal import Refusal

LARGE = b'{"a": [%b]}' % b",".join([b'{"b": []}'] * 20_000)


@pytest.mark.parametrize("raw", [LARGE, LARGE[:-1]])
def test_others_have_their_turns_while_a_large_body_is_parsed(raw: bytes) -> None:
    async def turns() -> int:
        parsing = asyncio.ensure_future(parse_object(raw))
        count = 0
        while not parsing.done():
            await asyncio.sleep(0)
            count += 1
        await asyncio.gather(parsing, return_exceptions=True)
        return count

    assert asyncio.run(turns()) > 10


def test_what_is_wrong_in_a_body_is_said_however_large_it_is() -> None:
    for padding in (0, 2_000_000):
        with pytest.raises(Refusal, match="column") as refused:
            asyncio.run(parse_object(b'{"a": %b}' % (b" " * padding)))

        assert refused.value.status == 400
