"""Requests that a batch brings along, and their answers: in the order of the requests, with the metadata of each."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from batch_cli.dialects.google_api import camel
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.google.objects import invalid, operation
from batch_cli.serve.google.proto import refuse_unknown
from batch_cli.serve.records import BatchRecord

_HERE = "batch.input_config.requests"
_PIECE = 1 << 18


def requests_of(given: JsonValue) -> list[JsonObject]:
    """Give the requests of an ``inputConfig``.

    Raises:
        Refusal: they are not a list of objects with a request each, or there is none.
    """
    holder = camel(given) if isinstance(given, dict) else {}
    refuse_unknown(holder, ("requests",), _HERE)
    items = holder.get("requests")
    if not isinstance(items, list) or not items:
        raise invalid("The batch needs at least one request: requests.requests[].", _HERE)
    made = []
    for at, item in enumerate(items):
        place = f"{_HERE}.requests[{at}]"
        if not isinstance(item, dict):
            raise invalid(f"Invalid value at '{place}', expected an object", place)
        refuse_unknown(item, ("request", "metadata"), place)
        if not isinstance(item.get("request"), dict) or not isinstance(item.get("metadata", {}), dict):
            raise invalid(f"Invalid value at '{place}': request and metadata must be objects", place)
        made.append(item)
    return made


def checked_lines(items: list[JsonObject], method: str) -> list[bytes]:
    """Give a line for each request, as a file would hold it: its key is its place. For a thread: this computes.

    Raises:
        Refusal: a request breaks the rules that a request file is held to.
    """
    from batch_cli.errors import Severity  # noqa: PLC0415 - with the rules
    from batch_cli.serve.google.batch_wire import findings  # noqa: PLC0415 - 100 ms; not before the server is ready

    lines = []
    for at, item in enumerate(items):
        line = {"key": str(at), **item}
        for found in findings(line, method):
            if found.severity is Severity.ERROR:
                place = f"{_HERE}.requests[{at}]"
                raise invalid(f"{place}: {found.message}", place)
        lines.append(dumps(line))
    return lines


def answer(batch: BatchRecord, output: Path, source: Path) -> Response:
    """Answer with an operation that holds all answers; they are read while they are sent.

    They stand in it twice, as the live API has it: in the metadata and in the response. The answers of embeddings
    are called ``inlinedResponses`` by the live API (googleapis/go-genai#712) and ``inlinedEmbedContentResponses``
    by google-genai 3.4.0 (both read 2026-11-21): here they have both names.
    """
    mark = secrets.token_hex(16)
    names = ["inlinedResponses"]
    if (batch.details or {})["embeds"]:
        names.append("inlinedEmbedContentResponses")
    given: JsonObject = {name: {"inlinedResponses": mark} for name in names}
    frame = dumps(operation(batch, None, given)).split(f'"{mark}"'.encode())
    return StreamingResponse(_pieces(frame, output, source), media_type="application/json; charset=UTF-8")


def _pieces(frame: list[bytes], output: Path, source: Path) -> Iterator[bytes]:
    for part in frame[:-1]:
        yield part + b"["
        yield from _members(output, source)
        yield b"]"
    yield frame[-1]


def _members(output: Path, source: Path) -> Iterator[bytes]:
    """Give the answers as members of an array, in pieces that are worth sending; each finds its request by its key.

    A scenario may have left out answers, doubled them or changed their order. One that it tore apart cannot stand
    within JSON, and is left out.
    """
    piece, comma = bytearray(), b""
    with output.open("rb") as rows, source.open("rb") as asked:
        starts = array("Q", accumulate((len(line) for line in asked), initial=0))
        for row in rows:
            if not row.endswith(b"\n"):
                break
            made = loads(row)
            asked.seek(starts[int(made.pop("key"))])
            metadata = loads(asked.readline()).get("metadata")
            if metadata is not None:
                made["metadata"] = metadata
            piece += comma + dumps(made)
            comma = b","
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
    yield bytes(piece)
