"""Answers that are sent in pieces, as a model writes them: what was answered at once, cut up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from starlette.responses import Response, StreamingResponse

from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject

_EVENTS = "text/event-stream"


def cut(text: str, size: int) -> Iterator[str]:
    """Cut a text into pieces of ``size`` characters; an empty one has none."""
    return (text[at : at + size] for at in range(0, len(text), size))


def encode_event(data: JsonObject, name: str | None = None) -> bytes:
    """Write one server-sent event.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (read 2026-11-21).
    """
    head = b"" if name is None else b"event: %b\n" % name.encode()
    return b"%bdata: %b\n\n" % (head, dumps(data))


def streamed(pieces: Iterable[bytes], media_type: str = _EVENTS) -> Response:
    """Answer with pieces, each sent as it is given; to give one must take no time, for nobody is served meanwhile."""
    return StreamingResponse(
        _one_by_one(pieces), media_type=media_type, headers={"cache-control": "no-cache"}
    )


async def _one_by_one(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
