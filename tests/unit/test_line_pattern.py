from __future__ import annotations

import json

import pytest

from batch_cli.line_pattern import LinePattern

FREE = {("id",), ("turns", "*", "text")}


def line(custom_id: str, *texts: str, model: str = "m") -> bytes:
    turns = [{"role": "user", "text": text} for text in texts]
    return json.dumps({"id": custom_id, "model": model, "turns": turns}).encode()


def pattern_of(raw: bytes) -> LinePattern:
    pattern = LinePattern.of(raw, FREE)
    assert pattern is not None
    return pattern


def test_the_free_texts_of_a_line_are_found_by_their_paths() -> None:
    pattern = pattern_of(line("a", "b", "c"))

    assert pattern.paths == (("id",), ("turns", "*", "text"), ("turns", "*", "text"))
    assert pattern.head == b'{"id": "'


def test_a_line_without_free_texts_has_no_pattern() -> None:
    assert LinePattern.of(b'{"model": "id", "turns": []}', FREE) is None


def test_keys_with_the_name_of_a_free_text_elsewhere_are_not_free() -> None:
    raw = b'{"x": {"id": "1"}, "turns": [{"more": {"text": "2"}}, ["text"]], "id": "3"}'

    assert pattern_of(raw).paths == (("id",),)


def test_lines_that_differ_in_free_texts_only_are_split_until_one_does_not() -> None:
    lines = [line("a", "b"), line("c", 'd"e\n'), line("f", ""), line("g", "h", model="other"), line("i", "j")]
    pattern = pattern_of(lines[0])

    stop, pieces = pattern.split(lines, 0)

    assert stop == 3
    assert pattern.texts(pieces) == ["a", "b", "c", 'd"e\n', "f", ""]
    assert pattern.split(lines, 3) == (3, [])
    assert pattern.split(lines, 4)[0] == 5


@pytest.mark.parametrize(
    "text", [b'a", "b', b"a\\", b"a\n", b"\xff", b"\\ud800", b"\\x", b'a"', b'", "text": "']
)
def test_what_is_no_string_is_not_taken_for_one(text: bytes) -> None:
    pattern = pattern_of(line("a", "b"))

    assert pattern.texts([b"a", text]) is None
    assert pattern.texts([text, b"a"]) is None


def test_two_broken_texts_do_not_make_up_for_each_other() -> None:
    pattern = pattern_of(line("a", "b"))

    assert pattern.texts([b"abc\\", b'd","e']) is None


def test_a_line_too_short_for_head_and_tail_does_not_fit() -> None:
    pattern = pattern_of(b'{"id": "", "idx": ""}'.replace(b"idx", b"id2"))
    raw = pattern.head + pattern.tail[1:]

    assert pattern.split([raw], 0) == (0, [])


def test_texts_put_back_make_the_line_again() -> None:
    raw = line("a", 'say "hi"', "é\u2028")
    pattern = pattern_of(raw)

    _, pieces = pattern.split([raw], 0)

    assert pattern.join(pieces) == raw
