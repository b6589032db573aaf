"""A message as the events of a stream.

Source: anthropic-sdk-python 2.12.0, ``types/raw_message_stream_event.py``; platform.claude.com, "Streaming" (2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject
from batch_cli.serve.pieces import cut, encode_event

_PIECE = 24
"""Characters in one delta."""


def events(message: JsonObject) -> Iterator[bytes]:
    """Give the server-sent events of a whole message, in order."""
    usage = message["usage"]
    begun = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": min(1, usage["output_tokens"])},
    }
    yield _event("message_start", {"message": begun})
    for index, block in enumerate(message["content"]):
        yield _event("content_block_start", {"index": index, "content_block": _empty(block)})
        yield _event("ping", {})
        for delta in _deltas(block):
            yield _event("content_block_delta", {"index": index, "delta": delta})
        yield _event("content_block_stop", {"index": index})
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    counts = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    yield _event("message_delta", {"delta": delta, "usage": counts})
    yield _event("message_stop", {})


def _empty(block: JsonObject) -> JsonObject:
    """Give a block as it begins."""
    return {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}


def _deltas(block: JsonObject) -> Iterator[JsonObject]:
    if block["type"] == "text":
        for piece in cut(block["text"], _PIECE):
            yield {"type": "text_delta", "text": piece}
        return
    yield {"type": "input_json_delta", "partial_json": ""}
    for piece in cut(dumps(block["input"]).decode(), _PIECE):
        yield {"type": "input_json_delta", "partial_json": piece}


def _event(name: str, data: JsonObject) -> bytes:
    return encode_event({"type": name, **data}, name)
