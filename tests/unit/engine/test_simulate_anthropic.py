from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from batch_cli.engine.handlers.simulate.anthropic import REFUSED
from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation
from batch_cli.engine.reply import Call, Reply
from tests.support import SCHEMA

HI = [{"role": "user", "content": [{"type": "text", "text": "I am Ada, 36 years old."}]}]
TOOL = {"name": "save_user", "input_schema": SCHEMA}


async def no_sleep(seconds: float) -> None:
    assert seconds == 0, "only a turn for others is given up, on a slow machine"


def ask(url: str, body: Any, simulation: Simulation | None = None) -> Reply:
    handler = Simulate(simulation or Simulation(), no_sleep)
    (reply,) = asyncio.run(handler([Call("a", url, body)]))
    return reply


def message(**body: Any) -> Any:
    reply = ask("/v1/messages", {"model": "claude-x", "max_tokens": 500, "messages": HI, **body})
    assert reply.status == 200
    return reply.body


def test_a_message_is_answered_with_a_text_made_from_the_prompt() -> None:
    answer = message()

    assert answer["content"] == [
        {"type": "text", "text": "Simulated answer to a prompt of 6 words: I am Ada, 36 years old."}
    ]
    assert (answer["role"], answer["model"]) == ("assistant", "claude-x")
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("end_turn", None)
    assert answer["usage"]["input_tokens"] > 0 < answer["usage"]["output_tokens"]


def test_a_text_that_is_too_long_is_cut() -> None:
    answer = message(max_tokens=2)

    assert answer["content"] == [{"type": "text", "text": "Simulate"}]
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 2)


def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    answer = message(stop_sequences=["Ada", " am"])

    assert answer["content"][0]["text"].endswith(": I")
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", " am")


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "save_user"}])
def test_a_forced_tool_is_used_with_input_that_follows_its_schema(choice: Any) -> None:
    answer = message(tools=[TOOL], tool_choice=choice)

    (block,) = answer["content"]
    assert (block["type"], block["name"], answer["stop_reason"]) == ("tool_use", "save_user", "tool_use")
    assert block["input"] == {"name": "Ada", "age": 36}


def test_a_tool_that_may_be_used_is_not() -> None:
    assert message(tools=[TOOL], tool_choice={"type": "auto"})["stop_reason"] == "end_turn"


def test_the_input_of_a_tool_that_is_cut_off_is_empty() -> None:
    answer = message(tools=[TOOL], tool_choice={"type": "any"}, max_tokens=1)

    assert (answer["content"][0]["input"], answer["stop_reason"]) == ({}, "max_tokens")


@pytest.mark.parametrize("tools", [[], None, [{"name": "other"}]])
def test_a_choice_of_no_tool_is_refused(tools: Any) -> None:
    body = {"messages": HI, "tools": tools, "tool_choice": {"type": "tool", "name": "save_user"}}

    reply = ask("/v1/messages", body)

    assert reply.status == 400
    assert reply.body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_an_output_format_gives_a_json_text(place: str) -> None:
    wanted = {"type": "json_schema", "schema": SCHEMA}
    answer = message(**{place: {"format": wanted} if place == "output_config" else wanted})

    assert json.loads(answer["content"][0]["text"]) == {"name": "Ada", "age": 36}


def test_a_limit_of_nothing_gives_nothing() -> None:
    answer = message(max_tokens=0)

    assert (answer["content"], answer["stop_reason"]) == ([], "max_tokens")
    assert answer["usage"]["output_tokens"] == 0


def test_what_was_refused_before_is_refused_with_the_reason() -> None:
    reply = ask(REFUSED, {"message": "messages: Field required"})

    assert reply.status == 400
    assert reply.body == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "messages: Field required"},
        "request_id": None,
    }


def test_failures_are_those_of_anthropic() -> None:
    handler = Simulate(Simulation(error_rate=1), no_sleep)
    calls = [Call(f"r{n}", "/v1/messages", {"messages": HI}) for n in range(60)]

    replies = asyncio.run(handler(calls))

    assert {(reply.status, reply.body["error"]["type"]) for reply in replies} == {
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    }
