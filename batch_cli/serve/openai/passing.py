"""Live requests before a model server: passed on, and the answer passed back while it comes.

Each request is sent once, at once: who waits for a live answer tries again by itself. What goes on is the body and
its type; the client's own key and headers stay here. What comes back is the status, the body and a few headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.transport import TooSlow, TransportError
from batch_cli.jsonl import loads
from batch_cli.serve.bodies import MOST_JSON_BYTES, read_chunks, require_json
from batch_cli.serve.desk import Desk
from batch_cli.serve.openai.objects import answer
from batch_cli.serve.refusal import Refusal

_MOST_PASSED = 1 << 28
"""Bytes of one answer that are passed back."""
_LIST_SECONDS = 30.0
_MODELS = "/v1/models"
_PASSED_BACK = ("content-type", "content-length", "retry-after", "retry-after-ms")


def routes(desk: Desk, backend: Backend, urls: Sequence[str]) -> list[Route]:
    """Give the routes: ``urls``, and the models."""
    passing = _Passing(desk, backend)
    return [
        *(Route(url, partial(passing.ask, url), methods=["POST"]) for url in urls),
        Route(_MODELS, passing.models, methods=["GET"]),
        Route("/v1/models/{id:path}", passing.model, methods=["GET"]),
    ]


class _Passing:
    """Where requests are passed on to."""

    def __init__(self, desk: Desk, backend: Backend) -> None:
        self._desk, self._backend = desk, backend

    async def ask(self, url: str, request: Request) -> Response:
        """Pass one request of ``url`` on."""
        require_json(request)
        body = b"".join([chunk async for chunk in read_chunks(request, MOST_JSON_BYTES)])
        return _Answer(self._desk, self._backend, "POST", url, body)

    async def models(self, request: Request) -> Response:
        """Pass the list of models back."""
        del request
        return _Answer(self._desk, self._backend, "GET", _MODELS, None)

    async def model(self, request: Request) -> Response:
        """Look a model up in the list: not every server has a route for one, and a name is no safe part of a path."""
        name = request.path_params["id"]
        connection = self._desk.connection(self._backend)
        try:
            found = await connection.send("GET", self._backend.endpoint(_MODELS), None, _LIST_SECONDS)
            models = loads(found.body)["data"] if found.status < 400 else []  # noqa: PLR2004 - HTTP
            known = {model["id"]: model for model in models}
        except TransportError as error:
            raise _refusal(self._backend, error) from error
        except (ValueError, TypeError, KeyError) as error:
            message = f"the model server at {self._backend.url} gave no list of models"
            raise Refusal(502, message, kind="backend_error", code="backend_bad_answer") from error
        if name not in known:
            message = f"The model '{name[:256]}' does not exist"
            raise Refusal(404, message, param="model", code="model_not_found")
        return answer(known[name])


class _Answer(Response):
    """The answer of the model server; asked for when the client is ready to hear it."""

    def __init__(self, desk: Desk, backend: Backend, method: str, url: str, body: bytes | None) -> None:
        super().__init__()
        self._desk, self._backend, self._method, self._url, self._sent = desk, backend, method, url, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the answer back; when the client leaves, the model server is let go at once.

        Raises:
            Refusal: there is no answer, or it ended too early.
            ClientDisconnect: the client went away.
        """
        del scope
        passing = asyncio.ensure_future(self._pass_back(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not passing.done():
                raise ClientDisconnect
            passing.result()
        finally:
            for task in (passing, leaving):
                task.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)

    async def _pass_back(self, send: Send) -> None:
        connection, backend = self._desk.connection(self._backend), self._backend
        passed = 0
        try:
            async with connection.stream(
                self._method, backend.endpoint(self._url), self._sent, backend.seconds
            ) as stream:
                if 300 <= stream.status < 400:  # noqa: PLR2004 - HTTP
                    message = f"the model server at {backend.url} redirects, which is not followed"
                    raise Refusal(502, message, kind="backend_error", code="backend_redirect")
                headers = _passed_back(stream.headers)
                await send({"type": "http.response.start", "status": stream.status, "headers": headers})
                async for piece in stream.pieces:
                    passed += len(piece)
                    if passed > _MOST_PASSED:
                        raise Refusal(502, f"an answer had more than {_MOST_PASSED:,} bytes")
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TransportError as error:
            raise _refusal(backend, error) from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._method == "POST":
            self._desk.metrics.live[self._url] += stream.status < 400  # noqa: PLR2004 - HTTP


async def _left(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _passed_back(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
        if name in _PASSED_BACK or name.startswith("x-ratelimit-")
    ]


def _refusal(backend: Backend, error: TransportError) -> Refusal:
    if isinstance(error, TooSlow):
        status, code = 504, "backend_timeout"
    else:
        status, code = 502, "backend_unavailable"
    message = f"the model server at {backend.url} gave no answer: {error}"
    return Refusal(status, message, kind="backend_error", code=code)
