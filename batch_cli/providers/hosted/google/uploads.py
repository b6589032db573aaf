"""Uploads that can be gone on with after a break, under a name of our own, so that a file is never there twice.

    start ─▶ an address ─▶ upload … upload, finalize, of 8 MiB each ─▶ the file, once it is active
                             └▶ after a break: query how much has come, and go on there

Source: google-genai 3.4.0 (seen 2026-11-21), https://ai.google.dev/gemini-api/docs/files (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from batch_cli.clock import Clock
from batch_cli.errors import Rejected, Temporary
from batch_cli.events import Listener, Note, Phase, Progress
from batch_cli.httpclient.client import Reply, Sent
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.outcome import NoAnswer
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.model import JsonObject, object_of
from batch_cli.providers.hosted.google.api import GoogleApi
from batch_cli.providers.hosted.multipart import joined
from batch_cli.providers.hosted.objects import read_count

MIME_TYPE = "application/jsonl"
CHUNK = 8 << 20
"""Bytes of all chunks but the last; the official client's size, a multiple of Google's 256 KiB."""
_TRIES = 5
"""In a row without one more byte; and whole uploads."""
_NOT_THERE = (403, 404)
"""A file that is not there is not told from somebody else's: googleapis/python-genai#1218 (read 2026-11-21)."""
_PASSING = (408, 425, 429)
_LONGEST_WAIT = 600.0
_STATUS, _RECEIVED = "x-goog-upload-status", "x-goog-upload-size-received"


class _Broken(Exception):
    """An upload cannot be gone on with; the file may be there all the same."""


class _Chunk(NamedTuple):
    offset: int
    data: bytes
    is_last: bool


