from __future__ import annotations

import pytest

from batch_cli.cli.reports.excerpt import excerpt


def caret_of(lines: list[str]) -> int:
    return lines[1].index("^")


def test_the_caret_stands_under_the_column() -> None:
    assert excerpt(b'{"a":bad}', 12, 6) == ['    12 | {"a":bad}', "       |      ^"]


def test_a_long_line_is_cut_around_the_column() -> None:
    lines = excerpt(b"a" * 500 + b"!" + b"b" * 500, 1, 501)

    assert lines[0] == "     1 | …" + "a" * 48 + "!" + "b" * 23 + "…"
    assert lines[0][caret_of(lines)] == "!"


@pytest.mark.parametrize("text", ["\x1b[31m\x00x!", "日本!", "e\u0301!", "\u202eab!", "\t!", "🎈!"])
def test_the_caret_stays_in_place_after_text_that_is_escaped_or_wide(text: str) -> None:
    from rich.cells import cell_len

    lines = excerpt(text.encode(), 1, text.index("!") + 1)

    assert cell_len(lines[0].partition("!")[0]) == caret_of(lines)
    assert not set(lines[0]) & set("\x1b\x00\u202e\t")


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    assert excerpt(b"ab\xff\xfe\r", 1, 3)[0] == "     1 | ab\\xff\\xfe"


def test_a_column_beyond_the_line_is_its_end() -> None:
    assert caret_of(excerpt(b"ab", 1, 99)) == len("     1 | ab")


def test_without_a_column_there_is_no_caret() -> None:
    assert excerpt(b"ab", 1, None) == ["     1 | ab"]
