"""Answers as server-sent events: what was answered at once, cut into pieces as a model would have written it.

Chats and completions are chunks without a name, ended by ``[DONE]``; responses are typed events with a running
number, ended by the whole response. The pieces of one answer are always the same.
Source: openai-openapi 2.3.0, "Streaming" (2026-08-21); the order of the events as openai-python 3.52.0 expects it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from batch_cli.model import CHAT, COMPLETIONS, RESPONSES, JsonObject
from batch_cli.serve.pieces import cut, encode_event

STREAMED = (CHAT, COMPLETIONS, RESPONSES)
"""The endpoints whose answers may be streamed."""
_PIECE = 12
"""Characters of one piece: about three tokens."""


def stream(url: str, body: JsonObject, *, include_usage: bool) -> Iterator[bytes]:
    """Give the events that make up the answer ``body`` of an endpoint in `STREAMED`, ready to be sent."""
    if url == RESPONSES:
        for number, event in zip(count(), _response_events(body), strict=False):
            yield encode_event({**event, "sequence_number": number}, event["type"])
        return
    choices = _chat_choices if url == CHAT else _completion_choices
    for chunk in _chunks(url, body, choices, include_usage=include_usage):
        yield encode_event(chunk)
    yield b"data: [DONE]\n\n"


def _chunks(
    url: str,
    body: JsonObject,
    choices: Callable[[JsonObject], Iterator[JsonObject]],
    *,
    include_usage: bool,
) -> Iterator[JsonObject]:
    """Give the chunks; where usage was asked for, all have it, and all but an additional last one have it null."""
    head = {name: body[name] for name in ("id", "object", "created", "model", "system_fingerprint")}
    if url == CHAT:
        head["object"] = "chat.completion.chunk"
    usage = {"usage": None} if include_usage else {}
    for choice in body["choices"]:
        for part in choices(choice):
            yield {**head, "choices": [{"index": choice["index"], "logprobs": None, **part}], **usage}
    if include_usage:
        yield {**head, "choices": [], "usage": body["usage"]}


def _chat_choices(choice: JsonObject) -> Iterator[JsonObject]:
    for delta in _deltas(choice["message"]):
        yield {"delta": delta, "finish_reason": None}
    yield {"delta": {}, "finish_reason": choice["finish_reason"]}


def _deltas(message: JsonObject) -> Iterator[JsonObject]:
    content = message["content"]
    yield {"role": message["role"], "content": None if content is None else "", "refusal": message["refusal"]}
    for piece in cut(content or "", _PIECE):
        yield {"content": piece}
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        start = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [start]}
        for piece in cut(function["arguments"], _PIECE):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _completion_choices(choice: JsonObject) -> Iterator[JsonObject]:
    """Give the texts; the reason is null before the end, as live answers have it and the published type has not."""
    for piece in cut(choice["text"], _PIECE):
        yield {"text": piece, "finish_reason": None}
    yield {"text": "", "finish_reason": choice["finish_reason"]}


def _response_events(body: JsonObject) -> Iterator[JsonObject]:
    begun = {**body, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(body["output"]):
        started = {**item, "status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": index, "item": started}
        for at, part in enumerate(item["content"]):
            place = {"item_id": item["id"], "output_index": index, "content_index": at}
            yield from _part_events(part, place)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{body['status']}", "response": body}


def _part_events(part: JsonObject, place: JsonObject) -> Iterator[JsonObject]:
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in cut(part["text"], _PIECE):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}
