"""One path and its methods, with the wire's own answer to every other method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonValue

Handler = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[Mapping[str, str]], Response]


class Endpoint:
    """Answers each of its methods with a handler, and the others as the wire refuses them.

    A plain `Route` refuses in Starlette's own form, which no wire has.
    """

    def __init__(self, handlers: Mapping[str, Handler], refuse: Refusal) -> None:
        """Take a handler for each method; ``refuse`` makes the 405 and is given its headers."""
        self._handlers = dict(handlers)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        method = "GET" if request.method == "HEAD" and "HEAD" not in self._handlers else request.method
        handler = self._handlers.get(method)
        if handler is None:
            response = self._refuse({"allow": ", ".join(self._handlers)})
        else:
            try:
                response = await handler(request)
            except ClientDisconnect:
                return  # nobody is there to be answered
        await response(scope, receive, send)


def route(path: str, handlers: Mapping[str, Handler], refuse: Refusal) -> Route:
    """Give the route of one path, which takes every method."""
    return Route(path, Endpoint(handlers, refuse))


def json_response(body: JsonValue, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a JSON answer; numbers that are not finite become null, large integers stay whole."""
    return Response(dumps_exactly(body), status, dict(headers or {}), media_type="application/json")
