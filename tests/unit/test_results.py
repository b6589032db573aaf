from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from batch_cli.errors import DamagedData
from batch_cli.jsonl import dumps
from batch_cli.model import BatchResult, ResultError
from batch_cli.results import (
    each_once,
    finish_rows,
    in_input_order,
    in_step,
    manifest_path,
    read_manifest,
    write_lines,
    write_manifest,
)
from batch_cli.row_index import DAMAGED, Stray, StrayKind, Strays, unified_line


def good(custom_id: str, text: str = "x") -> BatchResult:
    return BatchResult(
        custom_id, f"r_{custom_id}", {"status_code": 200, "request_id": None, "body": {"text": text}}
    )


def bad(custom_id: str) -> BatchResult:
    return BatchResult(custom_id, "r", error=ResultError("server_error", "oops", "500", retryable=True))


class TestOrder:
    @pytest.mark.parametrize("order", ["abc", "cba", "bca", "acb"])
    def test_rows_come_in_input_order_however_they_arrive(self, order: str) -> None:
        rows = list(in_input_order("abc", [good(one, f"answer to {one}") for one in order]))

        assert [row.custom_id for row in rows] == ["a", "b", "c"]
        for row in rows:
            assert row.response is not None
            assert row.response["body"]["text"] == f"answer to {row.custom_id}"

    def test_an_error_keeps_what_it_says_while_it_waits(self) -> None:
        rows = list(in_input_order("ab", [bad("b"), good("a")]))

        assert rows[1].error == ResultError("server_error", "oops", "500", retryable=True)

    def test_a_row_that_never_came_is_an_error_row_at_its_place(self) -> None:
        rows = list(in_input_order("abc", [good("c"), good("a")]))

        assert rows[1].custom_id == "b"
        assert rows[1].error is not None
        assert (rows[1].error.type, rows[1].error.retryable) == ("missing", True)

    def test_results_that_are_in_step_already_are_passed_on_one_by_one(self) -> None:
        taken = 0

        def results() -> Any:
            nonlocal taken
            for one in "abc":
                taken += 1
                yield good(one)

        rows = in_step("abc", results())

        next(rows)
        assert taken == 1

    @pytest.mark.parametrize("results", ["ab", "abcd", "acb", "abb", ""])
    def test_results_that_should_be_in_step_and_are_not_are_refused(self, results: str) -> None:
        with pytest.raises(DamagedData, match="not those of the stored requests"):
            list(in_step("abc", map(good, results)))


def gathered(ids: str, results: list[BatchResult]) -> tuple[list[BatchResult], list[Stray], Strays]:
    """Give the rows, and the strays one by one."""
    told: list[Stray] = []
    strays = Strays(told.append)
    return list(in_input_order(ids, results, strays=strays)), told, strays


class TestStrays:
    @pytest.mark.parametrize("order", ["aab", "aba", "baa"])
    def test_what_came_twice_with_the_same_content_is_given_once_and_counted(self, order: str) -> None:
        rows, told, strays = gathered("ab", [good(one) for one in order])

        assert [(row.custom_id, row.error) for row in rows] == [("a", None), ("b", None)]
        assert [(stray.kind, stray.custom_id) for stray in told] == [(StrayKind.DUPLICATE, "a")]
        assert strays.counts == {StrayKind.DUPLICATE: 1}

    @pytest.mark.parametrize("order", ["xyb", "xby", "bxy"])
    def test_of_results_that_differ_none_is_chosen_and_all_are_told(self, order: str) -> None:
        kinds = {"x": good("a", "x"), "y": good("a", "y"), "b": good("b")}
        rows, told, strays = gathered("ab", [kinds[one] for one in order])

        assert rows[0].error is not None
        assert (rows[0].error.type, rows[1].error) == ("conflict", None)
        assert [stray.line for stray in told] == [unified_line(kinds["x"]), unified_line(kinds["y"])]
        assert strays.counts == {StrayKind.CONFLICT: 1}

    def test_a_third_one_that_agrees_with_the_first_settles_nothing(self) -> None:
        rows, told, strays = gathered("a", [good("a", "x"), good("a", "y"), good("a", "x")])

        assert rows[0].error is not None
        assert rows[0].error.type == "conflict"
        assert (len(told), strays.counts[StrayKind.CONFLICT]) == (3, 1)

    def test_an_answer_and_an_error_for_one_request_contradict_each_other(self) -> None:
        rows, _, strays = gathered("a", [good("a"), bad("a")])

        assert rows[0].error is not None
        assert rows[0].error.type == "conflict"
        assert strays.ids == {StrayKind.CONFLICT: ["a"]}

    def test_what_nobody_asked_for_is_told_and_the_rest_is_given(self) -> None:
        rows, told, strays = gathered("ab", [good("z"), good("b"), good("a")])

        assert [(row.custom_id, row.error) for row in rows] == [("a", None), ("b", None)]
        assert [(stray.kind, stray.custom_id, stray.line) for stray in told] == [
            (StrayKind.UNKNOWN, "z", unified_line(good("z")))
        ]
        assert strays.counts == {StrayKind.UNKNOWN: 1}

    def test_a_line_that_is_no_result_is_told_and_its_request_is_missing(self) -> None:
        rows, _, strays = gathered("ab", [good("a"), BatchResult("", error=ResultError(DAMAGED, "cut"))])

        assert rows[1].error is not None
        assert rows[1].error.type == "missing"
        assert strays.counts == {StrayKind.DAMAGED: 1}

    def test_without_requests_rows_come_as_they_came_each_once(self) -> None:
        strays = Strays()

        rows = list(each_once([good("b"), good("a"), good("b")], strays=strays))

        assert [row.custom_id for row in rows] == ["b", "a"]
        assert strays.counts == {StrayKind.DUPLICATE: 1}

    def test_only_rows_that_are_written_count_for_the_usage(self) -> None:
        def used(custom_id: str, tokens: int) -> BatchResult:
            return BatchResult(custom_id, response={"body": {"usage": {"total_tokens": tokens}}})

        came = [used("a", 1), used("b", 10), used("b", 20), used("z", 100), used("a", 1)]
        strays = Strays()

        summary = write_lines(
            finish_rows(in_input_order("ab", came, strays=strays), None), io.BytesIO(), strays
        )

        assert summary.usage == {"total_tokens": 1}
        assert (summary.duplicates, summary.conflicts, summary.unknown) == (1, 1, 1)
        assert summary.is_damaged


