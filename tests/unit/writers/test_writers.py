from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from batch_cli.errors import ConfigError, DamagedData, UsageError
from batch_cli.model import ResultError
from batch_cli.providers.openai_answer import answer_of
from batch_cli.results import OutputRow, Summary
from batch_cli.writers import WRITERS, FormatName, Shape, write_rows
from tests.support import SCHEMA

EVIL = [
    '=HYPERLINK("http://evil","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
]


def said(custom_id: str, text: str, parsed: Any = None, source: bytes | None = None) -> OutputRow:
    body = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    return OutputRow(custom_id, b"{}", {"status_code": 200, "body": body}, None, parsed, source)


def failed(custom_id: str = "bad", message: str = "oops", source: bytes | None = None) -> OutputRow:
    return OutputRow(custom_id, b"{}", None, ResultError("server_error", message, "500"), None, source)


def write(rows: list[OutputRow], name: str, schema: Any = None) -> tuple[bytes, Summary]:
    sink = io.BytesIO()
    summary = write_rows(rows, sink, Shape(FormatName(name), answer_of, schema))
    return sink.getvalue(), summary


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_every_form_but_our_own_lines_has_a_writer() -> None:
    assert set(WRITERS) | {FormatName.LINES} == set(FormatName)


@pytest.mark.parametrize("name", ["lines", "raw", "text", "csv"])
def test_the_proof_is_over_all_bytes_and_counts_all_rows(name: str) -> None:
    import hashlib

    data, summary = write([said("a", "hi", source=b"{}"), failed(source=b"[]")], name)

    assert (summary.rows, summary.ok, summary.failed) == (2, 1, 1)
    assert (summary.bytes, summary.sha256) == (len(data), hashlib.sha256(data).hexdigest())


class TestRaw:
    def test_lines_come_as_the_provider_wrote_them(self) -> None:
        own = b'{"key" : "a",  "n":1e400, "response":{} }\r'

        data, summary = write([said("a", "x", source=own), failed(source=b'{"error":1}')], "raw")

        assert data == own + b"\n" + b'{"error":1}\n'
        assert summary.left_out == 0

    def test_a_row_without_a_line_is_left_out_and_counted(self) -> None:
        data, summary = write([failed()], "raw")

        assert (data, summary.left_out, summary.rows) == (b"", 1, 1)


class TestObjects:
    def test_only_typed_answers_are_written(self) -> None:
        rows = [said("a", "x", {"name": "Ada", "n": 2**70}), failed(), said("b", "x", [1])]

        data, summary = write(rows, "objects", SCHEMA)

        assert data == b'{"name":"Ada","n":%d}\n[1]\n' % 2**70
        assert summary.left_out == 1

    def test_untyped_answers_are_refused_with_the_way_out(self) -> None:
        with pytest.raises(UsageError, match="what the answers look like") as caught:
            write([said("a", "x")], "objects")

        assert "-r" in str(caught.value.hint)


class TestText:
    def test_each_answer_is_one_line_that_can_be_read_back(self) -> None:
        data, summary = write([said("a", "one\ntwo\r\nthree\\n"), failed(), said("b", "é 👩‍🚀")], "text")

        assert data.decode() == "one\\ntwo\\r\\nthree\\\\n\né 👩‍🚀\n"
        assert summary.left_out == 1

    def test_a_terminal_finds_nothing_to_obey(self) -> None:
        data, _ = write([said("a", "\x1b[2J\x07\x9b31m\u202eevil\u2028\ud800")], "text")

        assert data.decode() == "\\x1b[2J\\x07\\x9b31m\\u202eevil\\u2028\\ud800\n"

    def test_a_row_without_words_has_no_line(self) -> None:
        data, summary = write([OutputRow("a", b"{}", {"body": {"data": []}}, None)], "text")

        assert (data, summary.left_out) == (b"", 1)


