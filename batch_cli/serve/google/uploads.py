"""``upload``: files that arrive piece by piece. The bytes go to disk as they come, and are synced before an answer.

    start                                  ─▶ 200, x-goog-upload-url: where the bytes go
    upload | upload, finalize | query | cancel  ─▶ 200, x-goog-upload-status: active, final or cancelled

Source: google-genai 3.4.0 (seen 2026-11-21), https://ai.google.dev/gemini-api/docs/files (read 2026-11-21).
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import defaultdict
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.dialects.google_api import camel
from batch_cli.files import fsync, write_all
from batch_cli.serve.bodies import read_chunks
from batch_cli.serve.desk import Desk
from batch_cli.serve.google.files import UPLOADED, check_id
from batch_cli.serve.google.objects import (
    STORED,
    answer,
    file_object,
    full,
    host_of,
    invalid,
    object_at,
    text_at,
)
from batch_cli.serve.google.proto import read_body, refuse_unknown
from batch_cli.serve.google.sessions import STAY, Session, Sessions
from batch_cli.serve.records import FileRecord
from batch_cli.serve.refusal import Refusal

MOST_BYTES = 2 << 30
"""Bytes of one file. Source: https://ai.google.dev/gemini-api/docs/files (read 2026-11-21)."""
_MOST_SESSIONS = 1_000
_LONGEST_NAME = 512
_GRANULARITY = 256 << 10
_FIELDS = ("name", "displayName", "mimeType", "sizeBytes", "uri", "source", "state", "sha256Hash")
_COMMANDS = {"upload", "finalize", "query", "cancel"}
_STATUS, _RECEIVED = "x-goog-upload-status", "x-goog-upload-size-received"


def routes(uploads: Uploads, version: str) -> list[Route]:
    """Give the routes of a version of the API."""
    return [Route(f"/upload/{version}/files", partial(uploads.serve, version), methods=["POST", "PUT"])]


