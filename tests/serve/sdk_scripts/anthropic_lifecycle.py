"""The life of a batch and a message, by whichever release of Anthropic's client is installed: URL VERSION."""

from __future__ import annotations

import sys
import time
from typing import Any

import anthropic

MESSAGES: Any = [{"role": "user", "content": "I am Ada, 36 years old."}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def request(custom_id: str, **params: Any) -> Any:
    given = {"model": "claude-x", "max_tokens": 100, "messages": MESSAGES, **params}
    return {"custom_id": custom_id, "params": given}


def ended(client: anthropic.Anthropic, batch_id: str) -> Any:
    end = time.monotonic() + 60
    while (batch := client.messages.batches.retrieve(batch_id)).processing_status != "ended":
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.05)
    return batch


def live(client: anthropic.Anthropic) -> None:
    given: Any = {"model": "claude-x", "max_tokens": 100, "messages": MESSAGES}
    message: Any = client.messages.create(**given)
    assert message.stop_reason == "end_turn"
    with client.messages.stream(**given) as stream:
        assert stream.get_final_text() == message.content[0].text
    assert client.messages.count_tokens(model="claude-x", messages=MESSAGES).input_tokens > 0
    assert [model.id for model in client.models.list(limit=2)]
    refused = None
    try:
        client.messages.create(**{**given, "messages": []})
    except anthropic.BadRequestError as error:
        refused = error
    assert refused is not None, "an empty list of messages was answered"
    assert refused.request_id


def batches(client: anthropic.Anthropic) -> None:
    tool = {"name": "save_user", "input_schema": SCHEMA}
    requests = [
        request("warm", temperature=1),
        request("tool", tools=[tool], tool_choice={"type": "tool", "name": "save_user"}),
        request("wrong", max_tokens=0),
    ]
    made = [client.messages.batches.create(requests=requests) for _ in range(22)]
    batch = ended(client, made[0].id)
    assert batch.request_counts.model_dump() == {
        "processing": 0,
        "succeeded": 2,
        "errored": 1,
        "canceled": 0,
        "expired": 0,
    }
    found: Any = {row.custom_id: row.result for row in client.messages.batches.results(batch.id)}
    assert {name: result.type for name, result in found.items()} == {
        "warm": "succeeded",
        "tool": "succeeded",
        "wrong": "errored",
    }
    assert found["tool"].message.content[0].input == {"name": "Ada", "age": 36}
    assert found["wrong"].error.error.type == "invalid_request_error"
    assert [one.id for one in client.messages.batches.list()][:22] == [one.id for one in made[::-1]]
    assert client.messages.batches.cancel(batch.id).processing_status == "ended"
    assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"
    assert client.beta.messages.batches.retrieve(made[1].id).id == made[1].id


def main(url: str, version: str) -> None:
    assert anthropic.__version__ == version
    client = anthropic.Anthropic(
        api_key="sk-ant-test", base_url=url, max_retries=0, _strict_response_validation=True
    )
    with client:
        live(client)
        batches(client)


if __name__ == "__main__":
    main(*sys.argv[1:])
