"""The official Anthropic client takes the server for the real thing: messages, models, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic
from pydantic import BaseModel

from batch_cli.serve.anthropic.objects import error_answer
from batch_cli.serve.refusal import Refusal
from tests.serve.anthropic_client import connect
from tests.serving import ServerProcess
from tests.support import SCHEMA

HI: Any = [{"role": "user", "content": "I am Ada, 36 years old."}]
GIVEN: Any = {"model": "claude-x", "max_tokens": 200, "messages": HI}
KEY = "a-key-of-this-test"
TOOL: Any = {"name": "save_user", "input_schema": SCHEMA}


class User(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module")
def claude(server: ServerProcess) -> Iterator[Anthropic]:
    with connect(server) as connected:
        yield connected


def test_a_message_is_answered(claude: Anthropic) -> None:
    message = claude.messages.create(**GIVEN)

    assert message.content[0].text == "Simulated answer to a prompt of 6 words: I am Ada, 36 years old."
    assert (message.stop_reason, message.usage.service_tier) == ("end_turn", "standard")
    assert message.id.startswith("msg_")


def test_a_stream_gives_the_same_message_piece_by_piece(claude: Anthropic) -> None:
    whole = claude.messages.create(**GIVEN)

    with claude.messages.stream(**GIVEN) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()

    assert len(pieces) > 1
    assert "".join(pieces) == whole.content[0].text
    assert message.model_dump(exclude={"id", "content"}) == whole.model_dump(exclude={"id", "content"})


def test_a_streamed_tool_has_the_input_of_the_whole_one(claude: Anthropic) -> None:
    given = {**GIVEN, "tools": [TOOL], "tool_choice": {"type": "any"}}

    with claude.messages.stream(**given) as stream:
        message = stream.get_final_message()

    assert message.stop_reason == "tool_use"
    assert message.content[0].input == claude.messages.create(**given).content[0].input  # type: ignore[union-attr]


def test_the_events_of_a_stream_come_in_the_order_of_the_field(server: ServerProcess) -> None:
    headers = {"anthropic-version": "2023-06-01"}
    with server.http(headers=headers) as http:
        answer = http.post("/v1/messages", json={**GIVEN, "max_tokens": 3, "stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    data = [json.loads(body.removeprefix("data: ")) for _, body in blocks]
    assert [name.removeprefix("event: ") for name, _ in blocks] == [event["type"] for event in data]
    assert [event["type"] for event in data] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert data[0]["message"]["content"] == []
    assert data[-2]["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert data[-2]["usage"]["output_tokens"] == 3


def test_an_output_format_is_parsed_by_the_client(claude: Anthropic) -> None:
    message = claude.messages.parse(**GIVEN, output_format=User)

    assert message.parsed_output == User(name="Ada", age=36)


def test_the_beta_client_is_served_as_well(server: ServerProcess, claude: Anthropic) -> None:
    message = claude.beta.messages.create(**GIVEN, betas=["some-beta-2026-01-01"])

    assert message.content[0].type == "text"
    assert claude.beta.messages.batches.list(betas=["some-beta-2026-01-01"]).data == []
    with server.http(headers={"anthropic-version": "2023-06-01", "anthropic-beta": "a,b"}) as http:
        assert http.post("/v1/messages?beta=true", json=GIVEN).status_code == 200


def test_tokens_are_counted_as_a_message_counts_them(claude: Anthropic) -> None:
    given = {"model": "claude-x", "messages": HI, "system": "Be brief.", "tools": [TOOL]}

    counted = claude.messages.count_tokens(**given)

    assert counted.input_tokens == claude.messages.create(max_tokens=5, **given).usage.input_tokens
    assert counted.input_tokens > claude.messages.count_tokens(model="claude-x", messages=HI).input_tokens


def test_models_are_listed_page_by_page_and_any_name_is_one(claude: Anthropic) -> None:
    every = [model.id for model in claude.models.list(limit=2)]

    assert "claude-3-haiku-20240307" in every
    assert len(every) == len(set(every)) > 2
    assert [model.id for model in claude.models.list(limit=2, before_id=every[1])] == every[:1]
    assert claude.models.retrieve("claude-made-up").id == "claude-made-up"


def test_openais_clients_get_their_own_list_of_models_at_the_same_path(server: ServerProcess) -> None:
    with server.client() as openai:
        assert "gpt-4o-mini" in [model.id for model in openai.models.list()]


def test_a_limit_of_nothing_is_right_here(claude: Anthropic) -> None:
    message = claude.messages.create(**{**GIVEN, "max_tokens": 0})

    assert (message.content, message.stop_reason) == ([], "max_tokens")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_tokens": -1}, "max_tokens: must be greater than or equal to 1"),
        ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        (
            {"messages": [*HI, {"role": "assistant", "content": [{"type": "document", "source": {}}]}]},
            "messages.1.content.0: document",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "citations": [{}]}]}]},
            "messages.0.content.0.citations",
        ),
    ],
)
def test_wrong_parameters_are_refused_with_their_place(claude: Anthropic, params: Any, message: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        claude.post("/v1/messages", body={**GIVEN, **params}, cast_to=object)

    assert refused.value.body["error"]["message"].startswith(message)  # type: ignore[index]
    assert refused.value.request_id is not None
    assert refused.value.request_id == refused.value.body["request_id"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("headers", "status", "kind", "message"),
    [
        ({"x-api-key": "k"}, 400, "invalid_request_error", "anthropic-version: header is required"),
        (
            {"x-api-key": "k", "anthropic-version": "2024-10-22"},
            400,
            "invalid_request_error",
            'anthropic-version: "2024-10-22" is not a valid version',
        ),
        ({"anthropic-version": "2023-06-01"}, 401, "authentication_error", "x-api-key header is required"),
    ],
)
def test_headers_that_are_missing_or_wrong_are_refused_as_in_the_field(
    server: ServerProcess, headers: dict[str, str], status: int, kind: str, message: str
) -> None:
    answer = httpx.post(f"{server.url}/v1/messages", json=GIVEN, headers=headers)

    assert answer.status_code == status
    assert answer.json() == {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_key_is_taken_from_the_header_of_any_client(tmp_path: Path, header: str) -> None:
    token = tmp_path / "token.txt"
    token.write_text(f"{KEY}\n", encoding="utf-8")
    token.chmod(0o600)
    with ServerProcess(tmp_path, "--token-file", str(token)) as running:

        def ask(key: str) -> httpx.Response:
            sent = f"Bearer {key}" if header == "authorization" else key
            headers = {header: sent, "anthropic-version": "2023-06-01"}
            return httpx.post(f"{running.url}/v1/messages", json=GIVEN, headers=headers)

        assert ask(KEY).status_code == 200
        wrong = ask("guess")
    assert wrong.status_code == 401
    assert wrong.json()["error"] == {"type": "authentication_error", "message": "API key is invalid."}


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/messages/nothing/here", 404, "not_found_error"),
        ("PUT", "/v1/messages", 405, "invalid_request_error"),
        ("DELETE", "/v1/messages/batches", 405, "invalid_request_error"),
    ],
)
def test_unknown_places_and_methods_are_refused_in_the_shape_of_the_wire(
    server: ServerProcess, method: str, path: str, status: int, kind: str
) -> None:
    with server.http(headers={"anthropic-version": "2023-06-01"}) as http:
        answer = http.request(method, path)

    assert answer.status_code == status
    assert (answer.json()["type"], answer.json()["error"]["type"]) == ("error", kind)


def test_simulated_failures_have_the_status_and_the_class_of_the_field(tmp_path: Path) -> None:
    seen = set()
    with ServerProcess(tmp_path, "--simulate-errors", "1") as running, connect(running) as client:
        for _ in range(40):
            with pytest.raises(anthropic.APIStatusError) as failed:
                client.messages.create(**GIVEN)
            seen.add((failed.value.status_code, failed.value.body["error"]["type"]))  # type: ignore[index]

    assert seen == {(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, "billing_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_errors_of_a_scenario_have_the_types_of_this_wire(status: int, kind: str) -> None:
    refusal = Refusal(status, "busy", kind="rate_limit_error")

    answer = error_answer({"type": "http", "request_id": "req_1"}, refusal)

    assert json.loads(bytes(answer.body))["error"] == {"type": kind, "message": "busy"}
