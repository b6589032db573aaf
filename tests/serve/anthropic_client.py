"""What the tests of the Anthropic wire share: the official client, and requests for it."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic

from tests.serving import ServerProcess, wait_until

HEADERS = {"anthropic-version": "2026-10-21"}


def connect(server: ServerProcess, **options: Any) -> Anthropic:
    """Give the official client; what it gets is held to the types it declares, and nothing is tried again."""
    given = {"api_key": "sk-ant-test", "max_retries": 0, **options}
    return Anthropic(base_url=server.url, _strict_response_validation=True, **given)


def request(custom_id: str, text: str = "I am Ada, 36 years old.", **params: Any) -> Any:
    """Give a request of a batch; a parameter that is ``"-"`` is left out."""
    message = {"role": "user", "content": text}
    given = {"model": "claude-x", "max_tokens": 100, "messages": [message], **params}
    return {"custom_id": custom_id, "params": {name: value for name, value in given.items() if value != "-"}}


def create(client: Anthropic, count: int) -> Any:
    return client.messages.batches.create(requests=[request(f"r{n}") for n in range(count)])


def ended(client: Anthropic, batch_id: str) -> Any:
    """Wait until a batch has ended, and give it."""
    wait_until(lambda: client.messages.batches.retrieve(batch_id).processing_status == "ended")
    return client.messages.batches.retrieve(batch_id)


def results(client: Anthropic, batch_id: str) -> dict[str, Any]:
    """Give the result of every request by its id; no id comes twice."""
    rows = list(client.messages.batches.results(batch_id))
    found = {row.custom_id: row.result for row in rows}
    assert len(found) == len(rows)
    return found


def counts(**given: int) -> dict[str, int]:
    return {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0, **given}