class TestLines:
    def test_a_row_has_the_same_shape_for_all(self) -> None:
        assert json.loads(unified_line(good("a"))) == {
            "custom_id": "a",
            "id": "r_a",
            "response": {"status_code": 200, "request_id": None, "body": {"text": "x"}},
            "error": None,
        }
        assert json.loads(unified_line(bad("a")))["error"] == {
            "code": "500",
            "message": "oops",
            "type": "server_error",
            "retryable": True,
        }

    def test_bytes_that_are_a_line_already_are_kept(self) -> None:
        raw = b'{"custom_id":"a","id":null,"response":{"n":18446744073709551616},"error":null}'
        result = BatchResult("a", response={}, raw=raw)

        (plain,) = finish_rows([result], None)
        (parsed,) = finish_rows([result], lambda _row: ({"x": 1}, None))
        (failed,) = finish_rows([result], lambda _row: (None, ResultError("invalid_json", "no", "c")))

        assert plain.line == raw
        assert parsed.line == raw[:-1] + b',"parsed":{"x":1}}'
        assert b"18446744073709551616" in failed.line
        assert json.loads(failed.line)["error"]["type"] == "invalid_json"
        assert json.loads(failed.line)["parsed"] is None

    def test_a_failed_row_is_not_parsed(self) -> None:
        def never(_row: BatchResult) -> tuple[Any, ResultError | None]:
            raise AssertionError

        (row,) = finish_rows([bad("a")], never)

        assert json.loads(row.line)["parsed"] is None

    def test_writing_counts_hashes_and_sums(self) -> None:
        used = BatchResult("a", response={"body": {"usage": {"total_tokens": 3, "details": {}}}})
        rows = in_input_order("abcd", [used, bad("b"), used_again("c")])
        sink = io.BytesIO()

        summary = write_lines(finish_rows(rows, None), sink)

        assert sink.getvalue().count(b"\n") == 4
        assert (summary.rows, summary.ok, summary.failed, summary.missing) == (4, 2, 1, 1)
        assert summary.missing_ids == ["d"]
        assert summary.errors_by_type == {"server_error": 1, "missing": 1}
        assert summary.usage == {"total_tokens": 7}
        assert summary.bytes == len(sink.getvalue())
        assert not summary.is_good


def used_again(custom_id: str) -> BatchResult:
    return BatchResult(custom_id, response={"body": {"usage": {"total_tokens": 4}}})


class TestFailedRows:
    def test_each_says_whether_it_may_pass_and_what_to_do(self) -> None:
        (row,) = finish_rows([bad("a")], None)

        assert json.loads(row.line)["error"] == {
            "code": "500",
            "message": "oops",
            "type": "server_error",
            "retryable": True,
            "suggestion": "the server failed: wait, then send the request again",
        }
        assert row.error is not None
        assert row.error.kind == "server"

    def test_one_with_bytes_of_its_own_says_it_too_and_loses_no_digit(self) -> None:
        raw = (
            b'{"custom_id":"a","id":"r","response":{"status_code":429,"request_id":null,'
            b'"body":{"n":18446744073709551616}},"error":{"code":"429","message":"x","type":"http_error"}}'
        )
        result = BatchResult("a", "r", {}, ResultError("http_error", "x", "429"), raw)

        (row,) = finish_rows([result], None)

        assert b'"n":18446744073709551616' in row.line
        assert json.loads(row.line)["error"]["retryable"] is True

    def test_kinds_and_what_may_pass_are_counted(self) -> None:
        expired = BatchResult("b", error=ResultError("expired", "late", "expired"))
        typed = ResultError("schema_mismatch", "no name", "schema_mismatch")
        rows = finish_rows([bad("a"), expired, good("c")], lambda _row: (None, typed))

        summary = write_lines(rows, io.BytesIO())

        assert summary.errors_by_kind == {"server": 1, "expired": 1, "invalid": 1}
        assert summary.retryable == 3


class TestManifest:
    def test_it_is_believed_only_if_the_file_is_what_it_says(self, tmp_path: Path) -> None:
        output = tmp_path / "out.jsonl"
        summary = write_lines(finish_rows([good("a")], None), (sink := io.BytesIO()))
        output.write_bytes(sink.getvalue())
        write_manifest(output, {"batch": "b", "sha256": summary.sha256})

        assert manifest_path(output).name == "out.jsonl.meta.json"
        assert read_manifest(output) == {"batch": "b", "sha256": summary.sha256}

        output.write_bytes(sink.getvalue().replace(b"200", b"201"))
        assert read_manifest(output) is None

    def test_one_without_its_output_says_nothing(self, tmp_path: Path) -> None:
        write_manifest(tmp_path / "out", {"sha256": "x"})

        assert read_manifest(tmp_path / "out") is None

    @pytest.mark.parametrize("text", [b"", b"[]", b"{cut", dumps({"sha256": 7})])
    def test_a_damaged_one_says_nothing(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "out").write_bytes(b"")
        manifest_path(tmp_path / "out").write_bytes(text)

        assert read_manifest(tmp_path / "out") is None
