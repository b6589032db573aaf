from __future__ import annotations

import pytest

from batch_cli.engine.time_limit import TimeLimit
from batch_cli.json_faults import explain, locate


@pytest.mark.parametrize(
    ("raw", "code", "column", "words"),
    [
        (b"\xef\xbb\xbf{}", "E101", 1, "byte order mark"),
        (b'{"a":"caf\xe9"}', "E102", 10, "not valid UTF-8"),
        ('{"a":"é'.encode() + b'\xff"}', "E102", 8, "0xff"),
        ('{"a":1}'.encode("utf-16-le"), "E103", 1, "UTF-16"),
        ('{"a":1}'.encode("utf-16-be"), "E103", 1, "UTF-16"),
        (b"\xff\xfe" + '{"a":1}'.encode("utf-16-le"), "E103", 1, "UTF-16"),
        ('{"a":1}'.encode("utf-32-le"), "E103", 1, "UTF-32"),
        (b'{"a":"x\x1by"}', "E104", 8, "U+001B"),
        (b'{"a":"x\ty"}', "E104", 8, "U+0009"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00\x00", "E104", 1, "U+0000"),
        (b'{"a":"\\ud83d"}', "E108", 7, "surrogate"),
        (b'{"a":"\\ude00x"}', "E108", 7, "surrogate"),
        (b'{"a":1,}', "E201", 8, "trailing comma"),
        (b'{"a":[1,]}', "E201", 9, "trailing comma"),
        (b"{'a':1}", "E201", 2, "single quotes"),
        (b'{"a":True}', "E201", 6, "'True' is Python"),
        (b'{"a":1} // note', "E201", 9, "after the end"),
        (b"# note", "E201", 1, "comments"),
        (b"<html>", "E201", 1, "HTML"),
        (b'{"a" 1}', "E201", 6, "':'"),
        ('{"a"：1}'.encode(), "E201", 5, "U+FF1A"),
        ('{"a":1}\u00a0'.encode(), "E201", 8, "after the end"),
        ("\u200b{}".encode(), "E201", 1, "U+200B"),
        (b'{"a":"\\x41"}', "E201", 7, "bad escape"),
        (b'{"a":"', "E201", 6, "nterminated"),
        (b'{"a":NaN}', "E203", 6, "NaN"),
        (b'{"a":-Infinity}', "E203", 6, "Infinity"),
        (b'{"a":1,"a":2}', "E204", 8, 'duplicate key "a"'),
        (b'{"a":{"b":1,"\\u0062":2}}', "E204", 13, 'duplicate key "b"'),
        (b'{"a":1e400}', "E205", 6, "range"),
        (b'{"a":' + b"9" * 5000 + b"}", "E205", 1, "range"),
        (b"[" * 200 + b"]" * 200, "E206", 129, "too deep"),
        (b"{} {}", "E210", 4, "more than one"),
    ],
)
def test_each_fault_is_named_and_placed(raw: bytes, code: str, column: int, words: str) -> None:
    fault = explain(raw)

    assert fault is not None
    assert (fault.code, fault.column) == (code, column)
    assert words in fault.message


def test_a_cut_last_line_is_told_from_a_broken_one() -> None:
    fault = explain(b'{"a":"begin', last=True)

    assert fault is not None
    assert fault.code == "E202"


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b' { "a" : [ 1 , 2.5e3 ] } \r',
        '{"a":"\u2028\u2029 \U0001f600 \x7f"}'.encode(),
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":18446744073709551616}',
        b'{"a":"NaN and \\"quoted\\": 1"}',
        b"[" * 128 + b"]" * 128,
    ],
)
def test_good_json_has_no_fault(raw: bytes) -> None:
    assert explain(raw) is None


def test_the_digits_of_a_huge_number_are_not_echoed() -> None:
    fault = explain(b'{"a":' + b"7" * 5000 + b"}")

    assert fault is not None
    assert "777" not in fault.message


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("body", '{"m"'),
        ("body.m", "[{"),
        ("body.m[1].role", '"usr"'),
        ("body.t", "2"),
        ("body.m[7]", "[{"),
        ("body.nope.deeper", '{"m"'),
        ("nope", "{ "),
        ("", "{ "),
    ],
)
def test_a_field_is_located_or_else_the_innermost_part_that_exists(path: str, found: str) -> None:
    text = '{ "custom_id": "a", "body" : {"m": [{"role": "user"}, {"role": "usr"}], "t": 2}}'

    assert text[locate(text, path) - 1 :].startswith(found)


@pytest.mark.parametrize("text", ['"' + '\\"' * 100_000, '{"a": "' + '\\"' * 100_000 + "\\", '["' * 50_000])
def test_a_text_without_its_end_is_explained_in_linear_time(text: str) -> None:
    with TimeLimit(20):
        fault = explain(text.encode())

    assert fault is not None
