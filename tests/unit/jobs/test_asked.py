from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from batch_cli.errors import InvalidInput
from batch_cli.forked import has_two_processors
from batch_cli.jobs import asked
from batch_cli.jobs.asked import ReadBeside, Source, read_requests
from batch_cli.jobs.spooled_ids import SpooledIds
from tests.support import chat, structured


@pytest.fixture(autouse=True)
def any_size_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "WORTHWHILE", 0)


def source(path: Path, lines: list[bytes], end: bytes = b"\n") -> Source:
    path.write_bytes(b"\n".join(lines) + end)
    return Source(lambda: path.open("rb"), path.name)


@pytest.mark.parametrize("processors", [1, 2])
def test_requests_that_are_read_beside_other_work_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)), raising=False)
    found = source(tmp_path / "f", [json.dumps(structured(f"r{n}", "x")).encode() for n in range(100)])
    with ReadBeside(found) as beside:
        assert beside.result() == read_requests(found)


def test_what_is_wrong_with_them_is_told_as_ever(tmp_path: Path) -> None:
    found = source(tmp_path / "f", [json.dumps(chat("twice")).encode()] * 2)
    with pytest.raises(InvalidInput) as expected:
        read_requests(found)
    with ReadBeside(found) as beside, pytest.raises(InvalidInput) as told:
        beside.result()

    assert told.value.problems == expected.value.problems


@pytest.mark.skipif(not has_two_processors(), reason="needs Linux and two processors")
def test_that_something_is_wrong_is_known_before_the_other_work_ends(tmp_path: Path) -> None:
    found = source(tmp_path / "f", [json.dumps(chat("twice")).encode()] * 2)
    with ReadBeside(found) as beside:
        while not beside.has_failed():  # it ends: the test would not
            pass


IDS = ["plain", "ü€𝄞", "with space", 'a "quote"', "back\\slash", "line\nend", "\u2028", "x" * 300]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (" , ", " : ")])
def test_ids_come_in_order_however_they_are_written(
    tmp_path: Path, end: bytes, separators: tuple[str, str], *, ascii_only: bool
) -> None:
    for ids in (IDS[:3], IDS):
        lines = [json.dumps(chat(one), ensure_ascii=ascii_only, separators=separators) for one in ids]
        assert list(read_requests(source(tmp_path / "f", [x.encode() for x in lines], end)).ids()) == ids


def test_an_id_that_is_not_first_in_its_line_is_found(tmp_path: Path) -> None:
    lines = [chat("a"), dict(reversed(chat("b").items())), chat("c")]
    found = source(tmp_path / "f", [json.dumps(line).encode() for line in lines])

    assert list(read_requests(found).ids()) == ["a", "b", "c"]


def test_spooled_ids_can_be_read_again() -> None:
    ids = [f"{one} {n}" for n in range(1_000) for one in IDS]
    with SpooledIds(iter(ids)) as spooled:
        for _ in range(2):
            assert [one for some in spooled.blocks() for one in some()] == ids
