from __future__ import annotations

import io
import json
from typing import Any

import pytest

from batch_cli.errors import ProblemLog, UsageError
from batch_cli.messages import MessagesForm, MessagesOptions, read_messages
from batch_cli.model import BatchRequest

HI = [{"role": "user", "content": "Hi"}]


def read(data: bytes | list[Any], **options: Any) -> tuple[list[BatchRequest], ProblemLog]:
    if isinstance(data, list):
        data = "".join(json.dumps(line) + "\n" for line in data).encode()
    log = ProblemLog()
    return list(read_messages(io.BytesIO(data), "m.jsonl", log, MessagesOptions(**options))), log


@pytest.mark.parametrize(
    ("line", "custom_id", "params"),
    [
        (HI, "request-0", {}),
        ({"messages": HI}, "request-0", {}),
        ({"messages": HI, "custom_id": "a"}, "a", {}),
        ({"prompt": "Hi"}, "request-0", {}),
        ({"custom_id": "a", "body": {"model": "x", "messages": HI, "top_p": 1}}, "a", {"top_p": 1}),
        (
            {"custom_id": "a", "params": {"model": "x", "messages": HI, "max_tokens": 5}},
            "a",
            {"max_tokens": 5},
        ),
        ({"custom_id": "a", "params": {"prompt": "Hi"}}, "a", {}),
    ],
)
def test_every_documented_shape_of_a_line_is_read(line: Any, custom_id: str, params: dict[str, Any]) -> None:
    requests, log = read([line])

    assert log.errors == 0
    assert requests == [BatchRequest(custom_id, HI, params, 1)]


@pytest.mark.parametrize(
    "line",
    [
        {"messages": HI, "custom_id": "a", "model": "m", "note": "mine", "n": None},
        {"custom_id": "a", "body": {"messages": HI, "top_p": 1}, "method": "POST", "note": "mine", "n": None},
        {"note": "mine", "params": {"prompt": "Hi"}, "n": None},
    ],
)
def test_what_is_no_part_of_the_request_is_the_users_own(line: Any) -> None:
    requests, _ = read([line])

    assert requests[0].columns == {"note": "mine", "n": None}


def test_a_system_message_goes_before_what_has_none_of_its_own() -> None:
    lines = [{"prompt": "Hi"}, HI, [{"role": "developer", "content": "Be brief"}, *HI]]

    requests, _ = read([*lines, {"params": {"system": "Be kind", "prompt": "Hi"}}], system="Be odd")

    starts = [request.messages[0]["content"] for request in requests]
    assert starts == ["Be odd", "Be odd", "Be brief", "Be kind"]
    assert [request.messages[1:] for request in requests] == [HI] * 4


def test_the_system_text_of_anthropic_params_becomes_a_message() -> None:
    requests, _ = read([{"custom_id": "a", "params": {"system": "Be kind", "messages": HI}}])

    assert requests[0].messages == [{"role": "system", "content": "Be kind"}, *HI]


def test_a_byte_order_mark_blank_lines_and_carriage_returns_are_let_pass() -> None:
    data = b"\xef\xbb\xbf" + json.dumps(HI).encode() + b"\r\n\r\n  \n" + json.dumps(HI).encode()

    requests, log = read(data)

    assert (log.errors, [r.custom_id for r in requests]) == (0, ["request-0", "request-1"])
    assert [r.line for r in requests] == [1, 4]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ('"Hi"', "E207", "array of messages"),
        ("7", "E207", "array of messages"),
        ("[]", "E303", "empty"),
        ('{"messages":[]}', "E303", "empty"),
        ('{"messages":"Hi"}', "E302", "array of messages"),
        ('[{"content":"Hi"}]', "E301", "[0].role"),
        ('["Hi",7]', "E302", "[0] must be an object"),
        ('[{"role":1}]', "E302", "[0].role"),
        ("{}", "E301", "missing messages"),
        ('{"prompt":" "}', "E303", "prompt is empty"),
        ('{"body":3}', "E302", "body must be an object"),
        ('{"messages":[{"role":"user"}],"custom_id":7}', "E302", "custom_id must be a string"),
        ('{"messages":[{"role":"user"}],"custom_id":""}', "E303", "custom_id is empty"),
        ('{"custom_id":"a","response":{"status_code":200}}', "E312", "results file"),
        ("[{'role': 'user'}]", "E201", "not valid JSON"),
    ],
)
def test_a_wrong_line_is_named_with_its_place(line: str, code: str, words: str) -> None:
    requests, log = read(json.dumps(HI).encode() + b"\n" + line.encode() + b"\n")

    problem = log.kept[0]
    assert (problem.code, problem.file, problem.line) == (code, "m.jsonl", 2)
    assert words in problem.message
    assert len(requests) == 1


def test_the_column_points_at_the_field() -> None:
    _, log = read(b'[{"role": "user", "content": "a"}, {"role": 5, "content": "b"}]')

    assert log.kept[0].column == 45


def test_all_problems_are_reported_together() -> None:
    _, log = read(b'"a"\n"b"\n{}\n')

    assert [problem.line for problem in log.kept] == [1, 2, 3]


def test_an_empty_file_is_a_problem() -> None:
    _, log = read(b"\n \n")

    assert log.kept[0].code == "E107"


