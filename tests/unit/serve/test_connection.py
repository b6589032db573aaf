"""Connections that ask for nothing."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from batch_cli.serve.connection import Door, protocol_with

HEADERS = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def answer_late(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def talk(sent: bytes) -> bytes:
    """Send something to a server that waits a tenth of a second; give all that it answers before it closes."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(answer_late, lifespan="off", log_config=None, timeout_keep_alive=60)
    config.load()
    make = partial(protocol_with(Door(), most_idle=0.1), config, ServerState(), {}, loop)
    server = await loop.create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(sent)
    came = await reader.read()
    writer.close()
    server.close()
    return came


@pytest.mark.parametrize("sent", [b"", b"GE", HEADERS])
def test_a_connection_without_a_whole_request_is_closed(sent: bytes) -> None:
    assert asyncio.run(talk(sent)) == b""


def test_an_answer_may_take_longer_than_a_request() -> None:
    assert asyncio.run(talk(HEADERS + b"\r\n")).endswith(b"ok")
