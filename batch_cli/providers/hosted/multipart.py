"""A form with one large file, as a body in pieces whose length is known before."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping

_PIECE = 1 << 20


class FileForm:
    """Fields and one file of JSON lines. Memory: a piece of a megabyte."""

    def __init__(
        self, fields: Mapping[str, str], filename: str, lines: Callable[[], Iterable[bytes]], size: int
    ) -> None:
        """Take the file as ``lines`` without line ends, which come to ``size`` bytes with them."""
        self._lines = lines
        boundary = secrets.token_hex(16)
        head = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        head.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        self._head, self._tail = "".join(head).encode(), f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = len(self._head) + size + len(self._tail)

    def pieces(self) -> Iterator[bytes]:
        """Give the body from its start."""
        yield self._head
        yield from joined(self._lines())
        yield self._tail


def joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Give lines with their ends in pieces of about a megabyte."""
    piece = bytearray()
    for line in lines:
        piece += line
        piece += b"\n"
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
