"""The elements of an array in a body that is read piece by piece are those of the whole body."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_cli.serve.anthropic.elements import BadBody, BodyTooLarge, elements

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MARKS = st.text('"\\{}[],: \n\ttrue1-')
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | MARKS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | MARKS, inner, max_size=4),
    max_leaves=12,
)
OTHERS = st.dictionaries((TEXT | MARKS).filter(lambda name: name != "requests"), VALUES, max_size=3)
CHUNKS = st.integers(1, 40)
MOST = 1_000_000


def found(raw: bytes, chunk: int, most: int = MOST) -> list[Any]:
    return [json.loads(one) for one in elements(io.BytesIO(raw), "requests", most_bytes=most, chunk=chunk)]


def is_refused(raw: bytes, chunk: int) -> bool:
    try:
        found(raw, chunk)
    except BadBody:
        return True
    return False


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    """Draw a body as some client may write it, and its requests."""
    requests = draw(st.lists(VALUES, max_size=5))
    members = [*draw(OTHERS).items(), ("requests", requests)]
    body = dict(draw(st.permutations(members)))
    text = json.dumps(
        body,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 1, "\t"])),
        separators=draw(st.sampled_from([None, (",", ":"), (" ,\r\n", " :\t")])),
    )
    space = draw(st.sampled_from(["", " ", "\n\t \r"]))
    return f"{space}{text}{space}".encode(), requests


@given(bodies(), CHUNKS)
def test_the_elements_are_those_that_a_parser_of_the_whole_body_finds(
    body: tuple[bytes, list[Any]], chunk: int
) -> None:
    raw, requests = body

    assert found(raw, chunk) == requests


@given(bodies(), CHUNKS, st.data())
def test_a_body_that_is_cut_is_refused(
    body: tuple[bytes, list[Any]], chunk: int, data: st.DataObject
) -> None:
    raw = body[0].rstrip()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]

    assert is_refused(cut, chunk)


@given(bodies(), CHUNKS, st.data())
def test_a_body_with_one_byte_changed_is_taken_only_if_it_is_still_json(
    body: tuple[bytes, list[Any]], chunk: int, data: st.DataObject
) -> None:
    raw = bytearray(body[0])
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'"\\{}[],: x1\n\x00\xff'))
    try:
        parsed = json.loads(raw)
    except ValueError:
        assert is_refused(bytes(raw), chunk)
        return
    try:
        taken = found(bytes(raw), chunk)
    except BadBody:  # what is JSON to Python alone, or not the object that is asked for
        return
    assert taken == parsed["requests"]


@given(st.binary(max_size=60), CHUNKS)
@example(b'{"requests":[]}{', 1)
@example(b'{"requests":[],}', 2)
@example(b'{"requests":[1,]}', 3)
@example(b'{"requests":[}]}', 3)
@example(b'{1:2,"requests":[]}', 3)
@example(b'{"requests":[NaN]}', 3)
@example(b'{"requests":[01]}', 3)
@example(b'\xef\xbb\xbf{"requests":[]}', 3)
@example(b"", 3)
def test_what_is_not_json_is_refused(raw: bytes, chunk: int) -> None:
    try:
        json.loads(raw, parse_constant=int)
    except ValueError:
        assert is_refused(raw, chunk)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{}", "requests: Field required"),
        (b'{"requests":{}}', "requests: Input should be a valid list"),
        (b'{"requests":[],"requests":[]}', "requests: given more than once"),
        (b'{"requests":[{"a":tru}]}', "The request body is not valid JSON: requests.0: "),
        (b"[]", "The request body is not valid JSON: { is missing, found '['"),
    ],
)
def test_a_refusal_says_what_is_wrong(raw: bytes, reason: str) -> None:
    with pytest.raises(BadBody) as refused:
        found(raw, 8)

    assert str(refused.value).startswith(reason)


def test_the_name_of_the_array_may_be_escaped() -> None:
    assert found(b'{"re\\u0071uests":[1]}', 3) == [1]


def test_nesting_is_bounded() -> None:
    deep = b"[" * 128 + b"]" * 128

    assert len(found(b'{"requests":[' + deep + b"]}", 7)) == 1
    with pytest.raises(BadBody, match="nested too deep"):
        found(b'{"requests":[[' + deep + b"]]}", 7)


@pytest.mark.parametrize("value", [b'"' + b"x" * 100 + b'"', b"[" + b"1," * 50 + b"1]", b"1" * 100])
@pytest.mark.parametrize("name", [b"requests", b"other"])
def test_a_value_that_is_too_large_is_refused_before_it_is_read_whole(value: bytes, name: bytes) -> None:
    stream = io.BytesIO(b'{"%s":[' % name + value + b" " * 10_000)

    with pytest.raises(BodyTooLarge):
        list(elements(stream, "requests", most_bytes=50, chunk=8))

    assert stream.tell() < 300
