"""Fixing: whatever it writes is valid, says the same as before, and its map gives the old ids back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_cli.errors import ProblemLog
from batch_cli.files import open_input
from batch_cli.jobs.check import scan_file
from batch_cli.jobs.fix import fix, map_path, source_of
from batch_cli.jobs.workspace import Workspace
from batch_cli.providers import load_codec
from tests.support import FakeClock, Recorder, chat

IDS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        ["a", "a-2", "a-1", "b c", "request-1", "x" * 70, "", "y" * 600, 1, 1 << 70, None, True, []]
    ),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
MISSING = object()
BREAKS = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\r\n \r\n"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"])


def anthropic(custom_id: str, text: str = "Hi", **params: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"custom_id": custom_id, "params": {"model": "m", "max_tokens": 5, "messages": messages, **params}}


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Give a request that is right but for its id and its stream."""
    make = draw(st.shared(st.sampled_from([chat, anthropic]), key="dialect"))
    extra: dict[str, Any] = draw(
        st.sampled_from([{}, {"stream": True}, {"stream": False}, {"seed": 1 << 80}])
    )
    line: dict[str, Any] = make(
        "", draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)), **extra
    )
    custom_id = draw(IDS | st.just(MISSING))
    if custom_id is MISSING:
        del line["custom_id"]
    else:
        line["custom_id"] = custom_id
    return line


@settings(max_examples=300, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=8), BREAKS, ENCODINGS, st.booleans(), st.booleans())
def test_what_is_fixed_is_valid_and_its_map_restores_it(
    lines: list[dict[str, Any]], line_end: str, encoding: str, ascii_only: bool, returns: bool
) -> None:
    if returns:
        line_end = "\r"
    text = "".join(json.dumps(line, ensure_ascii=ascii_only) + line_end for line in lines)
    codec = load_codec("anthropic" if "params" in lines[0] else "openai")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        workspace = Workspace(directory, directory / "state", {}, FakeClock(), Recorder())
        path, output = directory / "in.jsonl", directory / "out.jsonl"
        path.write_bytes(text.encode(encoding))
        source = source_of(lambda: open_input(path), "in.jsonl", codec.limits.line_bytes)
        log, again = ProblemLog(), ProblemLog()

        fixed, _ = fix(workspace, source, codec, output, log)
        scan_file(workspace, lambda: open_input(output), "out.jsonl", codec, again)

        assert (fixed.written, log.errors, again.errors, again.warnings) == (True, 0, 0, 0)
        ids = json.loads(map_path(output).read_text()) if fixed.id_map else {}
        restored = []
        for raw in output.read_text(encoding="utf-8").split("\n")[:-1]:
            line = json.loads(raw)
            if (entry := ids.get(line["custom_id"])) is not None:
                line["custom_id"] = entry["old"]
                if entry.get("missing"):
                    del line["custom_id"]
            restored.append(line)
    assert restored == [_without_stream(line) for line in lines]


def _without_stream(line: dict[str, Any]) -> dict[str, Any]:
    holder = "params" if "params" in line else "body"
    body = {key: value for key, value in line[holder].items() if (key, value) != ("stream", True)}
    return {**line, holder: body}
