"""Rows that are moved from file to file many at a time come out as if each had been looked at by itself."""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_cli import sealed_blocks
from batch_cli.errors import DamagedData, ProblemLog
from batch_cli.forked import Forked, has_two_processors
from batch_cli.providers import load_codec
from batch_cli.result_file import check, read_rows
from batch_cli.results import Summary, finish_rows, in_input_order
from batch_cli.row_index import RowIndex, Stray, StrayKind, Strays
from batch_cli.sealed_lines import is_sealed
from batch_cli.token_usage import add_usage, sum_usage
from batch_cli.writers import FormatName, Shape, in_order, write_rows
from batch_cli.writers.in_order import FORMS, write_in_order

READ = load_codec("openai").read_result
SPACED, COMPACT = (", ", ": "), (",", ":")


@pytest.fixture(autouse=True)
def any_size_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_blocks, "WORTHWHILE", 0)
    monkeypatch.setattr(sealed_blocks, "_SIZE", 300)
    monkeypatch.setattr(in_order, "WORTHWHILE", 0)


FIRST = (
    b'{"id":"1","custom_id":"nobody","response":{"status_code":200,"request_id":null,'
    b'"body":{"usage":{"total_tokens":1}}},"error":null}'
)
texts = st.text(max_size=12)
usages = st.fixed_dictionaries(
    {}, optional={"a": st.integers(), "b": st.booleans(), "c": st.none(), "d": texts}
)
responses = st.one_of(
    st.fixed_dictionaries(
        {"status_code": st.sampled_from([200, 200, 200, 201, 429]), "request_id": texts},
        optional={
            "body": st.fixed_dictionaries({"text": texts}, optional={"usage": usages, "n": st.just(2**80)})
        },
    ),
    st.none(),
)
errors = st.sampled_from([None, None, None, {"code": "server_error", "message": "oops"}, "a text"])


@st.composite
def result_lines(draw: st.DrawFn, ids: list[str]) -> bytes:
    """Draw a line that is a result, in one of the spellings that programs have, or nearly one."""
    row: dict[str, Any] = {
        "id": draw(st.one_of(st.none(), st.just("batch_req_1"), texts)),
        "custom_id": draw(st.sampled_from(ids)),
        "response": draw(responses),
        "error": draw(errors),
    }
    if draw(st.integers(0, 9)) == 0:
        row = dict(draw(st.permutations(list(row.items()))))
    separators = draw(st.sampled_from([SPACED, COMPACT]))
    line = json.dumps(row, separators=separators, ensure_ascii=draw(st.booleans())).encode()
    match draw(st.integers(0, 12)):
        case 0:
            line = line.replace(b'"custom_id"', b'"x":1,"custom_id"', 1)
        case 1:
            line += b"\r"
        case 2:
            line = b""
        case _:
            pass
    return line


Outcome = tuple[bytes, Summary, list[Stray]]


def at_once(stream: BinaryIO, ids: list[str], form: FormatName) -> Outcome:
    """Write the rows of a file as `results --from-file` does."""
    told, problems, sink = list[Stray](), ProblemLog(), io.BytesIO()
    strays = Strays(told.append)
    with RowIndex(strays) as index:
        check(stream, "f", READ, problems, index)
        some = [partial(ids.__getitem__, slice(at, at + 3)) for at in range(0, len(ids), 3)]
        summary = write_in_order(lambda: some, index, sink, form, strays, report=lambda _done: None)
    assert not problems.errors
    return sink.getvalue(), summary, told


def as_fetched(stream: BinaryIO, ids: list[str], form: FormatName) -> Outcome:
    """Write the rows of a file as they are taken from a provider's."""
    told, sink = list[Stray](), io.BytesIO()
    strays = Strays(told.append)
    with RowIndex(strays) as index:
        for row in read_rows(stream, READ, "f", index):
            index.put(row)
        some = [partial(ids.__getitem__, slice(at, at + 3)) for at in range(0, len(ids), 3)]
        summary = write_in_order(lambda: some, index, sink, form, strays, report=lambda _done: None)
    return sink.getvalue(), summary, told


