"""What is called a fault and what is not agrees with a strict reference parser, for any bytes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import ProblemLog
from batch_cli.jobs.check import rules_of
from batch_cli.json_faults import explain, locate
from batch_cli.jsonl import dumps, loads, read_lines
from batch_cli.line_pattern import LinePattern
from batch_cli.providers import load_codec
from batch_cli.request_file import scan
from tests.support import chat

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def strictly_acceptable(raw: bytes) -> bool:
    """Parse with the standard library alone, refusing what JSON parsers disagree on."""

    def refuse(_word: str) -> Any:
        raise ValueError

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=refuse, object_pairs_hook=unique)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")  # fails on lone surrogates
    except (ValueError, RecursionError):
        return False
    return True


@given(values, st.sampled_from([None, 1, 2]))
def test_whatever_is_written_has_no_fault(value: Any, indent: int | None) -> None:
    for text in (json.dumps(value, indent=indent), json.dumps(value, ensure_ascii=False)):
        assert (
            explain(text.replace("\n", " ").encode("utf-8", "surrogatepass")) is None
            or "\\ud" in text.lower()
        )


def _anthropic(custom_id: str, text: str) -> Any:
    turns = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    return {
        "custom_id": custom_id,
        "params": {"model": "m", "max_tokens": 9, "system": "s", "messages": turns},
    }


def _google(key: str, text: str) -> Any:
    return {"key": key, "request": {"contents": [{"role": "user", "parts": [{"text": text}]}]}}


_LINES = {"openai": chat, "anthropic": _anthropic, "google": _google}


@given(values, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3))
def test_a_changed_byte_is_judged_as_a_strict_parser_does(value: Any, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(dumps(value))
    for at, byte in changes:
        raw[at % len(raw)] = byte
    if b"\n" in raw or b"\r" in raw:
        return

    assert (explain(bytes(raw)) is None) == strictly_acceptable(bytes(raw))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_file_with_changed_bytes_never_crashes_and_is_never_let_pass_wrongly(
    changes: list[tuple[int, int]],
) -> None:
    raw = bytearray(dumps(chat("a", "some text")) + b"\n" + dumps(chat("b", "other text")) + b"\n")
    for at, byte in changes:
        raw[at % len(raw)] = byte
    log = ProblemLog()

    scan(io.BytesIO(bytes(raw)), "f", rules_of(load_codec("openai")), log)

    if not log.errors:
        lines = [line for line in bytes(raw).split(b"\n") if line.strip()]
        assert all(strictly_acceptable(line) for line in lines)


edits = st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=3)


@given(edits, st.sampled_from(["openai", "anthropic", "google"]))
def test_lines_checked_by_their_pattern_are_judged_like_lines_checked_one_by_one(
    changes: list[tuple[int, int]], provider: str
) -> None:
    raw = bytearray(b"".join(dumps(_LINES[provider](f"r{n}", f"text {n}")) + b"\n" for n in range(6)))
    for at, byte in changes:
        raw[at % len(raw)] = byte

    quick, thorough = ProblemLog(100), ProblemLog(100)
    counted = scan(io.BytesIO(bytes(raw)), "f", rules_of(load_codec(provider)), quick)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinePattern, "of", lambda *_: None)
        expected = scan(io.BytesIO(bytes(raw)), "f", rules_of(load_codec(provider)), thorough)

    assert quick.kept == thorough.kept
    assert counted == expected


@given(st.binary(max_size=300))
def test_any_bytes_can_be_explained(raw: bytes) -> None:
    fault = explain(raw.replace(b"\n", b""))

    assert fault is None or (fault.column >= 1 and fault.code.startswith("E"))


@given(st.binary(max_size=200))
def test_lines_put_together_again_are_the_file(data: bytes) -> None:
    lines = list(read_lines(io.BytesIO(data), max_bytes=1_000))

    assert b"".join(line.raw + b"\n" * line.ended for line in lines) == data
    assert all(data[line.offset :].startswith(line.raw) for line in lines)


@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=3), values, min_size=1, max_size=4), st.data())
def test_a_located_member_is_the_one_with_its_value(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    name = data.draw(st.sampled_from(sorted(value)))

    found, _ = json.JSONDecoder().raw_decode(text, locate(text, name) - 1)

    assert found == value[name]


@given(values)
def test_json_survives_being_written_and_read(value: Any) -> None:
    assert loads(dumps(value)) == value
