"""Rows to predict from, in all the forms that people have them in."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import ProblemLog
from batch_cli.messages import MessagesForm, MessagesOptions
from batch_cli.prediction_rows import read_rows

CSV = MessagesOptions(MessagesForm.CSV)


def read(
    text: str, asked: str = "inputs", options: MessagesOptions | None = None
) -> tuple[list[Any], list[Any]]:
    """Give ids with bodies, and the codes of the problems with their lines."""
    problems = ProblemLog()
    stream = io.BytesIO(text.encode("utf-8", "surrogateescape"))
    found = list(read_rows(stream, "rows", problems, options or MessagesOptions(), asked))
    return (
        [(row.custom_id, row.params) for row in found],
        [(problem.code, problem.line) for problem in problems.kept],
    )


def values(text: str, asked: str = "inputs", options: MessagesOptions | None = None) -> list[Any]:
    found, problems = read(text, asked, options)
    assert problems == []
    return [body[asked] for _, body in found]


def test_a_line_is_an_input() -> None:
    text = '[1,2]\n7\n"text"\nnull\n{"x":1}\n[[1],[2]]\n123456789012345678901234\n'
    assert values(text) == [[1, 2], 7, "text", None, {"x": 1}, [[1], [2]], 123456789012345678901234]


def test_an_object_may_bring_an_id_and_settings() -> None:
    found, _ = read('{"custom_id":"a","inputs":[1],"priority":2}\n{"custom_id":"b","x":1}\n5\n')

    assert found == [
        ("a", {"inputs": [1], "priority": 2}),
        ("b", {"inputs": {"x": 1}}),
        ("request-2", {"inputs": 5}),
    ]


def test_a_name_stands_bare_in_quotes_or_in_an_object() -> None:
    text = '\ufeffa b\r\n"c"\n\n{"model_name":"d"}\n42\n'
    assert values(text, "model_name") == ["a b", "c", "d", "42"]


@pytest.mark.parametrize("line", ["[1]", '{"inputs":1}', '{"model_name":7}', '""', '{"model_name":""}'])
def test_what_names_no_model_is_no_row_of_names(line: str) -> None:
    assert read(f"good\n{line}\n", "model_name")[1] == [("E302", 2)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[1\n", "E201"),
        ('{"messages":[]}\n', "E312"),
        ('{"custom_id":7,"inputs":1}\n', "E302"),
        ("", "E107"),
        ('{"custom_id":"a","inputs":1}\n' * 2, "E307"),
        ("\udcff\n", "E102"),
    ],
)
def test_what_is_wrong_is_told(text: str, code: str) -> None:
    assert [found for found, _ in read(text)[1]] == [code]


def test_a_line_of_a_csv_file_is_a_list_of_numbers() -> None:
    assert values("1,2.5\n-3,\n\n1e3,0\n", options=CSV) == [[1, 2.5], [-3, None], [1000.0, 0]]


def test_a_csv_file_may_have_a_header_and_ids() -> None:
    found, problems = read("x,custom_id,y\n1,a,2\n3,b,4\n", options=CSV)

    assert problems == []
    assert found == [("a", {"inputs": [1, 2]}), ("b", {"inputs": [3, 4]})]


def test_a_cell_that_is_no_number_is_told() -> None:
    assert read("x,y\n1,2\n1,abc\ntrue,1\n", options=CSV)[1] == [("E304", 3), ("E304", 4)]


def test_a_csv_file_may_hold_names() -> None:
    assert values("model_name\na\nb\n", "model_name", CSV) == ["a", "b"]
    assert values("a,1\nb,2\n", "model_name", CSV) == ["a", "b"]


def test_some_of_the_rows_keep_the_ids_that_they_have_among_all() -> None:
    found, _ = read("1\n2\n3\n4\n", options=MessagesOptions(skip=1, limit=2, id_prefix="row-"))

    assert found == [("row-1", {"inputs": 2}), ("row-2", {"inputs": 3})]


@given(st.binary(max_size=60), st.sampled_from(["inputs", "model_name"]), st.sampled_from(MessagesForm))
def test_whatever_a_file_holds_every_line_is_a_row_or_a_problem(
    raw: bytes, asked: str, form: MessagesForm
) -> None:
    problems = ProblemLog()
    found = list(read_rows(io.BytesIO(raw), "rows", problems, MessagesOptions(form), asked))

    assert found or problems.errors
    assert all(row.params.keys() >= {asked} for row in found)


@pytest.mark.parametrize(
    "text",
    ['[\n [1, 2],\n\n {"custom_id": "a", "inputs": 3}\n]\n', '\ufeff[[1,2],\n{"custom_id":"a","inputs":3}]'],
)
def test_a_list_over_several_lines_has_a_row_in_each_element(text: str) -> None:
    assert read(text) == ([("request-0", {"inputs": [1, 2]}), ("a", {"inputs": 3})], [])


def test_a_list_on_one_line_is_one_input_unless_the_file_says_that_it_is_a_list() -> None:
    assert values("[[1],[2]]\n") == [[[1], [2]]]
    assert values('["a","b"]', "model_name") == ["a", "b"]
    rows = read_rows(io.BytesIO(b"[[1],[2]]"), "in.JSON", ProblemLog(), MessagesOptions(), "inputs")
    assert [row.params["inputs"] for row in rows] == [[1], [2]]


def test_an_empty_list_has_no_rows_and_a_broken_one_is_told() -> None:
    assert read("[\n]\n") == ([], [("E107", None)])
    assert read("[\n[1],\n[2]\n")[1][0] == ("E201", 1)
    assert read('[\n"a",\n7\n]', "model_name")[1] == [("E302", 1)]


def test_a_list_that_is_too_long_to_be_read_whole_is_told_at_once() -> None:
    text = "[\n" + ("[" + "1," * 500_000 + "1],\n") * 17

    assert read(text) == ([], [("E105", 1)])
