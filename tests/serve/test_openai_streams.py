"""Streamed answers: the official client puts together from the pieces what it gets in one piece otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.serving import ServerProcess

ASKED: Any = [{"role": "user", "content": "I'm Ada Lovelace, 36 years old. Grüße aus London 🇬🇧, " * 3}]


class User(BaseModel):
    name: str
    age: int


def test_a_chat_in_pieces_is_the_chat_in_one(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="m", messages=ASKED, n=2)

    chunks = list(client.chat.completions.create(model="m", messages=ASKED, n=2, stream=True))

    texts = ["", ""]
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]
    assert len(chunks) > 10
    assert {(chunk.id, chunk.created) for chunk in chunks} == {(chunks[0].id, chunks[0].created)}
    ends = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert ends == ["stop", "stop"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)


def test_usage_comes_last_where_it_was_asked_for(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="m", messages=ASKED)

    options: Any = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="m", messages=ASKED, stream=True, stream_options=options)
    )

    *others, last = chunks
    assert (last.choices, last.usage) == ([], whole.usage)
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in others)


def test_the_clients_own_helper_parses_a_structured_chat(client: OpenAI) -> None:
    with client.chat.completions.stream(model="m", messages=ASKED, response_format=User) as stream:
        kinds = [event.type for event in stream]
        done = stream.get_final_completion()

    assert done.choices[0].message.parsed == User(name="Ada Lovelace", age=36)
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)


def test_a_tool_call_comes_in_pieces(client: OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "save", "parameters": User.model_json_schema()}}
    choice: Any = {"type": "function", "function": {"name": "save"}}
    with client.chat.completions.stream(
        model="m", messages=ASKED, tools=[tool], tool_choice=choice
    ) as stream:
        for _ in stream:
            pass
        calls = stream.get_final_completion().choices[0].message.tool_calls

    assert calls is not None
    (call,) = calls
    assert call.function.name == "save"
    assert json.loads(call.function.arguments) == {"name": "Ada Lovelace", "age": 36}


def test_a_completion_in_pieces_is_the_completion_in_one(server: ServerProcess, client: OpenAI) -> None:
    """The published type has no null for the reason of a piece, which live answers have: no strict client here."""
    whole = client.completions.create(model="m", prompt=["Hi there", "Good bye"])

    with OpenAI(api_key="any", base_url=f"{server.url}/v1") as lenient:
        chunks = list(lenient.completions.create(model="m", prompt=["Hi there", "Good bye"], stream=True))

    texts = ["", ""]
    for chunk in chunks:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [choice.text for choice in whole.choices]
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop", "stop"]


@pytest.mark.parametrize(("limit", "end"), [(None, "response.completed"), (4, "response.incomplete")])
def test_a_response_comes_as_numbered_events_that_end_with_the_whole(
    client: OpenAI, limit: int | None, end: str
) -> None:
    whole = client.responses.create(model="m", input=ASKED, max_output_tokens=limit)

    events: list[Any] = list(
        client.responses.create(model="m", input=ASKED, max_output_tokens=limit, stream=True)
    )

    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        end,
    ]
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == whole.output_text == events[-1].response.output_text
    assert events[-1].response.usage == whole.usage


def test_the_clients_own_helper_parses_a_structured_response(client: OpenAI) -> None:
    with client.responses.stream(model="m", input=ASKED, text_format=User) as stream:
        for _ in stream:
            pass
        done = stream.get_final_response()

    assert done.output_parsed == User(name="Ada Lovelace", age=36)


def test_a_stream_says_what_it_is_and_ends_as_the_wire_does(server: ServerProcess) -> None:
    def sent(url: str, body: Any) -> Iterator[str]:
        with server.http() as http, http.stream("POST", url, json={**body, "stream": True}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield from answer.iter_text()

    chat = "".join(sent("/v1/chat/completions", {"model": "m", "messages": ASKED}))
    response = "".join(sent("/v1/responses", {"model": "m", "input": "Hi"}))

    assert chat.endswith("data: [DONE]\n\n")
    assert response.startswith("event: response.created\ndata: {")
    assert "[DONE]" not in response


def test_a_client_that_goes_away_in_the_middle_harms_nobody(server: ServerProcess) -> None:
    schema = {
        "type": "object",
        "properties": {"names": {"type": "array", "items": {"type": "string"}, "minItems": 5_000}},
        "required": ["names"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "Names", "schema": schema}}
    body = {"model": "m", "messages": ASKED, "stream": True, "response_format": wanted}

    with server.http() as http, http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert next(answer.iter_lines()).startswith("data: {")

    with server.http() as http:
        assert http.get("/v1/models").status_code == 200
    assert "Traceback" not in server.log
    assert "Error" not in server.log


def test_what_cannot_be_answered_is_an_error_and_no_stream(server: ServerProcess) -> None:
    with server.http() as http:
        answer = http.post("/v1/responses", json={"model": "m", "input": [], "stream": True})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
