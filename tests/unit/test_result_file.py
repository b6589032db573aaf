from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pytest

from batch_cli.errors import ProblemLog
from batch_cli.jsonl import dumps
from batch_cli.model import BatchResult
from batch_cli.providers import load_codec
from batch_cli.result_file import Checked, check
from batch_cli.row_index import RowIndex, Stray, StrayKind, Strays, response_of, unified_line

READ = load_codec("openai").read_result


def result(custom_id: str, text: str = "x") -> bytes:
    body = {"choices": [{"message": {"content": text}}]}
    return dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None})


@dataclass
class Seen:
    """What a check found, and the rows that were given afterwards."""

    found: Checked
    problems: list[tuple[str, int | None, str]]
    rows: list[BatchResult]
    strays: list[Stray]


def checked(path: Path, data: bytes) -> Seen:
    path.write_bytes(data)
    problems, strays = ProblemLog(), list[Stray]()
    with path.open("rb") as stream, RowIndex(Strays(strays.append)) as index:
        found = check(stream, "f", READ, problems, index)
        rows = list(index.take_all())
    kept = [(problem.code, problem.line, problem.message) for problem in problems.kept]
    return Seen(found, kept, rows, strays)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "f"


def test_rows_come_in_the_order_of_the_file_each_once(path: Path) -> None:
    lines = [result("a"), b"", result("b"), result("a"), result("a"), result("c")]

    seen = checked(path, b"\n".join(lines))

    assert [row.custom_id for row in seen.rows] == ["a", "b", "c"]
    assert [stray.kind for stray in seen.strays] == [StrayKind.DUPLICATE] * 2
    assert seen.found.bytes == path.stat().st_size


def test_what_says_the_same_in_other_bytes_is_a_repetition(path: Path) -> None:
    seen = checked(path, result("a") + b"\r\n" + result("a").replace(b":", b" : ") + b"\n")

    assert [stray.kind for stray in seen.strays] == [StrayKind.DUPLICATE]


def test_contradicting_results_are_told_with_all_lines_and_their_places(path: Path) -> None:
    lines = [b"\xef\xbb\xbf" + result("z"), result("a"), result("b"), result("a", "y"), result("z", "y")]
    places = [0, *accumulate(len(line) + 1 for line in lines)]

    seen = checked(path, b"\n".join(lines))

    assert [(stray.line, stray.offset, stray.first) for stray in seen.strays] == [
        (result("a"), places[1], None),
        (result("a", "y"), places[3], places[1]),
        (result("z"), 3, None),
        (result("z", "y"), places[4], 3),
    ]


def test_lines_of_any_length_are_found_again(path: Path) -> None:
    texts = {"a": "x" * 3_000_000, "b": "y" * 1_048_575, "c": "z"}

    seen = checked(path, b"\n".join(result(*item) for item in texts.items()))

    for row in seen.rows:
        response = response_of(row)
        assert response is not None
        assert response["body"]["choices"][0]["message"]["content"] == texts[row.custom_id]


@pytest.mark.parametrize("ended", [b"", b"\n"])
def test_only_a_last_line_without_its_end_is_cut(path: Path, ended: bytes) -> None:
    problems = checked(path, result("a") + b"\n" + result("b")[:40] + ended).problems

    assert [problem[:2] for problem in problems] == [("E701" if ended else "E705", 2)]


def test_integers_of_any_size_come_through(path: Path) -> None:
    big = b"123456789012345678901234567890"
    seen = checked(path, b'{"custom_id":"a","response":{"body":{"seed":' + big + b"}}}")

    (row,) = seen.rows

    assert seen.problems == []
    assert big in unified_line(row)
    assert unified_line(row).endswith(b',"error":null}')


@pytest.mark.parametrize("levels", [200, 900, 5_000])
def test_deep_nesting_is_a_row_or_a_problem_but_no_crash(path: Path, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels

    seen = checked(path, b'{"custom_id":"a","response":{"body":' + deep + b"}}")

    if seen.problems:
        assert seen.problems[0][0] == "E701"
    else:
        assert deep in unified_line(seen.rows[0])
    assert bool(seen.problems) == (levels > 250)


def test_an_empty_file_is_no_problem_of_its_own(path: Path) -> None:
    seen = checked(path, b"")

    assert (seen.rows, seen.found.bytes, seen.problems) == ([], 0, [])


def test_every_line_is_looked_at_though_one_is_wrong(path: Path) -> None:
    problems = checked(path, b"{oops\n[1]\n" + result("a") + b'\n{"custom_id":"b"}\n').problems

    assert [problem[:2] for problem in problems] == [("E701", 1), ("E701", 2), ("E701", 4)]
