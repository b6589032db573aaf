"""Files that name models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batch_cli.errors import InvalidInput
from batch_cli.predict.chunks import cut
from batch_cli.predict.names import read_names


@pytest.mark.parametrize(
    "raw",
    [
        b'{"predictions": [{"model_name": "a"}, {"model_name": "b c"}, {"model_name": "a", "lookback": 3}]}',
        b'{\n "predictions": [\n{"model_name": "a"},{"model_name": "b c"},{"model_name": "a"}]\n}\n',
        b'["a", "b c", "a"]',
        b'{"model_name": "a"}\n{"model_name": "b c"}\n\n{"model_name": "a"}',
        b'"a"\n"b c"\n"a"\n',
        b"a\nb c\r\na\n",
        b"\xef\xbb\xbfa\nb c\na",
    ],
)
def test_every_form_of_file_gives_the_names_in_their_order(raw: bytes) -> None:
    assert read_names(raw, "f") == ["a", "b c", "a"]


def test_one_object_alone_is_one_line() -> None:
    assert read_names(b'{"model_name": "a"}', "f") == ["a"]


def test_a_name_that_looks_like_a_number_is_a_name() -> None:
    assert read_names(b"42\n", "f") == ["42"]


def test_an_empty_body_names_nothing() -> None:
    assert read_names(b'{"predictions": []}', "f") == []


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'a\n{"model": "b"}', "f:2: there is no model_name"),
        (b'{"predictions": [{"model_name": 3}]}', "f: entry 0: there is no model_name"),
        (b'{"predictions": 3}', "f: predictions is not a list"),
        (b'a\n{"model_name": ', "f:2: not JSON"),
        (b"\xff\xfe", "f: not UTF-8"),
    ],
)
def test_what_names_no_model_is_told_with_its_place(raw: bytes, place: str) -> None:
    with pytest.raises(InvalidInput, match=place):
        read_names(raw, "f")


def test_a_list_is_cut_lazily() -> None:
    seen = []

    def items() -> Iterator[int]:
        for number in range(10):
            seen.append(number)
            yield number

    first = next(cut(items(), 3))

    assert (first, seen) == ([0, 1, 2], [0, 1, 2])
