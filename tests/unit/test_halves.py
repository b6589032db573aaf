from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from batch_cli import halves
from batch_cli.errors import ProblemLog
from batch_cli.forked import has_two_processors
from batch_cli.halves import scan_halves
from batch_cli.jobs.check import rules_of
from batch_cli.model import Limits
from batch_cli.providers.openai import OpenAICodec
from batch_cli.request_file import Scan, scan
from tests.support import chat, structured

pytestmark = pytest.mark.skipif(not has_two_processors(), reason="needs Linux and two processors")


@pytest.fixture(autouse=True)
def any_size_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "WORTHWHILE", 0)


def write(path: Path, lines: list[Any], end: bytes = b"\n") -> Path:
    path.write_bytes(b"\n".join(json.dumps(line).encode() for line in lines) + end)
    return path


def in_halves(path: Path, limits: Limits | None = None) -> Scan | None:
    rules = rules_of(OpenAICodec("OpenAI", limits or Limits()))
    return scan_halves(lambda: path.open("rb"), "f", rules)


def whole(path: Path) -> Scan:
    with path.open("rb") as stream:
        return scan(stream, "f", rules_of(OpenAICodec("OpenAI", Limits())), ProblemLog())


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("count", [3, 10, 1_000])
def test_two_processes_find_what_one_finds(tmp_path: Path, count: int, end: bytes) -> None:
    path = write(tmp_path / "f", [structured(f"r{n}", f"text {n}") for n in range(count)], end)

    assert in_halves(path) == whole(path)


def test_models_and_schemas_of_both_halves_are_counted(tmp_path: Path) -> None:
    lines = [structured(f"r{n}", "x") for n in range(50)] + [chat(f"s{n}", "x") for n in range(50)]
    lines[80]["body"]["model"] = "other"
    path = write(tmp_path / "f", lines)

    found = in_halves(path)

    assert found == whole(path)
    assert found is not None
    assert found.models == {"simulate": 99, "other": 1}
    assert found.schema is None


@pytest.mark.parametrize("at", [3, 90])
def test_a_bad_line_in_either_half_asks_for_a_closer_look(tmp_path: Path, at: int) -> None:
    lines = [chat(f"r{n}", "x") for n in range(100)]
    lines[at]["method"] = "GET"

    assert in_halves(write(tmp_path / "f", lines)) is None


def test_an_id_of_the_first_half_in_the_second_asks_for_a_closer_look(tmp_path: Path) -> None:
    lines = [chat(f"r{n}", "x") for n in range(100)]
    lines[90]["custom_id"] = "r10"

    assert in_halves(write(tmp_path / "f", lines)) is None


def test_halves_with_different_urls_ask_for_a_closer_look(tmp_path: Path) -> None:
    lines = [chat(f"r{n}", "x") for n in range(100)]
    for line in lines[60:]:
        line |= {"url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}

    assert in_halves(write(tmp_path / "f", lines)) is None


def test_blank_lines_ask_for_a_closer_look(tmp_path: Path) -> None:
    lines = [chat(f"r{n}", "x") for n in range(100)]

    assert in_halves(write(tmp_path / "f", lines, b"\n\n")) is None


def test_limits_hold_for_both_halves_together(tmp_path: Path) -> None:
    path = write(tmp_path / "f", [chat(f"r{n}", "x") for n in range(100)])
    size = path.stat().st_size

    assert in_halves(path, Limits(requests=100, bytes=size)) is not None
    assert in_halves(path, Limits(requests=99)) is None
    assert in_halves(path, Limits(bytes=size - 1)) is None


def test_a_child_that_dies_asks_for_a_closer_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "f", [chat(f"r{n}", "x") for n in range(100)])
    monkeypatch.setattr(halves, "_read_half", lambda *_: os.kill(os.getpid(), signal.SIGKILL))

    assert in_halves(path) is None


def test_no_process_and_no_thread_stays_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "f", [chat(f"r{n}", "x") for n in range(100)])
    before = children(), threading.active_count()
    in_halves(path)

    assert (children(), threading.active_count()) == before


def children() -> list[str]:
    """Give the processes that this one has started and not waited for; other tests' servers are among them."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[path.parent.name] = path.read_text().rpartition(")")[2].split()[1]
    return sorted(number for number, parent in parents.items() if parent == str(os.getpid()))
