"""An answer as it comes off the wire, held to what it may be: not packed, not endless, not longer than it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import httpcore2

from batch_cli.httpclient.outcome import Unknown

_AT_ONCE = 1 << 18
_LINE_END = 2
_COLON_AND_SPACE = 2


def headers_of(response: httpcore2.Response) -> dict[str, str]:
    """Give the headers by their names in lower case.

    Raises:
        Unknown: the body is packed although we asked for none: a small one may become a huge one.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Unknown(f"the answer is packed ({encoding[:20]}), which was not asked for")
    return headers


def body_of(response: httpcore2.Response, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Give a body piece by piece; one that says its length is read past the parser, which copies each byte twice.

    The connection is of no more use then. What comes behind the end is left out.

    Raises:
        RemoteProtocolError: it ended before its length.
    """
    pieces = iter(response.iter_stream())
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not length.isdecimal() or length == "0":
        yield from pieces
        return
    left = int(length)
    piece = next(pieces, b"")  # all that the parser has; it gives no more than the length
    stream = response.extensions["network_stream"]
    while piece:
        yield piece
        left -= len(piece)
        if not left:
            return
        piece = stream.read(_AT_ONCE)[:left]
    raise httpcore2.RemoteProtocolError(f"it ended {left:,} bytes before its length")


def whole_body(response: httpcore2.Response, most: int) -> bytes:
    """Read a body of ``most`` bytes at most.

    Raises:
        Unknown: it is longer.
    """
    return b"".join(_capped(response.iter_stream(), most))


def _capped(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise Unknown(f"the answer is longer than {most:,} bytes")
        yield piece


def ends_where_it_said(response: httpcore2.Response, headers: Mapping[str, str], received: int) -> bool:
    """Tell whether the ``received`` bytes are an answer with a Content-Length, and nothing behind its end.

    More would be taken for the answer to the next request on this connection. What is framed or written in
    another way is not wrong, but nobody knows then: its connection is not used again, which costs a handshake.
    """
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return False
    status_line = len(b"HTTP/1.1 200 ") + len(response.extensions["reason_phrase"]) + _LINE_END
    lines = sum(len(name) + _COLON_AND_SPACE + len(value) + _LINE_END for name, value in response.headers)
    return received == status_line + lines + _LINE_END + int(length)