class Uploads:
    """Brings files to the Files API. Memory: two chunks."""

    def __init__(self, api: GoogleApi, clock: Clock, say: Listener) -> None:
        """Speak to ``api``; nobody is called yet."""
        self._api, self._clock, self._say = api, clock, say

    def store(self, name: str, lines: Callable[[], Iterable[bytes]], size: int) -> bool:
        """Store lines, ``size`` bytes with their ends, as the file ``name``; one that is there already is taken.

        Tells whether it read the lines to their end.

        Raises:
            Temporary: it could not be brought there; again: starts anew.
            Rejected, ConfigError: it was refused.
        """
        why, is_read = "", False
        for _ in range(_TRIES):
            try:
                session = self._begin(name, size)
                if session is not None:
                    self._send(session, lines, size)
                    is_read = True
            except _Broken as error:
                why = str(error)
                self._say(Note(f"the upload broke off ({why}); looking for the file", detail=True))
            if self.is_there(name, size):
                return is_read
            self._clock.sleep(self._api.http.pause * 4)
        raise self._api.http.given_up(why or "the uploaded file does not appear")

    def _begin(self, name: str, size: int) -> str | None:
        """Ask for an address to send the bytes to; None: a file of this name is there."""
        file = {"name": name, "mime_type": MIME_TYPE, "size_bytes": size}
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(size),
            "x-goog-upload-header-content-type": MIME_TYPE,
            "x-goog-upload-file-name": f"{name.removeprefix('files/')}.jsonl",
        }
        sent = Sent.json("POST", f"/upload/{self._api.version}/files", {"file": file}, headers=headers)
        reply = self._api.http.ask(replace(sent, final=(409,)))
        if reply.status == 409:  # noqa: PLR2004 - HTTP
            return None
        if not reply.is_good:
            raise self._api.refused(reply)
        address = self._api.path_of(reply.headers.get("x-goog-upload-url", ""))
        if address is None:
            raise self._api.http.given_up("the answer names no address to send the file to")
        return address

    def _send(self, session: str, lines: Callable[[], Iterable[bytes]], size: int) -> None:
        """Send all chunks; what has come is known after each."""
        for chunk in _chunks(lines()):
            self._send_chunk(session, chunk)
            self._say(Progress(Phase.STAGE, chunk.offset + len(chunk.data), size, unit="bytes"))

    def _send_chunk(self, session: str, chunk: _Chunk) -> None:
        """Send what is left of a chunk until it has come, and the file is complete if it is the last."""
        end, start, idle = chunk.offset + len(chunk.data), chunk.offset, 0
        while True:
            why, pause = self._try(session, chunk, start)
            if why is None:
                return
            idle += 1
            if idle >= _TRIES:
                raise _Broken(why)
            self._say(Note(f"{self._api.origin.host}: {why}; asking how much has come", detail=True))
            self._clock.sleep(min(pause or self._api.http.pause * 2**idle, MOST_SECONDS))
            received = self._received(session)
            if not chunk.offset <= received <= end:
                raise _Broken(f"{received:,} bytes have come, {start:,} were there before")
            if received > start:
                start, idle = received, 0
            if received == end and not chunk.is_last:
                return

    def _try(self, session: str, chunk: _Chunk, start: int) -> tuple[str | None, float | None]:
        """Send the bytes from ``start`` on, once; give why they may not all have come, and a wait that is asked."""
        left = chunk.data[start - chunk.offset :]
        commands = ["upload"] if left or not chunk.is_last else []
        command = ", ".join([*commands, *(["finalize"] if chunk.is_last else [])])
        headers = {
            "content-type": MIME_TYPE,
            "x-goog-upload-command": command,
            "x-goog-upload-offset": str(start),
        }
        try:
            reply = self._api.without_key.once(Sent("POST", session, headers, left, seconds=None))
            status = reply.headers.get(_STATUS, "")
            if not reply.is_good:
                return self._refused(reply)
            if chunk.is_last and status == "final" and "name" in object_of(reply.json().get("file")):
                return None, None
        except NoAnswer as error:
            return str(error), None
        if not chunk.is_last and status == "active":
            return None, None
        return f"the answer to the bytes from {start:,} on says {status or 'nothing'}", None

    def _refused(self, reply: Reply) -> tuple[str, float | None]:
        why = f"HTTP {reply.status}: {read_error(reply.body, reply.status).message}"
        if reply.status in _PASSING or reply.status >= 500 or _RECEIVED in reply.headers:  # noqa: PLR2004 - HTTP
            return why, retry_after(reply.headers, self._clock.now())
        if reply.status in (404, 409, 410):  # the upload is over, or the name is taken: the file tells
            raise _Broken(why)
        raise self._api.refused(reply)

    def _received(self, session: str) -> int:
        """Ask how many bytes have come.

        Raises:
            _Broken: the upload is over.
            Temporary: no answer.
        """
        reply = self._api.without_key.ask(Sent("POST", session, {"x-goog-upload-command": "query"}))
        received = read_count(reply.headers.get(_RECEIVED))
        if not reply.is_good or reply.headers.get(_STATUS) != "active" or received is None:
            raise _Broken(f"the upload is over: HTTP {reply.status}")
        return received

    # --- files ---

    def is_there(self, name: str, size: int) -> bool:
        """Tell whether the file is complete, and wait until it may be used; one of another size is removed.

        Raises:
            Rejected: it was found to be bad.
            Temporary: it is still not ready after ten minutes.
        """
        pause = 20 * self._api.http.pause
        end = self._clock.monotonic() + _LONGEST_WAIT
        while True:
            file = self.look(name)
            if file is None:
                return False
            if read_count(file.get("sizeBytes")) != size:
                self.remove(name)
                return False
            match file.get("state"):
                case "PROCESSING" | "STATE_UNSPECIFIED":
                    pass
                case "FAILED":
                    self.remove(name)
                    said = object_of(file.get("error")).get("message")
                    raise Rejected(
                        f"Google found the uploaded file bad: {said or 'no reason given'}",
                        where=name,
                        hint="batch-cli validate the file, then run the same command again",
                    )
                case _:
                    return True
            if self._clock.monotonic() > end:
                raise Temporary(
                    f"Google is still looking at the uploaded file {name}", hint="run the same command again"
                )
            self._clock.sleep(pause)

    def look(self, name: str) -> JsonObject | None:
        """Give what is known of a file; None: it is not there."""
        reply = self._api.http.ask(Sent("GET", self._api.path(name)), as_json=True)
        if reply.status in _NOT_THERE:
            return None
        if not reply.is_good:
            raise self._api.refused(reply)
        return reply.json()

    def remove(self, name: str) -> bool:
        """Delete a file, and tell whether it was there."""
        reply = self._api.http.ask(Sent("DELETE", self._api.path(name)))
        if reply.status in _NOT_THERE:
            return False
        if not reply.is_good:
            raise self._api.refused(reply)
        return True


def _chunks(lines: Iterable[bytes]) -> Iterator[_Chunk]:
    """Cut lines, with their ends, into chunks; the last one is made when the lines have ended."""
    offset, held = 0, bytearray()
    for piece in joined(lines):
        held += piece
        while len(held) > CHUNK:
            yield _Chunk(offset, bytes(held[:CHUNK]), is_last=False)
            offset += CHUNK
            del held[:CHUNK]
    yield _Chunk(offset, bytes(held), is_last=True)
