from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_cli.errors import ProblemLog
from batch_cli.id_index import IdIndex
from batch_cli.jsonl import dumps
from batch_cli.model import BatchResult
from batch_cli.providers import load_codec
from batch_cli.result_file import Checked, check, rows
from batch_cli.results import unified_line

READ = load_codec("openai").read_result


def result(custom_id: str, text: str = "x") -> bytes:
    body = {"choices": [{"message": {"content": text}}]}
    return dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None})


def checked(path: Path, data: bytes, **options: Any) -> tuple[Checked, list[tuple[str, int | None, str]]]:
    path.write_bytes(data)
    problems = ProblemLog()
    with path.open("rb") as stream:
        found = check(stream, "f", READ, problems, **options)
    return found, [(problem.code, problem.line, problem.message) for problem in problems.kept]


def read_rows(path: Path, found: Checked) -> list[BatchResult]:
    with path.open("rb") as stream:
        return list(rows(stream, READ, found))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "f"


def test_rows_come_in_the_order_of_the_file_each_once(path: Path) -> None:
    lines = [result("a"), b"", result("b"), result("a"), result("a"), result("c")]

    found, problems = checked(path, b"\n".join(lines))

    assert (found.results, list(found.repeats)) == (3, [4, 5])
    assert [row.custom_id for row in read_rows(path, found)] == ["a", "b", "c"]
    assert [problem[:2] for problem in problems] == [("W703", 4)]
    assert problems[0][2].endswith("identical to the one on line 1 (and 1 more like it)")


def test_what_says_the_same_in_other_bytes_is_a_repetition(path: Path) -> None:
    found, _ = checked(path, result("a") + b"\r\n" + result("a").replace(b":", b" : ") + b"\n")

    assert (found.results, list(found.repeats)) == (1, [2])


def test_contradicting_results_are_told_with_both_lines(path: Path) -> None:
    pairs: list[tuple[bytes, bytes]] = []
    data = b"\n".join(
        [b"\xef\xbb\xbf" + result("z"), result("a"), result("b"), result("a", "y"), result("z", "y")]
    )

    _, problems = checked(path, data, conflict=lambda first, second: pairs.append((first, second)))

    assert [problem[:2] for problem in problems] == [("E703", 4), ("E703", 5)]
    assert "differs from the one on line 2" in problems[0][2]
    assert pairs == [(result("a"), result("a", "y")), (result("z"), result("z", "y"))]


def test_a_result_that_nobody_asked_for_is_found(path: Path) -> None:
    asked = IdIndex()
    asked.add("a", 1)

    _, problems = checked(path, result("a") + b"\n" + result("ghost"), asked=asked)

    assert problems == [("E704", 2, 'unknown custom_id "ghost": no request has it')]


@pytest.mark.parametrize("ended", [b"", b"\n"])
def test_only_a_last_line_without_its_end_is_cut(path: Path, ended: bytes) -> None:
    _, problems = checked(path, result("a") + b"\n" + result("b")[:40] + ended)

    assert [problem[:2] for problem in problems] == [("E701" if ended else "E705", 2)]


def test_integers_of_any_size_come_through(path: Path) -> None:
    big = b"123456789012345678901234567890"
    found, problems = checked(path, b'{"custom_id":"a","response":{"body":{"seed":' + big + b"}}}")

    (row,) = read_rows(path, found)

    assert problems == []
    assert big in unified_line(row)
    assert unified_line(row).endswith(b',"error":null}')


@pytest.mark.parametrize("levels", [200, 900, 5_000])
def test_deep_nesting_is_a_row_or_a_problem_but_no_crash(path: Path, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels

    found, problems = checked(path, b'{"custom_id":"a","response":{"body":' + deep + b"}}")

    if problems:
        assert problems[0][0] == "E701"
    else:
        assert deep in unified_line(read_rows(path, found)[0])
    assert bool(problems) == (levels > 250)


def test_an_empty_file_is_no_problem_of_its_own(path: Path) -> None:
    found, problems = checked(path, b"")

    assert (found.results, found.bytes, problems) == (0, 0, [])


def test_every_line_is_looked_at_though_one_is_wrong(path: Path) -> None:
    _, problems = checked(path, b"{oops\n[1]\n" + result("a") + b'\n{"custom_id":"b"}\n')

    assert [problem[:2] for problem in problems] == [("E701", 1), ("E701", 2), ("E701", 4)]
