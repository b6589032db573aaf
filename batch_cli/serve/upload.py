"""Uploads: a multipart body, taken apart while it comes; the file goes to disk, the fields stay small.

The parts may come in any order, so what a field says about the file is judged when the body is complete.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from batch_cli.serve.bodies import read_chunks
from batch_cli.serve.contents import NewContent
from batch_cli.serve.desk import Desk
from batch_cli.serve.refusal import Refusal

_MOST_PARTS = 10
_LONGEST_NAME = 256
_LONGEST_FIELD = 4_096
_ENVELOPE = 65_536
"""Bytes that a body may hold besides its file."""


@dataclass(slots=True)
class _Part:
    """The part at hand."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    name: str = ""
    is_file: bool = False
    value: bytearray = field(default_factory=bytearray)


class Upload:
    """One upload: the fields by name, and the content of the one file. Leaving the block removes what was not kept."""

    def __init__(
        self, desk: Desk, *, file_field: str = "file", prefix: str = "file-", most: int | None = None
    ) -> None:
        """Take an upload whose file is in the part ``file_field``, of at most ``most`` bytes; its id gets ``prefix``."""
        self._desk, self._file_field = desk, file_field
        self._most = min(desk.config.max_body, most or desk.config.max_body)
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content = NewContent(desk.contents, desk.ids.new(prefix))
        self._parts = 0
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._is_complete = False
        self._kept = 0
        self._room = desk.room()

    def __enter__(self) -> Self:
        """Give the upload itself."""
        self.content.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the content unless it was committed."""
        self._desk.arriving -= self.content.written
        self._desk.kept -= self._kept
        self.content.__exit__(kind, error, trace)

    async def receive(self, request: Request) -> None:
        """Read the whole body.

        Raises:
            Refusal: it is no proper multipart body, or larger than there is room for.
        """
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise Refusal(415, "Content-Type must be multipart/form-data with a boundary")
        try:
            parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
            async for chunk in read_chunks(request, self._most + _ENVELOPE):
                parser.write(chunk)
        except FormParserError as error:
            raise Refusal(400, f"the multipart body is damaged: {error}") from error
        if not self._is_complete:
            raise Refusal(400, "the multipart body ends before its last boundary")

    async def keep(self) -> None:
        """Put the content on disk, while others are served.

        Raises:
            Refusal: other uploads have taken its room meanwhile.
        """
        if self.content.written > self._desk.room():
            raise _full()
        self._kept = self.content.written
        self._desk.kept += self._kept
        await asyncio.to_thread(self.content.commit)

    # --- the parser calls these ---

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Refusal(400, f"the multipart body has more than {_MOST_PARTS} parts")
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers.append((bytes(self._header_name).lower(), bytes(self._header_value)))
        self._header_name.clear()
        self._header_value.clear()

    def _end_headers(self) -> None:
        value = next((value for name, value in self._part.headers if name == b"content-disposition"), b"")
        _, options = parse_options_header(value)
        name, filename = options.get(b"name", b""), options.get(b"filename")
        if not name or max(len(name), len(filename or b"")) > _LONGEST_NAME:
            raise Refusal(400, f"every part needs a name, of at most {_LONGEST_NAME} bytes like the file's")
        self._part.name = name.decode("utf-8", "replace")
        self._part.is_file = self._part.name == self._file_field and filename is not None
        if self._part.is_file:
            if self.filename is not None:
                raise Refusal(400, "there is more than one file", param=self._file_field)
            self.filename = (filename or b"").decode("utf-8", "replace")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if not self._part.is_file:
            self._part.value += data[start:end]
            if len(self._part.value) > _LONGEST_FIELD:
                message = f"the field is longer than {_LONGEST_FIELD:,} bytes"
                raise Refusal(400, message, param=self._part.name)
            return
        size = end - start
        if self.content.written + size > self._most:
            most = f"{self._most:,} bytes are allowed"
            raise Refusal(
                413, f"the file is too large: {most}", param=self._file_field, code="file_too_large"
            )
        if self._desk.arriving + size > self._room:  # what arrives beside it takes room, too
            raise _full()
        self.content.write(memoryview(data)[start:end])
        self._desk.arriving += size

    def _end_part(self) -> None:
        if not self._part.is_file:
            self.fields[self._part.name] = self._part.value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._is_complete = True


def _full() -> Refusal:
    return Refusal(413, "the storage of this server is full; delete files", code="storage_full")
