"""A small prediction server that answers what a test says, counts what it got, and speaks no framework's HTTP."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Said:
    """One answer."""

    body: Any = b""
    """Bytes as they are; anything else as JSON."""
    status: int = 200
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection without an answer."""


class PredictionServer:
    """Answers every request with what ``answer`` makes of it."""

    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else the second waits 40 ms for an acknowledgement
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                with server._lock:
                    server.asked.append(asked)
                said = answer(asked)
                time.sleep(said.seconds)
                if said.cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                with contextlib.suppress(OSError):
                    self.send_response(said.status)
                    for name, value in said.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    self.wfile.flush()

            do_GET = do_POST = _serve  # noqa: N815 - the names of http.server

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @contextlib.contextmanager
    def running(self) -> Iterator[PredictionServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()


@contextlib.contextmanager
def answering(answer: Callable[[Asked], Said]) -> Iterator[PredictionServer]:
    """Run a server."""
    with PredictionServer(answer).running() as server:
        yield server
