from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from typing import Any

import pytest

from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation
from batch_cli.engine.handlers.simulate.openai import FINGERPRINT
from batch_cli.engine.reply import Call, Reply
from tests.support import SCHEMA

HI = [
    {"role": "system", "content": "Be brief. Bob, 99."},
    {"role": "user", "content": "I am Ada, 36 years old."},
]


async def no_sleep(seconds: float) -> None:
    assert seconds == 0, "only a turn for others is given up, on a slow machine"


def ask(url: str, body: Any, simulation: Simulation | None = None, custom_id: str = "a") -> Reply:
    handler = Simulate(simulation or Simulation(), no_sleep)
    (reply,) = asyncio.run(handler([Call(custom_id, url, body)]))
    return reply


def chat(**body: Any) -> Any:
    reply = ask("/v1/chat/completions", {"model": "m", "messages": HI, **body})
    assert reply.status == 200
    return reply.body


def test_a_plain_chat_gets_a_short_answer_made_from_the_prompt() -> None:
    body = chat()

    assert body["choices"][0]["message"]["content"] == (
        "Simulated answer to a prompt of 6 words: I am Ada, 36 years old."
    )
    assert body["system_fingerprint"] == FINGERPRINT
    assert body["model"] == "m"


def test_usage_is_counted() -> None:
    usage = chat()["usage"]

    assert usage["prompt_tokens"] == 6
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_json_schema_is_filled_from_what_the_user_says() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "User", "schema": SCHEMA}}

    content = chat(response_format=wanted)["choices"][0]["message"]["content"]

    assert json.loads(content) == {"name": "Ada", "age": 36}


def test_a_forced_tool_is_called_with_filled_arguments() -> None:
    tool = {"type": "function", "function": {"name": "save", "parameters": SCHEMA}}

    for choice in ("required", {"type": "function", "function": {"name": "save"}}):
        (call,) = chat(tools=[tool], tool_choice=choice)["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == "save"
        assert json.loads(call["function"]["arguments"]) == {"name": "Ada", "age": 36}


def test_json_mode_gives_json() -> None:
    content = chat(response_format={"type": "json_object"})["choices"][0]["message"]["content"]

    assert json.loads(content)["simulated"] is True


def test_a_token_limit_cuts_a_plain_answer() -> None:
    choice = chat(max_tokens=3)["choices"][0]

    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "Simulated an"


def test_several_choices_are_given_when_asked_for() -> None:
    assert [choice["index"] for choice in chat(n=3)["choices"]] == [0, 1, 2]


def test_responses_have_their_own_shape() -> None:
    fields = {"model": "m", "text": {"format": {"type": "json_schema", "name": "User", "schema": SCHEMA}}}

    for given in (HI, "I am Ada, 36 years old."):
        body = ask("/v1/responses", {**fields, "input": given}).body
        assert json.loads(body["output"][0]["content"][0]["text"]) == {"name": "Ada", "age": 36}
        assert body["usage"]["input_tokens"] == 6
    cut = ask("/v1/responses", {"model": "m", "input": "Hi", "max_output_tokens": 1}).body
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}


def test_completions_answer_every_prompt() -> None:
    body = ask("/v1/completions", {"model": "m", "prompt": ["One?", "Two"]}).body

    assert [choice["text"] for choice in body["choices"]] == [
        "Simulated answer to a question of 1 word: One?",
        "Simulated answer to a prompt of 1 word: Two",
    ]


