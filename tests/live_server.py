"""A live endpoint that counts: what came, how often, how much of it at once; with the answers that a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.faulty import chat_answer


@dataclass(frozen=True)
class Came:
    """One request as it came."""

    number: int
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def text(self) -> str:
        """The words of the first message, by which a test knows its row."""
        return str(self.body["messages"][0]["content"])


@dataclass(frozen=True)
class Says:
    """What is answered, and how long that takes."""

    status: int = 200
    body: Any = field(default_factory=chat_answer)
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


def good(_came: Came) -> Says:
    return Says()


class LiveServer:
    """Answers on a thread of its own, over connections that stay open."""

    def __init__(self, script: Callable[[Came], Says] = good) -> None:
        self.script = script
        self.came: list[Came] = []
        self.answered: Counter[str] = Counter()
        """Good answers by the words of the request: what a provider would bill."""
        self.in_flight = self.peak = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        assert self._ready.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports say goodbye in the loop's next round

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._one(reader, writer)
        writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        is_json = raw and headers.get("content-type", "").startswith("application/json")
        came = Came(len(self.came), head[0].split(" ")[1], headers, json.loads(raw) if is_json else None)
        self.came.append(came)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            says = Says(404) if raw and not is_json else self.script(came)
            await asyncio.sleep(says.seconds)
        finally:
            self.in_flight -= 1
        if says.status < 300 and came.body and "messages" in came.body:
            self.answered[came.text] += 1
        content = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
        lines = [f"HTTP/1.1 {says.status} Whatever", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in says.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
