from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.cli.text import duration, json_safe, one_line, plural, safe, size


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    made_safe = safe(text)

    assert not [c for c in made_safe if ord(c) < 0x20 and c not in "\n\t"]
    assert not [c for c in made_safe if 0x7F <= ord(c) < 0xA0]
    assert not [c for c in made_safe if c in "\u202a\u202b\u202d\u202e\u2066\u2069\u200b\ufeff\u2028"]
    assert "\n" not in one_line(text)
    assert "\t" not in one_line(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b\x9b", "a\\x00b\\x9b"),
        ("\u202eevil", "\\u202eevil"),
        ("\U000e0041", "\\U000e0041"),
        ("plain é 日本 😀", "plain é 日本 😀"),
    ],
)
def test_what_is_dangerous_is_written_as_an_escape(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_on_a_terminal_says_the_same_and_holds_nothing_to_obey(text: str) -> None:
    shown = json_safe(json.dumps([text, "\x7f\x9b\u202e\U000e0041"], ensure_ascii=False))

    assert json.loads(shown) == [text, "\x7f\x9b\u202e\U000e0041"]
    assert safe(shown, 10**6) == shown


def test_a_long_text_is_cut() -> None:
    assert safe("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (12_345, "12.3 kB"),
        (200_000_000, "200.0 MB"),
        (5_000_000_000_000, "5,000.0 GB"),
    ],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (250, "4 min 10 s"), (3600, "1 h"), (3660, "1 h 1 min")],
)
def test_time_spans_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nouns_follow_their_number() -> None:
    assert [plural(1, "request"), plural(10_000, "request")] == ["1 request", "10,000 requests"]