class Uploads:
    """All uploads of a server; each takes one request after the other."""

    def __init__(self, desk: Desk) -> None:
        """Go on with the uploads that are on disk: what they hold takes room like any other bytes."""
        self._desk = desk
        self._sessions = Sessions(desk.config.data_dir)
        self._open = self._held = 0
        self._swept_at = 0.0
        self._sweep(desk.clock.now())
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def serve(self, version: str, request: Request) -> Response:
        """Begin an upload, or go on with the one that the address names."""
        session_id = request.query_params.get("upload_id")
        if session_id:
            return await self._continue(session_id, request)
        if request.headers.get("x-goog-upload-protocol", "").lower() != "resumable":
            message = "Only the resumable protocol is served: send X-Goog-Upload-Protocol: resumable."
            raise Refusal(501, message)
        if request.headers.get("x-goog-upload-command", "").strip().lower() != "start":
            raise invalid("The first command of an upload is X-Goog-Upload-Command: start.")
        session = await self._begin(request)
        url = f"{host_of(request)}/upload/{version}/files?upload_id={session.id}&upload_protocol=resumable"
        headers = {
            "x-goog-upload-url": url,
            "x-goog-upload-control-url": url,
            "x-goog-upload-chunk-granularity": str(_GRANULARITY),
            _STATUS: "active",
        }
        return Response(b"", headers=headers)

    async def _begin(self, request: Request) -> Session:
        body = await read_body(request)
        refuse_unknown(body, ("file",), "")
        file = camel(object_at(body, "file", ""))
        refuse_unknown(file, _FIELDS, "file")
        headers = request.headers
        size = _size_of(headers.get("x-goog-upload-header-content-length"))
        if size is not None and size > self._most:
            raise invalid(f"The file is too large: {self._most:,} bytes are allowed.")
        display_name = text_at(file, "displayName", "file") or ""
        if len(display_name) > _LONGEST_NAME:
            raise invalid(f"* CreateFileRequest.file.display_name: at most {_LONGEST_NAME} characters.\n")
        mime_type = text_at(file, "mimeType", "file") or headers.get("x-goog-upload-header-content-type")
        now = self._desk.clock.now()
        session = Session(
            secrets.token_hex(16),
            STORED + self._name_of(text_at(file, "name", "file")),
            display_name,
            mime_type or "application/octet-stream",
            size,
            now,
        )
        if self._open >= _MOST_SESSIONS or now > self._swept_at + STAY:
            self._sweep(now)
        if self._open >= _MOST_SESSIONS:
            raise Refusal(429, f"{_MOST_SESSIONS:,} uploads are on their way; finish or cancel some.")
        await asyncio.to_thread(self._sessions.begin, session)
        self._open += 1
        return session

    def _sweep(self, now: float) -> None:
        """Forget the uploads whose time is over."""
        self._open, held = self._sessions.sweep(now)
        self._hold(held - self._held)
        self._swept_at = now

    def _hold(self, size: int) -> None:
        """Count bytes that the uploads hold."""
        self._held += size
        self._desk.arriving += size

    def _let_go(self, session: Session, size: int) -> None:
        """Count an upload that is over."""
        self._open -= 1
        self._hold(-size)
        self._locks.pop(session.id, None)

    @property
    def _most(self) -> int:
        return min(MOST_BYTES, self._desk.config.max_body)

    def _name_of(self, given: str | None) -> str:
        if given is None:
            return self._desk.ids.letters("files/", 12)
        file_id = given.removeprefix("files/")
        check_id(file_id, "CreateFileRequest.file.name")
        self._refuse_taken(STORED + file_id)
        return file_id

    def _refuse_taken(self, file_id: str) -> None:
        if self._desk.records.file(file_id, 0, wire="google") is not None:  # or expired, and not yet removed
            raise Refusal(409, f"File {file_id.removeprefix(STORED)} already exists.")

    async def _continue(self, session_id: str, request: Request) -> Response:
        commands = {
            word.strip().lower() for word in request.headers.get("x-goog-upload-command", "").split(",")
        }
        if not commands or not commands <= _COMMANDS:
            raise invalid("X-Goog-Upload-Command must be upload, finalize, query or cancel.")
        async with self._locks[session_id]:
            session = self._sessions.find(session_id, self._desk.clock.now())
            if session is not None and (file := self._complete(session)) is not None:
                return _final(file, request)
            if session is None or not self._sessions.is_open(session):
                self._locks.pop(session_id, None)
                raise Refusal(404, "Requested entity was not found.", headers={_STATUS: "final"})
            if "cancel" in commands:
                size = self._sessions.received(session)
                self._sessions.drop(session)
                self._let_go(session, size)
                return Response(b"", headers={_STATUS: "cancelled"})
            if "upload" in commands:
                await self._receive(session, request)
            if "finalize" in commands:
                return _final(await self._finish(session), request)
            return Response(
                b"", headers={_STATUS: "active", _RECEIVED: str(self._sessions.received(session))}
            )

    def _complete(self, session: Session) -> FileRecord | None:
        """Give the file that an upload has become; a client that lost the last answer sends its request again."""
        file = self._desk.records.file(session.file_id, self._desk.clock.now(), wire="google")
        return file if file is not None and (file.details or {}).get("session") == session.id else None

    async def _receive(self, session: Session, request: Request) -> None:
        """Write what comes to its place, which is not behind the end; bytes that are there already may come again."""
        received = self._sessions.received(session)
        offset = _size_of(request.headers.get("x-goog-upload-offset"))
        if offset is None or offset > received:
            message = f"X-Goog-Upload-Offset must be at most {received}, the bytes that were received."
            raise Refusal(400, message, headers={_RECEIVED: str(received)})
        most = self._most if session.size is None else min(session.size, self._most)
        descriptor = self._sessions.open(session)
        try:
            os.lseek(descriptor, offset, os.SEEK_SET)
            async for chunk in read_chunks(request, most - offset):
                offset += len(chunk)
                grown = max(offset - received, 0)
                if grown and self._desk.free() < grown:
                    raise full()
                write_all(descriptor, chunk)
                self._hold(grown)
                received += grown
            await asyncio.to_thread(fsync, descriptor)
        finally:
            os.close(descriptor)

    async def _finish(self, session: Session) -> FileRecord:
        received = self._sessions.received(session)
        if session.size is not None and received != session.size:
            message = f"{session.size} bytes were announced, {received} have come."
            raise Refusal(400, message, headers={_RECEIVED: str(received)})
        self._refuse_taken(session.file_id)
        target = self._desk.contents.path(session.file_id)
        digest = await asyncio.to_thread(self._sessions.settle, session, target)
        now = self._desk.clock.now()
        details = {"mimeType": session.mime_type, "sha256Hash": digest, "session": session.id}
        file = FileRecord(
            0, session.file_id, UPLOADED, session.display_name, received, now, now + STAY, "google", details
        )
        self._desk.records.add_file(file)
        self._sessions.close(session)
        self._let_go(session, received)
        return file


def _final(file: FileRecord, request: Request) -> Response:
    response = answer({"file": file_object(file, host_of(request))})
    response.headers.update({_STATUS: "final", _RECEIVED: str(file.bytes)})
    return response


def _size_of(given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isascii() or not given.isdigit():
        raise invalid(f"{given[:32]!r} is no number of bytes.")
    return int(given[:18])
