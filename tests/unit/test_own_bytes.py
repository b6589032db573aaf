"""A row that stands in a provider's file as it stands in ours keeps its bytes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from batch_cli.model import BatchResult
from batch_cli.providers import load_codec
from batch_cli.result_file import read_rows
from batch_cli.row_index import unified_line

ROW: dict[str, Any] = {
    "id": "batch_req_1",
    "custom_id": "a",
    "response": {"status_code": 200, "request_id": "r", "body": {"text": 'ü "quoted" \n', "n": 1.50}},
    "error": None,
}
SPACED, COMPACT = (", ", ": "), (",", ":")


def row(line: bytes) -> BatchResult:
    (found,) = read_rows(io.BytesIO(line), load_codec("openai").read_result, "the output")
    return found


@pytest.mark.parametrize("separators", [SPACED, COMPACT])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_good_row_keeps_the_bytes_of_its_response(separators: tuple[str, str], ascii_only: bool) -> None:
    def written(value: Any) -> bytes:
        return json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()

    found = row(written(ROW).replace(b"1.5", b"1.50"))

    response = written(ROW["response"]).replace(b"1.5", b"1.50")
    assert (
        unified_line(found)
        == b'{"custom_id":"a","id":"batch_req_1","response":' + response + b',"error":null}'
    )


def test_its_long_integers_are_kept_without_being_looked_for() -> None:
    line = json.dumps({**ROW, "response": {"status_code": 200, "body": {"n": 2**80, "digits": "9" * 30}}})

    assert json.loads(unified_line(row(line.encode())))["response"]["body"]["n"] == 2**80


@pytest.mark.parametrize(
    "line",
    [
        pytest.param({**ROW, "more": 1}, id="another-member"),
        pytest.param(
            {name: ROW[name] for name in ("custom_id", "id", "response", "error")}, id="another-order"
        ),
        pytest.param(
            {**ROW, "response": {"status_code": 200, "body": {"response": {}}}}, id="the-name-within"
        ),
        pytest.param({**ROW, "error": {"message": "no"}}, id="failed"),
        pytest.param({**ROW, "response": {"status_code": 500, "body": {"error": "no"}}}, id="bad-status"),
        pytest.param({**ROW, "custom_id": "\u2028\x7f/é"}, id="strange-id"),
        pytest.param({**ROW, "id": None}, id="no-id"),
    ],
)
def test_any_other_row_says_the_same_as_before(line: dict[str, Any]) -> None:
    for separators in (SPACED, COMPACT):
        found = row(json.dumps(line, separators=separators).encode())
        unified = json.loads(unified_line(found))
        assert list(unified) == ["custom_id", "id", "response", "error"]
        assert (unified["custom_id"], unified["id"], unified["response"]) == (
            line["custom_id"],
            line["id"],
            line["response"],
        )
        assert (unified["error"] is None) == (found.error is None)


def test_a_second_response_does_not_travel() -> None:
    line = b'{"id": "1", "custom_id": "a", "response": {"body": {"n": 1}}, "response": {"body": {"n": 2}}, "error": null}'

    assert unified_line(row(line)) == b'{"custom_id":"a","id":"1","response":{"body":{"n":2}},"error":null}'
