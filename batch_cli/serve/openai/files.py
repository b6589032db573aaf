"""``/v1/files``: upload, list, look at, download, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.serve.desk import Desk
from batch_cli.serve.download import download
from batch_cli.serve.openai.line_check import check_lines
from batch_cli.serve.openai.objects import answer, file_object, limit_of, page, stay_of
from batch_cli.serve.records import FileRecord
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.upload import Upload

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_MOST_LISTED = 10_000
_BATCH_STAY = 30 * 86_400
"""How long an input file of a batch stays where nothing else was asked for.

Source: openai-openapi 2.3.0, "Upload file" (2026-08-21).
"""


def routes(desk: Desk) -> list[Route]:
    """Give the routes."""
    return [
        Route("/v1/files", partial(_upload, desk), methods=["POST"]),
        Route("/v1/files", partial(_list, desk), methods=["GET"]),
        Route("/v1/files/{id}", partial(_retrieve, desk), methods=["GET"]),
        Route("/v1/files/{id}", partial(_delete, desk), methods=["DELETE"]),
        Route("/v1/files/{id}/content", partial(_content, desk), methods=["GET"]),
    ]


async def _upload(desk: Desk, request: Request) -> Response:
    with Upload(desk) as upload:
        await upload.receive(request)
        purpose, stay = _asked(upload)
        await upload.keep()
        await _look_at_lines(desk, purpose, upload.content.id)
        now = desk.clock.now()
        expires_at = None if stay is None else now + stay
        content = upload.content
        file = FileRecord(0, content.id, purpose, upload.filename or "", content.written, now, expires_at)
        desk.records.add_file(file)
    return answer(file_object(file, desk.config.flavour))


async def _look_at_lines(desk: Desk, purpose: str, content_id: str) -> None:
    """Refuse the input file of a batch that is none, where servers of this flavour look at it."""
    if not desk.config.flavour.checks_lines or purpose != "batch":
        return
    try:
        await asyncio.to_thread(check_lines, desk.contents.path(content_id))
    except Refusal:
        desk.contents.delete(content_id)
        raise


def _asked(upload: Upload) -> tuple[str, int | None]:
    """Give purpose and stay of an upload that is complete."""
    if upload.filename is None:
        raise Refusal(400, "'file' is a required property: a part with a filename", param="file")
    purpose = upload.fields.get("purpose")
    if purpose is None:
        raise Refusal(400, "'purpose' is a required property", param="purpose")
    check_purpose(purpose, upload.filename, param="file")
    if not upload.content.written:
        raise Refusal(400, "The file is empty.", param="file")
    stay = stay_of(_either(upload.fields, "anchor"), _either(upload.fields, "seconds"), "expires_after")
    return purpose, default_stay(purpose) if stay is None else stay


def check_purpose(purpose: str, filename: str, *, param: str) -> None:
    """Check what a file is for; ``param`` is the field with its name.

    Raises:
        Refusal: there is no such purpose, or the file is none for it.
    """
    if purpose not in _PURPOSES:
        message = f"Invalid 'purpose': expected one of {', '.join(_PURPOSES)}."
        raise Refusal(400, message, param="purpose")
    if purpose == "batch" and not filename.endswith(".jsonl"):
        # Source: BerriAI/litellm#37527 (read 2026-11-21).
        raise Refusal(400, "Invalid file format for Batch API. Must be .jsonl", param=param)


def default_stay(purpose: str) -> int | None:
    """Give how many seconds a file stays where nothing was asked for; None: until it is deleted."""
    return _BATCH_STAY if purpose == "batch" else None


def _either(fields: Mapping[str, str], name: str) -> str | None:
    """Give a member of ``expires_after`` in either of the two notations that clients use."""
    return fields.get(f"expires_after[{name}]", fields.get(f"expires_after.{name}"))


def find_file(desk: Desk, file_id: str) -> FileRecord:
    """Give a file that is there, by the id that a client sent.

    Raises:
        Refusal: it is not (404).
    """
    file = desk.records.file(desk.config.flavour.from_client(file_id), desk.clock.now())
    if file is None:
        raise Refusal(404, f"No such File object: {file_id[:64]}", param="id")
    return file


async def _list(desk: Desk, request: Request) -> Response:
    asked = request.query_params
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        raise Refusal(400, "Invalid 'order': expected 'asc' or 'desc'.", param="order")
    limit = limit_of(asked.get("limit"), _MOST_LISTED, _MOST_LISTED)
    after = find_file(desk, asked["after"]).seq if "after" in asked else None
    found = desk.records.files(
        desk.clock.now(),
        most=limit + 1,
        after=after,
        purpose=asked.get("purpose"),
        newest_first=order == "desc",
    )
    return answer(
        page([file_object(file, desk.config.flavour) for file in found[:limit]], has_more=len(found) > limit)
    )


async def _retrieve(desk: Desk, request: Request) -> Response:
    return answer(file_object(find_file(desk, request.path_params["id"]), desk.config.flavour))


async def _delete(desk: Desk, request: Request) -> Response:
    file = find_file(desk, request.path_params["id"])
    desk.records.delete_file(file.id)
    desk.contents.delete(file.id)
    return answer({"id": request.path_params["id"], "object": "file", "deleted": True})


async def _content(desk: Desk, request: Request) -> Response:
    file = find_file(desk, request.path_params["id"])
    return download(request, desk.contents.path(file.id), file.id)