class TestIds:
    def test_made_up_ids_count_places_so_skipping_renames_nobody(self) -> None:
        requests, _ = read([HI] * 5, skip=2, limit=2, id_prefix="q")

        assert [r.custom_id for r in requests] == ["q2", "q3"]

    def test_a_duplicate_names_the_first_line(self) -> None:
        _, log = read([{"prompt": "a", "custom_id": "x"}, {"prompt": "b", "custom_id": "x"}])

        assert "first on line 1" in log.kept[0].message
        assert (log.kept[0].code, log.kept[0].line) == ("E307", 2)

    def test_an_own_id_may_not_repeat_one_made_up_before(self) -> None:
        _, log = read([HI, HI, HI, {"prompt": "b", "custom_id": "request-1"}])

        assert [(p.code, p.line) for p in log.kept] == [("E307", 4)]
        assert "first on line 2" in log.kept[0].message

    def test_a_made_up_id_may_not_repeat_an_own_one_before(self) -> None:
        _, log = read([{"prompt": "b", "custom_id": "request-1"}, HI])

        assert [(p.code, p.line) for p in log.kept] == [("E307", 2)]

    def test_a_field_can_be_the_id(self) -> None:
        requests, log = read([{"prompt": "a", "key": 17}, {"prompt": "b", "key": "k"}], id_field="key")

        assert (log.errors, [r.custom_id for r in requests]) == (0, ["17", "k"])

    def test_a_line_without_the_id_field_is_a_problem(self) -> None:
        _, log = read([{"prompt": "a"}], id_field="key")

        assert log.kept[0].message == "missing key"


class TestText:
    def test_each_line_is_a_prompt(self) -> None:
        requests, log = read("\ufeffFirst é\r\n\nSecond\n".encode(), form=MessagesForm.TEXT)

        assert log.errors == 0
        assert [r.messages[0]["content"] for r in requests] == ["First é", "Second"]

    def test_what_is_not_utf_8_is_placed(self) -> None:
        _, log = read(b"ok\ncaf\xe9\n", form=MessagesForm.TEXT)

        assert (log.kept[0].code, log.kept[0].line, log.kept[0].column) == ("E102", 2, 4)


class TestCsv:
    def test_the_named_column_holds_the_prompt(self) -> None:
        data = b'id,text\n1,"Hello, you"\n2,"two\nlines"\n'

        requests, log = read(data, form=MessagesForm.CSV, prompt_column="text", id_field="id")

        assert log.errors == 0
        assert [(r.custom_id, r.messages[0]["content"]) for r in requests] == [
            ("1", "Hello, you"),
            ("2", "two\nlines"),
        ]

    def test_an_unknown_column_names_those_there_are(self) -> None:
        with pytest.raises(UsageError, match="has no column 'text'") as caught:
            read(b"a,b\n1,2\n", form=MessagesForm.CSV, prompt_column="text")
        assert caught.value.where == ("its columns: 'a', 'b'",)

    def test_an_empty_cell_is_placed(self) -> None:
        _, log = read(b"prompt\nHi\n  \n", form=MessagesForm.CSV)

        assert [(p.code, p.line) for p in log.kept] == [("E303", 3)]

    def test_a_quote_that_never_ends_is_a_problem(self) -> None:
        _, log = read(b'prompt\n"Hi\n', form=MessagesForm.CSV)

        assert log.kept[0].code == "E201"

    def test_a_long_cell_is_no_problem(self) -> None:
        requests, log = read(b"prompt\n" + b"x" * 200_000 + b"\n", form=MessagesForm.CSV)

        assert (log.errors, len(requests)) == (0, 1)


@pytest.mark.parametrize(
    ("name", "column", "form"),
    [
        ("a.jsonl", None, "jsonl"),
        ("a.TXT", None, "txt"),
        ("a.csv", None, "csv"),
        ("a.dat", "c", "csv"),
        (None, None, "jsonl"),
    ],
)
def test_the_form_follows_from_the_name(name: str | None, column: str | None, form: str) -> None:
    from pathlib import Path

    assert MessagesForm.of(Path(name) if name else None, column) == form


def test_a_line_beyond_the_limit_is_refused_without_reading_it() -> None:
    _, log = read(b'"' + b"x" * 1000, line_bytes=100)

    assert log.kept[0].code == "E105"


@pytest.mark.parametrize(
    "content",
    [b'["one","two"]\n', b'[\n  "one",\n  "two"\n]\n', b'\n["one",\r\n"two"]', b'["one"]\n["two"]\n'],
)
def test_a_json_list_of_texts_is_so_many_prompts(content: bytes) -> None:
    requests, log = read(content)

    assert not log.kept
    assert [request.messages for request in requests] == [
        [{"role": "user", "content": "one"}],
        [{"role": "user", "content": "two"}],
    ]
    assert [request.custom_id for request in requests] == ["request-0", "request-1"]


def test_an_empty_text_in_a_list_is_named_by_its_place() -> None:
    _, log = read(b'["one", " "]\n')

    assert [(one.code, one.line, one.path) for one in log.kept] == [("E303", 1, "[1]")]


def test_a_broken_line_that_begins_like_a_list_hides_no_line_behind_it() -> None:
    requests, log = read(b'[{"role":\n' + json.dumps(HI).encode() + b"\n")

    assert [one.line for one in log.kept] == [1]
    assert len(requests) == 1