class TestCsv:
    def test_typed_answers_have_a_column_for_each_field(self) -> None:
        data, _ = write([said("a", "x", {"name": "Ada", "age": 36}), failed()], "csv", SCHEMA)

        assert cells(data) == [
            *(
                [
                    [
                        "custom_id",
                        "name",
                        "age",
                        "finish_reason",
                        "input_tokens",
                        "output_tokens",
                        "error_type",
                        "error_message",
                    ]
                ]
            ),
            ["a", "Ada", "36", "stop", "5", "2", "", ""],
            ["bad", "", "", "", "", "", "server_error", "oops"],
        ]

    def test_a_field_with_the_name_of_our_column_is_kept_apart(self) -> None:
        schema = {"properties": {"custom_id": {"type": "string"}}}
        data, _ = write([said("a", "x", {"custom_id": "theirs"})], "csv", schema)

        assert cells(data)[0][:2] == ["custom_id", "parsed.custom_id"]
        assert cells(data)[1][:2] == ["a", "theirs"]

    def test_untyped_answers_are_one_column(self) -> None:
        data, _ = write([said("a", 'He said "no",\nthen left')], "csv")

        assert cells(data)[1][:2] == ["a", 'He said "no",\nthen left']

    @pytest.mark.parametrize("evil", EVIL)
    def test_what_begins_like_a_formula_is_none(self, evil: str) -> None:
        data, _ = write([said(evil, evil, {"name": evil}), failed(evil, evil)], "csv", SCHEMA)

        for row in cells(data)[1:]:
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝")), cell
        assert cells(data)[1][1] == f"'{evil}"

    def test_numbers_stay_numbers_and_nested_values_are_json(self) -> None:
        schema: Any = {"properties": {"n": {}, "b": {}, "deep": {}, "none": {}}}
        data, _ = write(
            [said("a", "x", {"n": -5, "b": True, "deep": {"=x": [1]}, "none": None})], "csv", schema
        )

        assert data.decode().splitlines()[1].startswith('"a",-5,"true","{""=x"":[1]}","","stop"')

    def test_a_terminal_finds_nothing_to_obey(self) -> None:
        data, _ = write([said("a\x1b]0;x\x07", "\x1b[2J\u202e\ud800\x00")], "csv")

        assert cells(data)[1][:2] == ["a\\x1b]0;x\\x07", "\\x1b[2J\\u202e\\ud800\\x00"]


class TestParquet:
    def test_columns_have_the_types_of_the_fields(self) -> None:
        pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        schema = {
            "properties": {
                "name": {"type": "string"},
                "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "height": {"type": "number"},
                "ok": {"type": "boolean"},
                "tags": {"type": "array"},
            }
        }
        typed = {"name": "=evil", "age": None, "height": 2, "ok": True, "tags": ["x"]}
        data, summary = write([said("a", "x", typed), failed()], "parquet", schema)

        table = pq.read_table(io.BytesIO(data))
        kinds = dict(zip(table.column_names, map(str, table.schema.types), strict=True))
        assert [kinds[name] for name in ("name", "age", "height", "ok", "tags", "input_tokens")] == [
            *("string", "int64", "double", "bool", "string", "int64")
        ]
        first, second = table.to_pylist()
        assert first | {"name": "=evil", "age": None, "height": 2.0, "ok": True, "tags": '["x"]'} == first
        assert (second["custom_id"], second["error_message"]) == ("bad", "oops")
        assert summary.bytes == len(data)

    def test_rows_are_written_in_groups_so_that_memory_is_bounded(self) -> None:
        pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        row = said("a", "x")
        data, _ = write([row] * 25_000, "parquet")

        found = pq.ParquetFile(io.BytesIO(data))
        assert [found.metadata.row_group(at).num_rows for at in range(3)] == [10_000, 10_000, 5_000]

    def test_a_number_that_fits_no_column_is_no_silent_loss(self) -> None:
        pytest.importorskip("pyarrow")
        schema = {"properties": {"n": {"type": "integer"}}}

        with pytest.raises(DamagedData, match='n of "a" does not fit'):
            write([said("a", "x", {"n": 2**63})], "parquet", schema)

    def test_half_a_surrogate_pair_does_not_end_the_run(self) -> None:
        pytest.importorskip("pyarrow")

        write([said("a", "\ud800"), failed("b", "\udfff")], "parquet")

    def test_without_pyarrow_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        monkeypatch.setitem(sys.modules, "pyarrow", None)

        with pytest.raises(ConfigError, match="pyarrow, which is not installed") as caught:
            write([said("a", "x")], "parquet")
        assert caught.value.hint == "pip install 'batch-cli[parquet]'"


@pytest.mark.parametrize("name", ["lines", "raw", "text", "csv"])
def test_an_output_without_rows_is_written_all_the_same(name: str) -> None:
    data, summary = write([], name)

    assert summary.rows == 0
    assert len(data.splitlines()) == (name == "csv")