def one_by_one(stream: BinaryIO, ids: list[str], form: FormatName) -> Outcome:
    """Write them with a look at each."""
    told, sink = list[Stray](), io.BytesIO()
    strays = Strays(told.append)
    rows = finish_rows(in_input_order(ids, read_rows(stream, READ, "f"), strays=strays), None)
    summary = write_rows(rows, sink, Shape(form, lambda _body: None, None), strays)
    return sink.getvalue(), summary, told


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(sorted(FORMS)), processors=st.integers(1, 2))
def test_both_ways_write_the_same_bytes_and_tell_the_same(
    data: st.DataObject, form: FormatName, processors: int
) -> None:
    ids = data.draw(st.lists(st.text(min_size=1, max_size=6), unique=True, min_size=1, max_size=12))
    lines = data.draw(st.lists(result_lines([*ids, "nobody"]), max_size=40))
    with tempfile.TemporaryFile() as stream:
        # The first makes the kind of line known, so that the others can be taken together.
        stream.write(b"\n".join([FIRST, *lines]))
        stream.seek(0)
        expected = one_by_one(stream, ids, form)
        stream.seek(0)

        with mock.patch("os.sched_getaffinity", create=True, return_value=set(range(processors))):
            assert at_once(stream, ids, form) == expected
            stream.seek(0)
            assert as_fetched(stream, ids, form) == expected


def test_a_line_with_a_second_id_or_response_in_it_is_not_sealed() -> None:
    assert is_sealed(FIRST)
    for more in (b',"response":{"body":{}}', b',"custom_id":"other"', b',"error":{"code":1}'):
        assert not is_sealed(FIRST.replace(b',"error":null}', more + b',"error":null}'))


@given(st.lists(usages))
def test_a_sum_over_many_answers_is_that_of_each_added(used: list[dict[str, Any]]) -> None:
    expected: Counter[str] = Counter()
    for usage in used:
        add_usage(expected, usage)

    assert sum_usage(used) == expected


def test_an_index_never_gives_a_line_that_says_another_id(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\n".join([FIRST, FIRST.replace(b"nobody", b"asked1")]))
    with path.open("r+b") as stream, RowIndex(Strays()) as index:
        check(stream, "f", READ, ProblemLog(), index)
        path.write_bytes(b"\n".join([FIRST, FIRST.replace(b"nobody", b"other1")]))

        with pytest.raises(DamagedData, match="cannot be told apart"):
            index.sealed(["asked1"], index.places_of(["asked1"]), 0)


def test_a_block_that_holds_an_id_again_is_looked_at_row_by_row(tmp_path: Path) -> None:
    again = FIRST.replace(b"nobody", b"a")
    (tmp_path / "f").write_bytes(b"\n".join([FIRST, again, again, again.replace(b"200", b" 200")]))
    with (tmp_path / "f").open("rb") as stream:
        _, summary, told = at_once(stream, ["a", "nobody"], FormatName.LINES)

    assert (summary.ok, summary.duplicates) == (2, 2)
    assert [stray.kind for stray in told] == [StrayKind.DUPLICATE] * 2


@pytest.mark.skipif(not has_two_processors(), reason="needs Linux and two processors")
@pytest.mark.parametrize("values", [0, 1, 4])
def test_what_other_processes_do_not_hand_over_is_done_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: int
) -> None:
    lines = [FIRST.replace(b"nobody", b"r%d" % n) for n in range(100)]
    (tmp_path / "f").write_bytes(b"\n".join(lines))
    ids = [f"r{n}" for n in range(100)]
    with (tmp_path / "f").open("rb") as stream:
        expected = at_once(stream, ids, FormatName.LINES)
    result, left = Forked.result, [values]

    def fail(child: Forked) -> object:
        left[0] -= 1
        return result(child) if left[0] >= 0 else None

    monkeypatch.setattr(Forked, "result", fail)
    with (tmp_path / "f").open("rb") as stream:
        assert at_once(stream, ids, FormatName.LINES) == expected

    assert (expected[1].ok, expected[1].usage) == (100, {"total_tokens": 100})


def test_a_file_that_gets_shorter_while_others_read_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\n".join([FIRST] * 100))
    size = path.stat().st_size
    monkeypatch.setattr(sealed_blocks, "_size", lambda _stream: size + 1_000)
    monkeypatch.setattr(sealed_blocks, "has_two_processors", lambda: True)
    with path.open("rb") as stream, RowIndex(Strays()) as index, pytest.raises(DamagedData, match="changed"):
        check(stream, "f", READ, ProblemLog(), index)
