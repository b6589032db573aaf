from __future__ import annotations

import pytest

from batch_cli.jobs.line_repair import drop_member, member_text, set_member


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        (b'{"id":"a","n":1}', b'{"id":"new","n":1}'),
        (b' { "n" : 1e5 , "id" :\t7 } ', b' { "n" : 1e5 , "id" :\t"new" } '),
        (b'{"\\u0069d":null}', b'{"\\u0069d":"new"}'),
        (b'{"n":1}', b'{"id":"new","n":1}'),
        (b"{}", b'{"id":"new"}'),
        (b'{"id":{"id":1},"b":[{"id":2}]}', b'{"id":"new","b":[{"id":2}]}'),
    ],
)
def test_an_id_is_set_and_everything_else_stays(line: bytes, fixed: bytes) -> None:
    assert set_member(line, "id", "new") == fixed


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        (b'{"b":{"s":true,"x":1}}', b'{"b":{"x":1}}'),
        (b'{"b":{"x":1, "s" : true }}', b'{"b":{"x":1 }}'),
        (b'{"b":{"s":true}}', b'{"b":{}}'),
        (b'{"s":true,"b":{"w":1,"s":true,"x":[1,{"s":true}]}}', b'{"s":true,"b":{"w":1,"x":[1,{"s":true}]}}'),
        (b'{"b":{"x":1}}', b'{"b":{"x":1}}'),
        (b'{"c":1}', b'{"c":1}'),
    ],
)
def test_a_member_is_dropped_with_one_comma(line: bytes, fixed: bytes) -> None:
    assert drop_member(line, "b.s") == fixed


def test_numbers_beyond_64_bits_keep_every_digit() -> None:
    line = b'{"n":18446744073709551616,"x":1.10000000000000000001,"id":%s}' % (b"9" * 300)

    assert set_member(line, "id", "a") == line.replace(b"9" * 300, b'"a"')
    assert member_text(line, "id") == b"9" * 300


def test_a_line_whose_meaning_would_change_is_left_alone() -> None:
    twice = b'{"id":1,"id":2}'

    assert set_member(twice, "id", "a") == twice


def test_what_stands_in_a_member_is_given_byte_for_byte() -> None:
    assert member_text(b'{"a":0, "id" : "\\u0061 b" }', "id") == b'"\\u0061 b"'
    assert member_text(b'{"a":0}', "id") is None
