"""Whatever a provider does to the rows: every output row carries its own input's answer, or it fails loudly."""

from __future__ import annotations

import enum
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_cli.errors import ExitCode
from batch_cli.jobs.verify import verify
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import dumps
from batch_cli.model import BatchResult
from batch_cli.providers import load_codec
from batch_cli.result_file import read_rows
from batch_cli.results import counts_of, finish_rows, in_input_order, write_lines, write_manifest
from batch_cli.row_index import StrayKind, Strays

READ = load_codec("openai").read_result
ids = st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=30)


def answer(custom_id: str) -> BatchResult:
    return BatchResult(custom_id, response={"status_code": 200, "body": {"answers": custom_id}})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ids=ids, data=st.data())
def test_any_shuffle_and_loss_keeps_each_answer_with_its_request(ids: list[str], data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from(ids), unique=True))
    arrived = data.draw(st.permutations(kept))
    sink = io.BytesIO()

    rows = in_input_order(ids, map(answer, arrived))
    summary = write_lines(finish_rows(rows, None), sink)

    written = [json.loads(line) for line in sink.getvalue().split(b"\n")[:-1]]
    assert [row["custom_id"] for row in written] == ids
    for row in written:
        if row["custom_id"] in kept:
            assert row["response"]["body"]["answers"] == row["custom_id"]
        else:
            assert row["error"]["type"] == "missing"
    assert (summary.ok, summary.missing) == (len(kept), len(ids) - len(kept))


class Fate(enum.StrEnum):
    """What a provider does to the result of a request."""

    GOOD = "good"
    FAILED = "failed"
    LOST = "lost"
    TWICE = "twice"
    CONFLICT = "conflict"
    TORN = "torn"


def result_line(custom_id: str, text: str | None = None) -> bytes:
    if text is None:
        return dumps({"id": "r", "custom_id": custom_id, "response": None, "error": {"code": "expired"}})
    response = {"status_code": 200, "request_id": None, "body": {"answers": text}}
    return dumps({"id": "r", "custom_id": custom_id, "response": response, "error": None})


_LINES: dict[Fate, Callable[[str], list[bytes]]] = {
    Fate.GOOD: lambda one: [result_line(one, one)],
    Fate.FAILED: lambda one: [result_line(one)],
    Fate.LOST: lambda _one: [],
    Fate.TWICE: lambda one: [result_line(one, one)] * 2,
    Fate.CONFLICT: lambda one: [result_line(one, one), result_line(one)],
    Fate.TORN: lambda one: [result_line(one, one)[:-3]],
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ids=ids, data=st.data())
def test_whatever_befalls_both_files_of_a_batch_no_row_gets_anothers_answer(
    ids: list[str], data: st.DataObject
) -> None:
    fates = {one: data.draw(st.sampled_from(Fate)) for one in ids}
    foreign = data.draw(st.lists(st.text(min_size=9, max_size=12), max_size=2, unique=True))
    lines = [line for one in ids for line in _LINES[fates[one]](one)]
    lines += [result_line(one, one) for one in foreign]
    lines = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(0, len(lines)))
    strays = Strays()

    with ExitStack() as stack:

        def results() -> Iterator[BatchResult]:
            for part in (lines[:cut], lines[cut:]):
                stream = stack.enter_context(tempfile.TemporaryFile())
                # A first line that is none at all is another kind of file, which is refused as a whole.
                stream.write(b"\n".join([result_line("the first", "line"), *part]))
                stream.seek(0)
                yield from read_rows(stream, READ, "a file")

        found = list(finish_rows(in_input_order(ids, results(), strays=strays), None))

    assert [row.custom_id for row in found] == ids
    kinds = {Fate.FAILED: "expired", Fate.LOST: "missing", Fate.CONFLICT: "conflict", Fate.TORN: "missing"}
    for row in found:
        written = json.loads(row.line)
        assert written["custom_id"] == row.custom_id
        if row.error is None:
            assert row.response == written["response"]
            assert written["response"]["body"]["answers"] == row.custom_id
        assert (row.error and row.error.type) == kinds.get(fates[row.custom_id])
    expected = Counter(fates.values())
    assert strays.counts[StrayKind.DUPLICATE] == expected[Fate.TWICE] + 1
    assert strays.counts[StrayKind.CONFLICT] == expected[Fate.CONFLICT]
    assert strays.counts[StrayKind.DAMAGED] == expected[Fate.TORN]
    assert strays.counts[StrayKind.UNKNOWN] == len(foreign) + 1


class Nobody:
    """A workspace as far as verifying needs one."""

    def say(self, _event: object) -> None:
        """Tell nobody."""


def proved(directory: Path, ids: list[str]) -> bytes:
    """Write an output and its manifest, and give its bytes."""
    output = directory / "out.jsonl"
    with output.open("wb") as sink:
        summary = write_lines(finish_rows(map(answer, ids), None), sink)
    write_manifest(output, {"order": "input", "requests": None, **counts_of(summary)})
    return output.read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ids=ids, data=st.data())
def test_verify_finds_every_corruption_and_names_a_line(ids: list[str], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        before = proved(directory, ids)
        lines = before.splitlines(keepends=True)
        at = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["flip", "delete", "double", "swap", "truncate", "none"])):
            case "flip":
                place = data.draw(st.integers(0, len(before) - 1))
                bit = 1 << data.draw(st.integers(0, 7))
                after = before[:place] + bytes([before[place] ^ bit]) + before[place + 1 :]
            case "delete":
                after = b"".join([*lines[:at], *lines[at + 1 :]])
            case "double":
                after = b"".join([*lines[:other], lines[at], *lines[other:]])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
                after = b"".join(lines)
            case "truncate":
                after = before[: data.draw(st.integers(0, len(before) - 1))]
            case _:
                after = before
        (directory / "out.jsonl").write_bytes(after)

        found = verify(cast("Workspace", Nobody()), directory / "out.jsonl", None)

    assert found.exit_code is (ExitCode.OK if after == before else ExitCode.DAMAGED)
    assert all(problem.line for problem in found.problems.kept)
