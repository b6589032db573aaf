r"""Files as UTF-8 with lines that end at ``\n``, whatever they were written as, read as a stream."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from batch_cli.jsonl import BOM, is_blank, loads

_BLOCK = 1 << 18
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FIRST_TWO = (
    # A line of JSON begins with two ASCII characters, so the zeros tell. Source: RFC 4627, section 3 (2006).
    (re.compile(rb"\x00\x00\x00[^\x00]\x00\x00\x00"), "utf-32-be"),
    (re.compile(rb"[^\x00]\x00\x00\x00[^\x00]\x00\x00\x00"), "utf-32-le"),
    (re.compile(rb"\x00[^\x00]\x00[^\x00]"), "utf-16-be"),
    (re.compile(rb"[^\x00]\x00[^\x00]\x00"), "utf-16-le"),
)
_BARE_RETURN = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a file is written."""

    encoding: str = "utf-8"
    mark: int = 0
    """Bytes of the byte order mark of a wide encoding; that of UTF-8 is left to whoever reads the lines."""
    returns_end_lines: bool = False
    r"""Lines end at ``\r``, as on old Macs; then ``\r\n`` and ``\n`` end one as well."""

    @property
    def is_plain(self) -> bool:
        r"""Tell whether the file is UTF-8 with lines that end at ``\n`` or ``\r\n``."""
        return self == TextForm()


def text_form(open_file: Callable[[], BinaryIO], max_bytes: int) -> TextForm:
    """Find out how a file is written from its beginning; of that, two lines of ``max_bytes`` at most are read."""
    with open_file() as stream:
        head = stream.read(64)
        encoding, mark = _encoding(head)
        stream.seek(mark)
        start = b""
        for block in _decoded(stream, encoding):
            start += block
            if b"\n" in start or len(start) > max_bytes:
                break
    return TextForm(encoding, mark, _returns_end_lines(start))


def open_clean(open_file: Callable[[], BinaryIO], form: TextForm) -> BinaryIO:
    r"""Open a file as UTF-8 with lines that end at ``\n`` (or ``\r\n``, if it had no other line ends).

    Reading raises ``UnicodeDecodeError`` where a wide encoding is broken.
    """
    stream = open_file()
    if form.is_plain:
        return stream
    stream.seek(form.mark)
    blocks = _decoded(stream, form.encoding)
    if form.returns_end_lines:
        blocks = _with_newlines(blocks)
    return io.BufferedReader(_BlockStream(stream, blocks), _BLOCK)


def _encoding(head: bytes) -> tuple[str, int]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    for pattern, name in _FIRST_TWO:
        if pattern.match(head):
            return name, 0
    return "utf-8", 0


def _returns_end_lines(start: bytes) -> bool:
    """Tell whether bare returns end lines; inside of one JSON value they are only white space."""
    first_line, newline, _ = start.removeprefix(BOM).partition(b"\n")
    bare = _BARE_RETURN.search(first_line.removesuffix(b"\r") if newline else first_line)
    if bare is None or is_json(first_line):
        return False
    piece = first_line[: bare.start()]
    # With a newline after it, it may as well be a return that was not escaped in a string.
    return not newline or is_blank(piece) or is_json(piece)


def is_json(raw: bytes) -> bool:
    """Tell whether ``raw`` is one JSON text."""
    try:
        loads(raw)
    except ValueError:
        return False
    return True


def _decoded(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    blocks = iter(lambda: stream.read(_BLOCK), b"")
    if encoding == "utf-8":
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for block in blocks:
        yield decoder.decode(block).encode("utf-8")
    yield decoder.decode(b"", final=True).encode("utf-8")


def _with_newlines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""  # a return at the end of a block, whose newline may begin the next one
    for block in blocks:
        whole = held + block
        held = b"\r" if whole.endswith(b"\r") else b""
        yield whole.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield held.replace(b"\r", b"\n")


class _BlockStream(io.RawIOBase):
    """Blocks of bytes as a file that can be read once; closing it closes where they come from."""

    def __init__(self, source: BinaryIO, blocks: Iterator[bytes]) -> None:
        self._source, self._blocks = source, blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        self._source.close()
        super().close()