class TestEmbeddings:
    def vectors(self, given: Any, **fields: Any) -> list[Any]:
        body = ask("/v1/embeddings", {"model": "m", "input": given, **fields}).body
        return [item["embedding"] for item in body["data"]]

    def test_vectors_have_length_one_and_the_wanted_size(self) -> None:
        (vector,) = self.vectors("a few words", dimensions=16)

        assert len(vector) == 16
        assert math.isclose(sum(x * x for x in vector), 1, abs_tol=1e-4)

    def test_texts_that_share_words_point_the_same_way(self) -> None:
        cat, kitten, tax = self.vectors(["the cat sat here", "the cat ran here", "income tax form"])

        def similarity(one: list[float], two: list[float]) -> float:
            return sum(x * y for x, y in zip(one, two, strict=True))

        assert similarity(cat, kitten) > similarity(cat, tax)

    def test_tokens_and_base64_are_taken(self) -> None:
        assert len(self.vectors([1, 2, 3])) == 1
        assert len(self.vectors([[1, 2], [3]])) == 2
        (packed,) = self.vectors("words", dimensions=4, encoding_format="base64")
        (plain,) = self.vectors("words", dimensions=4)
        assert struct.unpack("<4f", base64.b64decode(packed)) == pytest.approx(plain)


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/v1/chat/completions", {}, 400),
        ("/v1/chat/completions", None, 400),
        (
            "/v1/chat/completions",
            {"messages": HI, "tool_choice": {"function": {"name": "x"}}, "tools": [{}]},
            400,
        ),
        (
            "/v1/chat/completions",
            {
                "messages": HI,
                "response_format": {"type": "json_schema", "json_schema": {"schema": {"enum": []}}},
            },
            400,
        ),
        ("/v1/embeddings", {"input": []}, 400),
        ("/v1/embeddings", {"input": [1.5]}, 400),
        ("/v1/embeddings", {"input": [None]}, 400),
        ("/v1/embeddings", {"input": ["a", 1]}, 400),
        ("/v1/embeddings", {"input": "x", "dimensions": 0}, 400),
        ("/v1/completions", {"prompt": 7}, 400),
        ("/v1/images/generations", {}, 404),
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error_in_openais_shape(
    url: str, body: Any, status: int
) -> None:
    reply = ask(url, body)

    assert (reply.status, reply.is_good) == (status, False)
    assert set(reply.body["error"]) == {"message", "type", "param", "code"}


class TestFailures:
    def failed(self, rate: float, seed: int) -> set[str]:
        simulation = Simulation(error_rate=rate, seed=seed)
        ids = [f"r{n}" for n in range(2_000)]
        return {one for one in ids if not ask("/v1/completions", {"prompt": "x"}, simulation, one).is_good}

    def test_the_rate_is_kept_and_the_seed_decides_who_fails(self) -> None:
        first = self.failed(0.1, seed=1)

        assert 140 < len(first) < 260
        assert first == self.failed(0.1, seed=1)
        assert first != self.failed(0.1, seed=2)

    def test_none_and_all_are_possible(self) -> None:
        assert self.failed(0.0, seed=1) == set()
        assert len(self.failed(1.0, seed=1)) == 2_000

    def test_the_errors_are_those_that_services_give(self) -> None:
        simulation = Simulation(error_rate=1)
        codes = {ask("/v1/completions", {"prompt": "x"}, simulation, f"r{n}").status for n in range(50)}

        assert codes == {429, 500, 503}


def test_latency_is_waited_for_once_a_call() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    handler = Simulate(Simulation(latency=0.25), sleep)
    asyncio.run(handler([Call("a", "/v1/completions", {"prompt": "x"})]))

    assert waits == [0.25]
    assert (handler.max_batch, handler.is_cpu_bound) == (1, False)


def test_the_settings_survive_being_stored() -> None:
    simulation = Simulation(0.1, 0.2, 3)

    assert Simulation.from_settings(json.loads(json.dumps(simulation.settings()))) == simulation
    assert Simulation.from_settings({}) == Simulation()


def test_the_same_request_gives_the_same_bytes() -> None:
    assert chat() == chat()


def schema_call(custom_id: str, schema: Any) -> Call:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    messages = [{"role": "user", "content": f"I am Ada, 36. Code: {'a' * 40}!"}]
    return Call(custom_id, "/v1/chat/completions", {"messages": messages, "response_format": wanted})


def test_a_pattern_that_takes_for_ever_fails_its_own_row_and_no_other() -> None:
    endless = {"type": "string", "pattern": "^(a+)+b$"}
    handler = Simulate(Simulation(), asyncio.sleep, most_seconds=0.2)

    replies = asyncio.run(
        handler([schema_call("a", SCHEMA), schema_call("b", endless), schema_call("c", SCHEMA)])
    )

    assert [reply.status for reply in replies] == [200, 400, 200]
    assert replies[1].body["error"]["code"] == "request_too_complex"


def test_a_request_that_breaks_the_rules_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(schema: Any, _text: str) -> Any:
        return {}[schema["type"]] if schema["type"] == "broken" else {}

    monkeypatch.setattr("batch_cli.engine.handlers.simulate.openai.fill", fill)
    handler = Simulate(Simulation(), no_sleep)

    replies = asyncio.run(handler([schema_call(name, {"type": name}) for name in ("x", "broken", "y")]))

    assert [reply.status for reply in replies] == [200, 500, 200]
    assert replies[1].body["error"]["code"] == "handler_error"


def test_a_slow_group_lets_other_work_go_on() -> None:
    endless = {"type": "string", "pattern": "^(a+)+b$"}
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    handler = Simulate(Simulation(), pause, most_seconds=0.11)
    asyncio.run(handler([schema_call(str(at), endless) for at in range(3)]))

    assert pauses == [0, 0, 0]
