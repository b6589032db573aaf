from __future__ import annotations

import io

import pytest

from batch_cli.jsonl import Line, LineTooLong, dumps, is_blank, loads, raw_json, read_lines


def lines(data: bytes, max_bytes: int = 100) -> list[Line]:
    return list(read_lines(io.BytesIO(data), max_bytes=max_bytes))


def test_a_line_ends_at_a_line_feed_and_nowhere_else() -> None:
    data = '{"a":"x\u2028y\u0085z"}\r\n{}\n'.encode()

    assert [line.raw for line in lines(data)] == ['{"a":"x\u2028y\u0085z"}\r'.encode(), b"{}"]


def test_numbers_and_offsets_point_into_the_file() -> None:
    data = b"ab\n\ncd"

    found = lines(data)

    assert found == [Line(1, 0, b"ab", True), Line(2, 3, b"", True), Line(3, 4, b"cd", False)]
    assert all(data[line.offset :].startswith(line.raw) for line in found)


def test_reading_stops_at_a_line_that_is_too_long() -> None:
    stream = io.BytesIO(b"ok\n" + b"x" * 1_000_000)

    reader = read_lines(stream, max_bytes=10)

    assert next(reader).raw == b"ok"
    with pytest.raises(LineTooLong) as caught:
        next(reader)
    assert caught.value.number == 2
    assert stream.tell() < 100


def test_a_line_of_exactly_the_limit_passes() -> None:
    assert lines(b"x" * 10 + b"\n", max_bytes=10)[0].raw == b"x" * 10


def test_json_white_space_is_blank() -> None:
    assert is_blank(b" \t\r")
    assert not is_blank("\u00a0".encode())


def test_written_json_is_compact_and_never_holds_nan() -> None:
    assert dumps({"a": [1, float("nan")]}) == b'{"a":[1,null]}'
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == b'{"a":2,"b":1}'
    assert dumps({"a": 1}, indent=True) == b'{\n  "a": 1\n}'


def test_raw_json_goes_in_as_it_is() -> None:
    assert dumps({"a": raw_json(b"18446744073709551616")}) == b'{"a":18446744073709551616}'


def test_what_is_not_json_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="unexpected"):
        loads(b"{nope}")
