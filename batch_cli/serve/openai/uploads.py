"""``/v1/uploads``: a file that comes in parts, in any order, and is put together when it is complete.

What a wrong upload is refused with is not published; 400 is what the files of this wire are refused with, too.
Source: openai-openapi 2.3.0, "Uploads" (2026-08-21).
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.model import JsonObject
from batch_cli.serve.bodies import read_json
from batch_cli.serve.contents import NewContent
from batch_cli.serve.desk import Desk
from batch_cli.serve.openai.files import check_purpose, default_stay
from batch_cli.serve.openai.objects import answer, file_object, part_object, stay_in, upload_object
from batch_cli.serve.records import FileRecord
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.upload import Upload
from batch_cli.serve.upload_records import PartRecord, UploadRecord

_MOST_PART_BYTES = 64 * 1024 * 1024
_LIFETIME = 3_600
"""Seconds after which an upload that was not completed is gone."""
_LONGEST_NAME = 256
_CHUNK = 1 << 20


def routes(desk: Desk) -> list[Route]:
    """Give the routes."""
    return [
        Route("/v1/uploads", partial(_create, desk), methods=["POST"]),
        Route("/v1/uploads/{id}/parts", partial(_add_part, desk), methods=["POST"]),
        Route("/v1/uploads/{id}/complete", partial(_complete, desk), methods=["POST"]),
        Route("/v1/uploads/{id}/cancel", partial(_cancel, desk), methods=["POST"]),
    ]


async def _create(desk: Desk, request: Request) -> Response:
    upload = _new_upload(desk, await read_json(request))
    desk.uploads.add(upload)
    return answer(upload_object(upload))


def _new_upload(desk: Desk, body: JsonObject) -> UploadRecord:
    filename, purpose = _text(body, "filename"), _text(body, "purpose")
    _text(body, "mime_type")
    size = _required(body, "bytes")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise Refusal(400, "Invalid 'bytes': expected a positive integer.", param="bytes")
    if size > desk.config.max_body:
        message = f"the file is too large: {desk.config.max_body:,} bytes are allowed"
        raise Refusal(413, message, param="bytes", code="file_too_large")
    if len(filename.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
        raise Refusal(
            400, f"Invalid 'filename': at most {_LONGEST_NAME} bytes are allowed.", param="filename"
        )
    check_purpose(purpose, filename, param="filename")
    stay = stay_in(body.get("expires_after"), "expires_after")
    stay = default_stay(purpose) if stay is None else stay
    now = desk.clock.now()
    return UploadRecord(
        desk.ids.new("upload_"), "pending", filename, purpose, size, stay, now, now + _LIFETIME
    )


def _required(body: JsonObject, name: str) -> Any:
    if name not in body:
        message = f"Missing required parameter: '{name}'."
        raise Refusal(400, message, param=name, code="missing_required_parameter")
    return body[name]


def _text(body: JsonObject, name: str) -> str:
    value = _required(body, name)
    if not isinstance(value, str) or not value:
        message = f"Invalid type for '{name}': expected a non-empty string."
        raise Refusal(400, message, param=name, code="invalid_type")
    return value


def _pending(desk: Desk, upload_id: str) -> UploadRecord:
    """Give an upload that may still be changed.

    Raises:
        Refusal: there is none (404), or it has ended (400).
    """
    upload = desk.uploads.find(upload_id, desk.clock.now())
    if upload is None:
        raise Refusal(404, f"No such Upload object: {upload_id[:64]}", param="upload_id")
    if upload.status != "pending":
        raise _over(upload.status)
    return upload


def _over(status: str) -> Refusal:
    message = f"The upload is not pending any more: it is {status}."
    return Refusal(400, message, param="upload_id", code="invalid_status")


async def _add_part(desk: Desk, request: Request) -> Response:
    upload = _pending(desk, request.path_params["id"])
    with Upload(desk, file_field="data", prefix="part_", most=_MOST_PART_BYTES) as body:
        await body.receive(request)
        if not body.content.written:
            message = "'data' is a required property: a part with a filename, and at least a byte"
            raise Refusal(400, message, param="data")
        await body.keep()
        part = PartRecord(body.content.id, upload.id, body.content.written, desk.clock.now())
        if not desk.uploads.add_part(part):
            desk.contents.delete(part.id)
            raise _over("ended")
    return answer(part_object(part))


async def _complete(desk: Desk, request: Request) -> Response:
    body = await read_json(request)
    upload = _pending(desk, request.path_params["id"])  # now: while the body came, another may have ended it
    parts, wanted = _named_parts(desk, upload, body), body.get("md5")
    if wanted is not None and not isinstance(wanted, str):
        raise Refusal(400, "Invalid type for 'md5': expected a string.", param="md5", code="invalid_type")
    with NewContent(desk.contents, desk.ids.new("file-")) as content:
        try:
            found = await asyncio.to_thread(_join, [desk.contents.path(part) for part in parts], content)
        except FileNotFoundError as error:  # it ended meanwhile
            raise _over("ended") from error
        if wanted is not None and wanted.lower() != found:
            raise Refusal(400, f"The md5 of what came is {found}.", param="md5", code="checksum_mismatch")
        await asyncio.to_thread(content.commit)
    return answer(_become_file(desk, upload, content))


def _named_parts(desk: Desk, upload: UploadRecord, body: JsonObject) -> list[str]:
    """Give the ids of the parts in the order they were named; together they are as long as was announced."""
    named = _required(body, "part_ids")
    if not isinstance(named, list) or not named or not all(isinstance(part, str) for part in named):
        message = "Invalid type for 'part_ids': expected a non-empty array of strings."
        raise Refusal(400, message, param="part_ids", code="invalid_type")
    sizes = desk.uploads.part_sizes(upload.id)
    unknown = next((part for part in named if part not in sizes), None)
    if unknown is not None:
        raise Refusal(400, f"The upload has no part '{unknown[:64]}'.", param="part_ids")
    came = sum(sizes[part] for part in named)
    if came != upload.bytes:
        message = f"The parts have {came:,} bytes together, but {upload.bytes:,} were announced."
        raise Refusal(400, message, param="part_ids", code="bytes_mismatch")
    return named


def _join(parts: list[Path], content: NewContent) -> str:
    """Copy the parts one after the other, and give the md5 of all, in hex.

    Raises:
        FileNotFoundError: a part is gone.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        with part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                content.write(chunk)
    return digest.hexdigest()


def _become_file(desk: Desk, upload: UploadRecord, content: NewContent) -> JsonObject:
    now = desk.clock.now()
    expires_at = None if upload.stay is None else now + upload.stay
    file = FileRecord(0, content.id, upload.purpose, upload.filename, content.written, now, expires_at)
    parts = desk.uploads.complete(upload.id, file, now)
    if parts is None:
        desk.contents.delete(file.id)
        raise _over("ended")
    for part in parts:
        desk.contents.delete(part)
    return upload_object(replace(upload, status="completed"), file_object(file, desk.config.flavour))


async def _cancel(desk: Desk, request: Request) -> Response:
    upload = _pending(desk, request.path_params["id"])
    for part in desk.uploads.cancel(upload.id, desk.clock.now()) or ():
        desk.contents.delete(part)
    return answer(upload_object(replace(upload, status="cancelled")))
