from __future__ import annotations

import io
import json

from batch_cli.jobs.measure import measure
from tests.support import chat


def test_lines_are_measured_with_their_line_ends_and_blank_ones_left_out() -> None:
    sizes = measure(io.BytesIO(b"12345678\n\n1234\n12"), max_bytes=100)

    assert (sizes.lines, sizes.bytes, sizes.smallest, sizes.largest, sizes.mean) == (3, 17, 3, 9, 17 / 3)


def test_tokens_are_a_quarter_of_the_text_and_nothing_of_what_surrounds_it() -> None:
    lines = "".join(json.dumps(chat(f"id-{n}", "x" * 400)) + "\n" for n in range(10))

    assert measure(io.BytesIO(lines.encode()), max_bytes=10_000).tokens == 1_000


def test_the_text_of_every_dialect_is_found() -> None:
    for body in (
        {"params": {"system": "abcd", "messages": [{"role": "user", "content": 'ab"d'}]}},
        {"request": {"contents": [{"parts": [{"text": "abcdefgh"}]}]}},
        {"body": {"input": "abcdefgh"}},
        {"body": {"messages": [{"content": [{"type": "text", "text": "abcdefgh"}]}]}},
    ):
        assert measure(io.BytesIO(json.dumps(body).encode()), max_bytes=999).tokens == 2


def test_what_comes_after_the_sampled_lines_counts_in_proportion() -> None:
    line = json.dumps(chat("a", "x" * 400)).encode() + b"\n"

    tokens = measure(io.BytesIO(line * 5_000), max_bytes=10_000).tokens

    assert tokens == 500_000


def test_measuring_ends_at_a_line_that_is_too_long() -> None:
    assert measure(io.BytesIO(b"12\n123456789\n12\n"), max_bytes=4).lines == 1


def test_an_empty_file_has_no_sizes() -> None:
    sizes = measure(io.BytesIO(b""), max_bytes=4)

    assert (sizes.smallest, sizes.mean, sizes.tokens) == (0, 0.0, 0)
