"""Downloads: the bytes of a stored file, all of them or one range."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from batch_cli.serve.refusal import Refusal

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def download(
    request: Request, path: Path, etag: str, media_type: str = "application/octet-stream"
) -> Response:
    """Answer with a file, which is opened now: deleting it does not cut the answer off.

    One range is understood; several, or another unit, give the whole file, as RFC 9110 14.2 allows.

    Raises:
        FileNotFoundError: it is gone.
        Refusal: the range lies behind the end (416).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        wanted = _wanted(request, size, etag)
    except BaseException:
        os.close(descriptor)
        raise
    start, end = (0, size) if wanted is None else wanted
    headers = {"content-length": str(end - start), "accept-ranges": "bytes", "etag": f'"{etag}"'}
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        _pieces(descriptor, start, end),
        200 if wanted is None else 206,
        headers=headers,
        media_type=media_type,
    )


def _wanted(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Give the range that is asked for, its end exclusive."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    condition = request.headers.get("if-range")
    if found is None or found[0] == "bytes=-" or condition not in (None, f'"{etag}"'):
        return None
    first, last = found[1], found[2]
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        headers = {"content-range": f"bytes */{size}"}
        raise Refusal(416, f"the range is not within the {size} bytes of the file", headers=headers)
    return start, end


async def _pieces(descriptor: int, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        while start < end:
            piece = await asyncio.to_thread(os.pread, descriptor, min(_CHUNK, end - start), start)
            if not piece:
                return  # the server cuts the connection: fewer bytes than it announced
            start += len(piece)
            yield piece
    finally:
        os.close(descriptor)
