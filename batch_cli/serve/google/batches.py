"""``batches``: create, look at, list, cancel, delete. What happens in between is the conductor's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.dialects.google_api import camel
from batch_cli.model import JsonObject
from batch_cli.serve.contents import NewContent
from batch_cli.serve.desk import Desk
from batch_cli.serve.google import inlined
from batch_cli.serve.google.files import RESULTS, find_file
from batch_cli.serve.google.objects import (
    answer,
    full,
    invalid,
    list_answer,
    not_found,
    object_at,
    operation,
    page_of,
    text_at,
)
from batch_cli.serve.google.proto import read_body, refuse_unknown
from batch_cli.serve.records import BatchRecord, FileRecord, NewBatch
from batch_cli.serve.refusal import Refusal

WINDOW = 2 * 86_400
"""Seconds after which a batch expires. Source: https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21)."""
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST_NAME = 512
_FIELDS = ("name", "model", "displayName", "inputConfig", "priority", "webhookConfig")
_PRIORITY = re.compile(r"-?\d{1,18}")
_LISTED, _MOST_LISTED = 50, 1_000


def routes(desk: Desk, wake: Callable[[], None], version: str) -> list[Route]:
    """Give the routes of a version of the API; ``wake`` tells the conductor that there is something to do."""
    contents = partial(_create, desk, wake, "generateContent")
    embeddings = partial(_create, desk, wake, "embedContent")
    return [
        Route(f"/{version}/models/{{model}}:batchGenerateContent", contents, methods=["POST"]),
        Route(f"/{version}/models/{{model}}:asyncBatchEmbedContent", embeddings, methods=["POST"]),
        Route(f"/{version}/batches/{{id}}:cancel", partial(_cancel, desk, wake), methods=["POST"]),
        Route(f"/{version}/batches", partial(_list, desk), methods=["GET"]),
        Route(f"/{version}/batches/{{id}}", partial(_get, desk), methods=["GET"]),
        Route(f"/{version}/batches/{{id}}", partial(_delete, desk), methods=["DELETE"]),
    ]


async def _create(desk: Desk, wake: Callable[[], None], method: str, request: Request) -> Response:
    model = model_of(request)
    body = await read_body(request)
    refuse_unknown(body, ("batch",), "")
    asked = camel(object_at(body, "batch", ""))
    refuse_unknown(asked, _FIELDS, "batch")
    details: JsonObject = {
        "model": model,
        "embeds": method == "embedContent",
        "displayName": _display_name(asked),
        "priority": _priority(asked),
    }
    config = camel(object_at(asked, "inputConfig", "batch."))
    refuse_unknown(config, ("fileName", "requests"), "batch.input_config")
    file_name = text_at(config, "fileName", "batch.input_config")
    if (file_name is None) == (config.get("requests") is None):
        raise invalid("Exactly one of file_name and requests must be set.", "batch.input_config")
    if file_name is not None:
        file = find_file(desk, file_name.removeprefix("files/"))
        details["inputConfig"] = {"fileName": file_name}
    else:
        requests = inlined.requests_of(config["requests"])
        lines = await asyncio.to_thread(inlined.checked_lines, requests, method)
        details["requests"] = len(requests)
        if sum(len(line) + 1 for line in lines) > desk.free():
            raise full()
        content = NewContent(desk.contents, desk.ids.new("file-"))
        file = await asyncio.to_thread(_bring_along, content, lines, desk.clock.now())
        desk.records.add_file(file)
    now = desk.clock.now()
    url = f"/v1beta/models/{model}:{method}"
    new = NewBatch(
        desk.ids.letters("batches/", 36),
        file.id,
        url,
        "48h",
        None,
        None,
        now,
        now + WINDOW,
        wire="google",
        details=details,
    )
    batch = desk.records.add_batch(new)
    wake()
    return answer(operation(batch, None, None))


def model_of(request: Request) -> str:
    """Give the model that an address names.

    Raises:
        Refusal: it cannot be the name of one.
    """
    model: str = request.path_params["model"]
    if not _MODEL.fullmatch(model):
        raise Refusal(
            404, f"models/{model[:64]} is not found for API version, or is not supported for this method."
        )
    return model


def _display_name(asked: JsonObject) -> str | None:
    name = text_at(asked, "displayName", "batch")
    if name is not None and len(name) > _LONGEST_NAME:
        raise invalid(f"display_name: at most {_LONGEST_NAME} characters.", "batch.display_name")
    return name


def _priority(asked: JsonObject) -> str | None:
    """Give the priority, which proto-JSON writes as text; it changes nothing here."""
    given = asked.get("priority")
    if given is None:
        return None
    if isinstance(given, bool) or not _PRIORITY.fullmatch(str(given)):
        raise invalid("Invalid value at 'batch.priority' (TYPE_INT64)", "batch.priority")
    return str(given)


def _bring_along(content: NewContent, lines: list[bytes], now: float) -> FileRecord:
    """Store the requests that came in the call itself, like a file that only this batch knows."""
    with content:
        for line in lines:
            content.write(line)
            content.write(b"\n")
        content.commit()
    return FileRecord(0, content.id, "inline", "", content.written, now, None, "google")


def _find(desk: Desk, request: Request) -> BatchRecord:
    batch = desk.records.batch(request.path_params["id"], wire="google")
    if batch is None:
        raise not_found()
    return batch


def _output(batch: BatchRecord) -> JsonObject | None:
    """Give where the answers of a batch are, if it has any and they are in a file."""
    if batch.status != "completed" or batch.output_file_id is None or _is_inline(batch):
        return None
    return {"responsesFile": f"files/{RESULTS}{batch.id}"}


def _is_inline(batch: BatchRecord) -> bool:
    return "inputConfig" not in (batch.details or {})


def _operation(desk: Desk, batch: BatchRecord) -> JsonObject:
    executed = None if batch.has_ended else desk.engine.find(batch.engine_key)
    return operation(batch, executed, _output(batch))


async def _get(desk: Desk, request: Request) -> Response:
    batch = _find(desk, request)
    if batch.status == "completed" and batch.output_file_id is not None and _is_inline(batch):
        paths = desk.contents.path(batch.output_file_id), desk.contents.path(batch.input_file_id)
        return inlined.answer(batch, *paths)
    return answer(_operation(desk, batch))


async def _list(desk: Desk, request: Request) -> Response:
    size, after = page_of(request, _LISTED, _MOST_LISTED)
    found = desk.records.batches(most=size + 1, after=after, wire="google")
    items = [_operation(desk, batch) for batch in found[:size]]
    return list_answer("operations", items, found[size - 1].seq if len(found) > size else None)


async def _cancel(desk: Desk, wake: Callable[[], None], request: Request) -> Response:
    """Ask for the end; one that has ended stays as it is, for nothing is promised here."""
    desk.records.cancel(_find(desk, request).id, desk.clock.now())
    wake()
    return answer({})


async def _delete(desk: Desk, request: Request) -> Response:
    batch = _find(desk, request)
    if not desk.records.delete_batch(batch.id, desk.clock.now()):
        raise Refusal(400, "The batch is still running: cancel it first.", kind="FAILED_PRECONDITION")
    for file_id in _own_files(batch):
        desk.records.delete_file(file_id)
        desk.contents.delete(file_id)
    return answer({})


def _own_files(batch: BatchRecord) -> Iterator[str]:
    """Give the files that end with a batch: what it brought along, and what came out."""
    if _is_inline(batch):
        yield batch.input_file_id
    if batch.output_file_id is not None:
        yield batch.output_file_id
