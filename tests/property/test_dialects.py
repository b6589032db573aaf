"""Whatever a request says, it comes back from another dialect as it was, or the loss is told."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_cli.dialects.base import Losses, Places, Reading, Unsupported
from batch_cli.dialects.openai import as_chat, from_chat
from batch_cli.errors import Severity
from batch_cli.jobs.conversion import Conversion, convert_line
from batch_cli.jobs.convert import converted_lines
from batch_cli.line_pattern import LinePattern
from batch_cli.model import RESPONSES, BatchRequest
from batch_cli.providers import load_codec

OTHERS = ["anthropic", "google", "mistral", "regolo", "local"]
DIALECTS = ["openai", *OTHERS]
OPENAI = load_codec("openai")
MANY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
NAME = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,20}", fullmatch=True)
DATA_URL = st.builds(
    "data:{};base64,{}".format,
    st.sampled_from(["image/png", "image/jpeg"]),
    st.sampled_from(["AAAA", "iVBORw0K"]),
)
URL = st.one_of(DATA_URL, st.just("https://example.org/cat.png"), st.just("gs://bucket/cat.png"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def text_part(text: str) -> Any:
    return {"type": "text", "text": text}


PARTS = st.one_of(
    TEXT.map(text_part),
    st.builds(
        lambda url, detail: {"type": "image_url", "image_url": {"url": url, **detail}},
        URL,
        st.sampled_from([{}, {}, {"detail": "low"}]),
    ),
    st.just({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
    st.just(
        {
            "type": "file",
            "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        }
    ),
)


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Any:
    """Give a closed object schema that requires all it names, as strict modes ask for."""
    leaf = st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer", "minimum": 0},
            {"type": "boolean", "description": "Is it?"},
            {"type": "string", "enum": ["a", "b"]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"type": "array", "items": {"type": "number"}},
        ]
    )
    inner = st.one_of(leaf, schemas(depth - 1)) if depth else leaf
    properties = draw(st.dictionaries(NAME, inner, min_size=1, max_size=3))
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@st.composite
def formats(draw: st.DrawFn) -> Any:
    name = draw(NAME)
    schema = {"title": name, **draw(schemas())}
    label = {
        "name": name,
        "strict": True,
        "schema": schema,
        **draw(st.sampled_from([{}, {"description": "It."}])),
    }
    return draw(st.sampled_from([{"type": "json_object"}, {"type": "json_schema", "json_schema": label}]))


@st.composite
def talks(draw: st.DrawFn) -> list[Any]:
    """Give messages: systems, then turns, among them calls of tools with their answers."""
    messages: list[Any] = [
        {"role": "system", "content": content}
        for content in draw(
            st.lists(TEXT | st.lists(TEXT.map(text_part), min_size=1, max_size=2), max_size=2)
        )
    ]
    content = TEXT | st.lists(PARTS, min_size=1, max_size=3)
    messages.append({"role": "user", "content": draw(content)})
    for turn in range(draw(st.integers(0, 3))):
        names = draw(st.lists(NAME, max_size=2))
        calls = [
            {
                "id": f"call_{turn}_{at}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": json.dumps(draw(st.dictionaries(TEXT, VALUES, max_size=2))),
                },
            }
            for at, name in enumerate(names)
        ]
        if calls:
            said = draw(st.none() | TEXT)
            messages.append({"role": "assistant", "content": said, "tool_calls": calls})
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": draw(TEXT)} for call in calls
            ]
        else:
            messages.append({"role": "assistant", "content": draw(TEXT)})
        messages.append({"role": "user", "content": draw(content)})
    return messages


TOOLS = st.lists(
    st.builds(
        lambda name, schema, more: {
            "type": "function",
            "function": {"name": name, "parameters": schema, **more},
        },
        NAME,
        schemas(),
        st.sampled_from([{}, {"description": "Does it."}, {"strict": True}]),
    ),
    min_size=1,
    max_size=2,
)
CHOICES = st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "f"}}])
PARAMS = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 9999)},
    optional={
        "temperature": st.floats(0, 2).map(lambda x: round(x, 3)),
        "top_p": st.sampled_from([0.1, 0.5, 1]),
        "stop": TEXT | st.lists(TEXT, min_size=1, max_size=2),
        "seed": st.integers(0, 2**31 - 1) | st.just(2**40),
        "presence_penalty": st.sampled_from([-1, 0.5]),
        "frequency_penalty": st.sampled_from([-1, 0.5]),
        "n": st.sampled_from([1, 2]),
        "user": TEXT,
        "metadata": st.dictionaries(NAME, TEXT, max_size=2),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(1, 5),
        "logit_bias": st.just({"1": 2}),
        "reasoning_effort": st.sampled_from(["minimal", "low", "high"]),
        "tools": TOOLS,
        "tool_choice": CHOICES,
        "parallel_tool_calls": st.booleans(),
        "response_format": formats(),
        "store": st.booleans(),
        "unheard_of": VALUES,
    },
)


@st.composite
def lines(draw: st.DrawFn) -> Any:
    """Give an OpenAI request line."""
    params = draw(PARAMS)
    if "tools" not in params:
        params.pop("tool_choice", None)
        params.pop("parallel_tool_calls", None)
    body = {"model": "m", "messages": draw(talks()), **params}
    return {"custom_id": draw(NAME), "method": "POST", "url": "/v1/chat/completions", "body": body}


def meaning(line: Any) -> Any:
    """Give what a line says, in one of the ways to say it."""
    body = json.loads(json.dumps(line["body"]))
    system: list[str] = []
    turns = []
    ids: dict[str, int] = {}  # which call an answer answers is meant, not what the call's id is
    for message in body.pop("messages"):
        content = message.get("content")
        parts = [text_part(content)] if isinstance(content, str) else content or []
        if message["role"] in ("system", "developer"):
            system += [part["text"] for part in parts]
            continue
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            call["id"] = ids.setdefault(call["id"], len(ids))
        if "tool_call_id" in message:
            message["tool_call_id"] = ids[message["tool_call_id"]]
        turns.append({**message, "content": parts})
    said = {name: value for name, value in body.items() if value is not None}
    if isinstance(said.get("stop"), str):
        said["stop"] = [said["stop"]]
    for old, new in (("max_tokens", "max_completion_tokens"),):
        if old in said:
            said[new] = said.pop(old)
    nothing = {
        "n": 1,
        "logprobs": False,
        "store": False,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
    }
    said = {name: value for name, value in said.items() if not (name in nothing and nothing[name] == value)}
    return line["custom_id"], "\n\n".join(system), turns, said


def convert(line: Any, source: str, target: str) -> Any:
    conversion = Conversion(load_codec(source), load_codec(target), "m")
    return convert_line(line, 1, line[load_codec(source).id_field], conversion)


def errors(provider: str, line: Any) -> list[Any]:
    return [found for found in load_codec(provider).check(line) if found.severity is Severity.ERROR]


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_not_told_as_lost_comes_back(other: str) -> None:
    carried = []

    @MANY
    @given(lines())
    def check(line: Any) -> None:
        there = convert(line, "openai", other)
        if there.findings:
            return  # refused aloud
        written = json.loads(there.line)
        assert errors(other, written) == []
        back = convert(written, other, "openai")
        assert back.findings == ()
        if not there.losses:
            carried.append(1)
            assert back.losses == ()
            assert meaning(json.loads(back.line)) == meaning(line)

    check()
    assert carried


@pytest.mark.parametrize("source", OTHERS)
@pytest.mark.parametrize("target", OTHERS)
def test_every_line_that_is_written_is_right(source: str, target: str) -> None:
    @settings(MANY, max_examples=15)
    @given(lines())
    def check(line: Any) -> None:
        first = convert(line, "openai", source)
        if first.findings:
            return
        second = convert(json.loads(first.line), source, target)
        assert second == convert(json.loads(first.line), source, target)
        if not second.findings:
            assert errors(target, json.loads(second.line)) == []

    check()


@MANY
@given(lines())
def test_a_chat_comes_back_from_the_responses_endpoint(line: Any) -> None:
    request = OPENAI.read_line(line, 1).request
    losses = Losses()
    try:
        there = from_chat(request, RESPONSES, losses)
    except Unsupported:
        return  # refused aloud
    back = as_chat(Reading(there, Places("body")), "a chat")
    if not losses.found:
        assert back.losses == ()
        again = OPENAI.write_line(back.request, Losses())
        assert meaning(again) == meaning(line)


@pytest.mark.parametrize("other", DIALECTS)
def test_foreign_shapes_are_refused_and_never_break_it(other: str) -> None:
    """Put anything anywhere into a right line: reading and writing it ends in lines or in findings."""

    @settings(MANY, max_examples=60)
    @given(lines(), st.data())
    def check(line: Any, data: st.DataObject) -> None:
        written = convert(line, "openai", other)
        if written.findings:
            return
        broken = data.draw(damaged(json.loads(written.line)))
        for target in DIALECTS:
            if not errors(other, broken):
                done = convert(broken, other, target)
                assert bool(done.line) != bool(done.findings)

    check()


@st.composite
def damaged(draw: st.DrawFn, line: Any) -> Any:
    """Give the line with one value somewhere in its request replaced."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in list(items):
            places.append((node, key))
            walk(value)

    walk(next(line[name] for name in ("body", "params", "request") if name in line))
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(VALUES | st.just({}) | st.just([]))
    return line


def test_a_request_without_words_is_refused() -> None:
    for provider in ("anthropic", "google"):
        with pytest.raises(Unsupported):
            load_codec(provider).write_line(BatchRequest("a", [], {}, 1), Losses())


@MANY
@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True), TEXT, TEXT), min_size=2, max_size=6
    ),
    st.sampled_from(OTHERS),
    st.sampled_from([{}, {"user": "u%b%%"}, {"max_tokens": 5}, {"seed": 2**70}, {"tools": []}]),
)
def test_lines_of_one_pattern_are_converted_to_the_same_bytes_as_one_by_one(
    rows: list[tuple[str, str, str]], target: str, more: Any
) -> None:
    lines = []
    for number, (custom_id, system, text) in enumerate(rows):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        body = {"model": "m%b", "messages": messages, **more}
        line = {
            "custom_id": f"{number}{custom_id}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body,
        }
        lines.append(json.dumps(line).encode() + b"\n")
    conversion = Conversion(OPENAI, load_codec(target))

    together = list(converted_lines(io.BytesIO(b"".join(lines)), conversion))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinePattern, "of", lambda *_: None)
        apart = list(converted_lines(io.BytesIO(b"".join(lines)), conversion))

    assert together == apart
    assert len(together) == len(lines)
