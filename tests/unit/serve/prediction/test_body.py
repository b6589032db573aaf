"""What a body may be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.serve.prediction.body import NotJson, is_json_type, parse


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "message", "line", "column"),
    [
        (b"", "empty", 1, 1),
        (nested(5000), "nested too deep: more than 128 levels", 1, 1026),
        (b"[1," * 100, "unexpected end of data", 1, 284),
        (b"[1,\n NaN]", "NaN is not JSON (only finite numbers are)", 2, 2),
        (b"[-Infinity]", "-Infinity is not JSON (only finite numbers are)", 1, 2),
        (b"[\n\xc3\xa9\xff]", "not valid UTF-8 (byte 0xff)", 2, 2),
        (b"[1e400]", "infinity", 1, 2),
        (b"[" + b"1" * 5000 + b"]", "number", 1, 2),
        (nested(129), "nested too deep: more than 128 levels", 1, 1),
        (b'[{"a":1} {}]', "unexpected character, expected ','", 1, 10),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(
    raw: bytes, message: str, line: int, column: int
) -> None:
    with pytest.raises(NotJson) as fault:
        parse(raw)

    assert message in fault.value.message
    assert (fault.value.line, fault.value.column) == (line, column)


@pytest.mark.parametrize("raw", [nested(128), b"[" + b"[]," * 500 + b"[]]", b'["' + b"[" * 500 + b'"]'])
def test_only_levels_count_not_brackets(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


def test_large_integers_stay_what_they_are() -> None:
    assert parse(b"[123456789012345678901234567890]") == [123456789012345678901234567890]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_every_json_value_is_read_as_it_was_written(value: Any) -> None:
    raw = json.dumps(value).encode()

    assert parse(raw) == json.loads(raw)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/vnd.x+json", True),
        ("text/json", False),
        ("application/jsonl", False),
        ("", False),
    ],
)
def test_which_content_types_mean_json(kind: str, *, expected: bool) -> None:
    assert is_json_type(kind) is expected
