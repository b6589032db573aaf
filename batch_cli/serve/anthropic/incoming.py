"""The requests of a new batch: a body of up to 256 MB becomes a stored file of the engine's lines.

The body goes to disk while it comes, and is then taken apart in a thread, so that neither its size nor its depth
costs the others more than their share of the processor.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from starlette.requests import Request

from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import MESSAGES, JsonObject
from batch_cli.serve.anthropic.elements import BadBody, BodyTooLarge, elements
from batch_cli.serve.bodies import MOST_JSON_BYTES, read_chunks, require_json
from batch_cli.serve.contents import NewContent
from batch_cli.serve.desk import Desk
from batch_cli.serve.refusal import Refusal

_MOST_BYTES = 256_000_000
_MOST_REQUESTS = 100_000
"""Source: platform.claude.com, "Batch processing" (read 2026-11-21)."""
_LONGEST_ID = 64
_ID = re.compile(r"[a-zA-Z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Incoming:
    """What was stored: a content that is on disk, and that nobody knows yet."""

    content_id: str
    bytes: int
    requests: int


async def receive(desk: Desk, request: Request) -> Incoming:
    """Store the requests of a body. Faults of the envelope are refused here, those of a request's parameters never.

    Raises:
        Refusal: the body is not what it should be, or there is no room for it.
    """
    require_json(request)
    room = desk.room()
    with ExitStack() as stack:
        body = stack.enter_context(NewContent(desk.contents, desk.ids.new("body-")))
        stack.callback(lambda: _leave(desk, body))
        async for chunk in read_chunks(request, min(_MOST_BYTES, desk.config.max_body)):
            if desk.arriving + 2 * len(chunk) > room:
                raise Refusal(413, "the storage of this server is full; delete batches")
            body.write(chunk)
            desk.arriving += 2 * len(chunk)  # for a moment the body and its lines stand side by side
        source = stack.enter_context(body.reread())
        lines = NewContent(desk.contents, desk.ids.new("file-"))
        return await asyncio.to_thread(_store, source, lines)


def _leave(desk: Desk, body: NewContent) -> None:
    desk.arriving -= 2 * body.written


def _store(source: BinaryIO, lines: NewContent) -> Incoming:
    """Write the lines; all of it in one thread, so that no other can close the file meanwhile."""
    count = 0
    known: set[str] = set()
    with lines:
        try:
            for raw in elements(source, "requests", most_bytes=MOST_JSON_BYTES):
                if count == _MOST_REQUESTS:
                    message = f"requests: List should have at most {_MOST_REQUESTS} items"
                    raise Refusal(400, message)
                lines.write(_line(loads_exactly(raw), count, known))
                lines.write(b"\n")
                count += 1
        except BodyTooLarge as error:
            raise Refusal(413, str(error)) from error
        except BadBody as error:
            raise Refusal(400, str(error)) from error
        if not count:
            raise Refusal(400, "requests: List should have at least 1 item after validation, not 0")
        lines.commit()
    return Incoming(lines.id, lines.written, count)


def _line(element: object, position: int, known: set[str]) -> bytes:
    """Check the envelope of one request and write it as a line of the engine.

    Raises:
        Refusal: it is wrong. Source of the words: a live capture that a public research note quotes (2026-09-02).
    """
    here = f"requests.{position}"
    if not isinstance(element, dict):
        raise Refusal(400, f"{here}: Input should be a valid dictionary")
    custom_id = _id_of(element, f"{here}.custom_id")
    if custom_id in known:
        rule = "custom_id's must be unique within a batch"
        raise Refusal(400, f"requests: {rule}. Duplicate custom_id found: {custom_id}")
    known.add(custom_id)
    if "params" not in element:
        raise Refusal(400, f"{here}.params: Field required")
    if not isinstance(element["params"], dict):
        raise Refusal(400, f"{here}.params: Input should be a valid dictionary")
    line = {"custom_id": custom_id, "method": "POST", "url": MESSAGES, "body": element["params"]}
    return dumps_exactly(line)


def _id_of(element: JsonObject, path: str) -> str:
    if "custom_id" not in element:
        raise Refusal(400, f"{path}: Field required")
    custom_id = element["custom_id"]
    if not isinstance(custom_id, str):
        raise Refusal(400, f"{path}: Input should be a valid string")
    if not custom_id:
        raise Refusal(400, f"{path}: String should have at least 1 character")
    if len(custom_id) > _LONGEST_ID:
        raise Refusal(400, f"{path}: String should have at most {_LONGEST_ID} characters")
    if not _ID.fullmatch(custom_id):
        raise Refusal(400, f"{path}: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    return custom_id
