"""Files and command lines that people really have: each case of `manifest.jsonl` with what must become of it.

A case says what to run (``argv``, with ``file`` from `cases/`), with what (``env``, ``stdin``), and what must
come out: the exit code, the code of the problem, its lines and column, what is said (``says``) and advised
(``fix``), and what may appear nowhere (``never``). ``pending`` is the reason why a case does not hold yet;
whoever makes it hold has to take the mark away.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import ROOT, Done, chat, read_lines

HERE = Path(__file__).parent
CASES = read_lines(HERE / "manifest.jsonl")
SUPPORT = ("messages.jsonl", "requests.jsonl", "requests_abc.jsonl")


def request(custom_id: str, extra: str = "") -> str:
    line = json.dumps(chat(custom_id, model="gpt-4o-mini"))
    return f"{line[:-1]}{extra}}}\n"


GENERATED = {
    "json-deep-array.jsonl": lambda: _second_line_with("[" * 100_000 + "]" * 100_000),
    "json-deep-object.jsonl": lambda: _second_line_with('{"a":' * 5_000 + "1" + "}" * 5_000),
    "json-many-errors.jsonl": lambda: "{bad\n" * 5_000,
    "lim-line-no-newline.jsonl": lambda: "x" * 100_000,
    "oai-custom-id-dup-many.jsonl": lambda: request("request-1") * 1_000,
}
"""The large files are made here."""


def _second_line_with(value: str) -> str:
    return request("request-1") + request("request-2", f', "x": {value}') + request("request-3")


def _marked(case: dict[str, Any]) -> Any:
    marks = [pytest.mark.xfail(reason=case["pending"], strict=True)] if "pending" in case else []
    return pytest.param(case, id=case["id"], marks=marks)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give the working directory of a case, with the files that cases name besides their own."""
    for name in SUPPORT:
        shutil.copy(HERE / name, tmp_path / name)
    os.link(tmp_path / "messages.jsonl", tmp_path / "hardlink.jsonl")
    return tmp_path


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_case(
    case: dict[str, Any],
    cli: Cli,
    place: Path,
    process: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _put_file(case, place)
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    by_pipe = {"stdin": case["stdin"].encode()} if "stdin" in case else None

    done = process(*case["argv"], **by_pipe) if by_pipe else cli(*case["argv"])

    assert _differences(case, done) == []


def _put_file(case: dict[str, Any], place: Path) -> None:
    name = case.get("file")
    if name in GENERATED:
        (place / name).write_text(GENERATED[name](), encoding="utf-8")
    elif name:
        shutil.copy(HERE / "cases" / name, place / name)


def _differences(case: dict[str, Any], done: Done) -> list[str]:
    """Say what is not as the case wants it; not by an assert each, so that all of it is seen at once."""
    text = done.out + done.err
    name = case.get("file", "<stdin>")
    told = {int(number) for number in re.findall(rf"{re.escape(name)}:(\d+)", text)}
    wrong = [] if done.code == case["exit"] else [f"exit {done.code} instead of {case['exit']}"]
    if "code" in case and case["code"] not in text:
        wrong.append(f"no {case['code']}")
    wrong += [f"no line {number}" for number in _lines(case) if number not in told][:5]
    if "column" in case and f"{name}:{_lines(case)[0]}:{case['column']}" not in text:
        wrong.append(f"no column {case['column']}")
    wrong += [f"not said: {words!r}" for words in case.get("says", ()) if words.lower() not in text.lower()]
    wrong += [f"not advised: {words!r}" for words in case.get("fix", ()) if words.lower() not in text.lower()]
    wrong += [f"found {words!r}" for words in (*case.get("never", ()), "Traceback") if words in text]
    return [*wrong, text[:400]] if wrong else []


def _lines(case: dict[str, Any]) -> list[int]:
    lines = case.get("lines", [])
    return list(range(lines["from"], lines["to"] + 1)) if isinstance(lines, dict) else lines


def test_every_file_has_its_case_and_every_case_its_file() -> None:
    named = [case["file"] for case in CASES if "file" in case]
    stored = {path.name for path in (HERE / "cases").iterdir()}

    assert stored | GENERATED.keys() == set(named)
    assert not stored & GENERATED.keys()


def test_every_case_has_an_id_of_its_own() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES)


def test_git_keeps_the_bytes_of_the_cases() -> None:
    assert "tests/corpus/cases/* -text" in (ROOT / ".gitattributes").read_text(encoding="utf-8")
