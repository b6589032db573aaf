"""Faults that put another answer in the place of the right one."""

from __future__ import annotations

import asyncio
import zlib
from email.utils import formatdate
from hashlib import shake_128

from starlette.responses import Response

from batch_cli.serve.refusal import Refusal
from batch_cli.serve.scenarios.exchange import Exchange

_OTHER_HOST = "http://redirect.invalid"
"""A name that never leads anywhere. Source: RFC 6761 6.4."""
_MEGABYTE = bytes(1_000_000)
_PAGE = """<html>
<head><title>{status}</title></head>
<body>
<center><h1>{status}</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""


async def status(exchange: Exchange) -> None:
    """Refuse, as the wire that was called writes it."""
    await exchange.work_if_asked()
    given = exchange.settings
    number = given["status"]
    headers = dict(given["headers"] or {})
    if given["retry_after"] is not None:
        headers["retry-after"] = str(given["retry_after"])
    if given["retry_after_date"] is not None:
        # The machine's time: a client compares with the Date header, which holds it too.
        moment = exchange.clock.now() + given["retry_after_date"]
        headers["retry-after"] = formatdate(moment, usegmt=True)
    if given["retry_after_ms"] is not None:
        headers["retry-after-ms"] = str(given["retry_after_ms"])
    raise Refusal(
        number,
        given["message"] or f"The service answered with {number}.",
        kind=given["type"] or _kind(number),
        param=given["param"],
        code=given["code"],
        headers=headers,
    )


def _kind(number: int) -> str:
    if number == 429:  # noqa: PLR2004 - HTTP
        return "rate_limit_error"
    return "server_error" if number >= 500 else "invalid_request_error"  # noqa: PLR2004 - HTTP


async def body(exchange: Exchange) -> None:
    """Answer with a given text."""
    given = exchange.settings
    headers = {"content-type": given["content_type"], **(given["headers"] or {})}
    await _give(exchange, Response(given["text"].encode(), given["status"], headers))


async def html(exchange: Exchange) -> None:
    """Answer with a page."""
    number = exchange.settings["status"]
    page = _PAGE.format(status=number)
    await _give(exchange, Response(page, number, media_type="text/html"))


async def garbage(exchange: Exchange) -> None:
    """Answer with bytes that look random and are always the same."""
    given = exchange.settings
    raw = b"\xff" + shake_128(b"garbage").digest(given["bytes"])[1:]  # never UTF-8, so never JSON
    await _give(exchange, Response(raw, given["status"], media_type="application/json"))


async def redirect(exchange: Exchange) -> None:
    """Send the client elsewhere."""
    given, scope = exchange.settings, exchange.scope
    query = scope["query_string"].decode("latin-1")
    here = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    target = str(given["to"])
    target = {"same": here, "other": f"{_OTHER_HOST}{here}"}.get(target, target)
    await _give(exchange, Response(b"", given["status"], {"location": target}))


async def _give(exchange: Exchange, response: Response) -> None:
    await exchange.work_if_asked()
    await response(exchange.scope, exchange.receive, exchange.send)


async def gzip_bomb(exchange: Exchange) -> None:
    """Answer with zeros, packed; a megabyte at a time, so that others are served meanwhile."""
    await exchange.work_if_asked()
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for _ in range(exchange.settings["megabytes"]):
        piece = packer.compress(_MEGABYTE)
        await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await exchange.send({"type": "http.response.body", "body": packer.flush()})
