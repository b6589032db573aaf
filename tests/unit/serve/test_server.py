"""The socket of the server."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from batch_cli.serve.config import ServerConfig
from batch_cli.serve.server import listen


def test_small_answers_do_not_wait_for_acknowledgements(tmp_path: Path) -> None:
    async def is_at_once() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            bound: socket.socket = writer.get_extra_info("socket")
            told.set_result(bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen(ServerConfig(tmp_path)) as listener:
            server = await asyncio.start_server(accepted, sock=listener)
            _, client = await asyncio.open_connection(*listener.getsockname())
            found = await told
            client.close()
            server.close()
        return found

    assert asyncio.run(is_at_once()) != 0
