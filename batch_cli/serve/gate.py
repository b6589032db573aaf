"""What every request passes on its way in and every answer on its way out.

In: the Host header (a page elsewhere may have bound its name to this address), pages of other origins, the key.
Out: an id, an error body in the shape of the wire, a line in the log; never a trace.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batch_cli.clock import Clock, rfc3339
from batch_cli.errors import BatchCliError
from batch_cli.serve.metrics import Metrics
from batch_cli.serve.refusal import Refusal

OPEN_PATHS = ("/health", "/bench", "/bench/app.js", "/bench/style.css")
"""Answered to everybody; the page is the same for all, and what it asks for passes the gate itself."""
OWN_PATHS = ("/metrics", "/_emulator/")
"""Not part of any wire: no client sends a key there, so only a real token closes them."""
_LOGGED = 200
_LINGERING = 5.0
"""Seconds in which what still comes of a refused body is read and thrown away."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in."""

    hosts: frozenset[str]
    token: str | None
    needs_key: bool

    def check(self, scope: Scope) -> None:
        """Let a request pass.

        Raises:
            Refusal: 400 for two lengths, 421 for a foreign Host, 403 for a foreign page, 401 for a missing or wrong key.
        """
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # RFC 9112 6.3: a proxy may have understood the other one, and taken what follows for another's request.
            message = "a request has a Content-Length or a Transfer-Encoding, not both"
            raise Refusal(400, message, headers={"connection": "close"})
        host = _name_of(headers.get("host", ""))
        if host not in self.hosts:
            message = (
                f"this server does not answer to the name {host[:64]!r}; start it with --allowed-host NAME"
            )
            raise Refusal(421, message, code="misdirected_request")
        origin = headers.get("origin")
        if headers.get("sec-fetch-site") == "cross-site" or (
            origin is not None and _name_of(origin.partition("://")[2]) not in self.hosts
        ):
            raise Refusal(403, "requests of pages from elsewhere are refused", code="cross_origin")
        self._check_key(scope, headers)

    def _check_key(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if path in OPEN_PATHS or (self.token is None and path.startswith(OWN_PATHS)):
            return
        if self.token is None and is_prediction(path):
            return  # servers of predictions ask nobody for a key
        query = QueryParams(scope["query_string"])
        key = _key_of(headers)
        if not key and path.startswith("/upload/") and query.get("upload_id"):
            return  # the bytes of an upload come without a key; its id, which nobody can guess, lets them in
        if not key and self.token is None:
            key = query.get("key", "")  # never the server's token: addresses end up in logs
        if self.token is not None and key:
            if not hmac.compare_digest(key.encode(), self.token.encode()):
                raise Refusal(401, "Incorrect API key provided.", code="invalid_api_key")
        elif not key and (self.needs_key or self.token is not None):
            message = (
                "You didn't provide an API key. Send it in an Authorization header using Bearer auth"
                " (i.e. Authorization: Bearer YOUR_KEY)."
            )
            raise Refusal(401, message, headers={"www-authenticate": "Bearer"})


def _key_of(headers: Headers) -> str:
    """Give the key, in whichever header the clients of a wire send it; empty: there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    names = ("x-api-key", "x-goog-api-key", "api-key")  # the last is Azure's
    return next((key for name in names if (key := headers.get(name))), "")


def is_prediction(path: str) -> bool:
    """Tell the paths of the prediction endpoints, whose clients send a key as ``X-API-Key`` or none."""
    return path.startswith(_PREDICTIONS) or (path.startswith("/v1/models/") and path.endswith("/predict"))


_PREDICTIONS = ("/v1/predict", "/v1/ready", "/predict", "/examples/", "/models", "/stats")


def _name_of(authority: str) -> str:
    """Give the host of ``host:port`` or ``[v6]:port``, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


@dataclass(frozen=True, slots=True)
class Gate:
    """The outermost layer of the application."""

    inner: ASGIApp
    access: Access
    render: Callable[[Scope, Refusal], Response]
    """Writes an error in the shape of the wire that was called."""
    clock: Clock
    log: Callable[[str], None]
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        began = self.clock.monotonic()
        request_id = scope["request_id"] = f"req_{secrets.token_hex(16)}"
        status = 0

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = headers["request-id"] = request_id
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        try:
            refusal = await self._serve(scope, receive, marked, request_id)
            if refusal is not None:
                if status:
                    raise _Broken  # too late for an error body: the connection is cut, so that nobody trusts it
                way_out = _lingering(receive, marked) if "connection" in refusal.headers else marked
                await self.render(scope, refusal)(scope, receive, way_out)
        except ClientDisconnect:
            pass
        finally:
            seconds = self.clock.monotonic() - began
            self.metrics.count_request(scope["method"], status)
            path = scope["raw_path"][:_LOGGED].decode(
                "latin-1"
            )  # as it was sent: no line ends, no control codes
            line = f"{scope['method']} {path} {status or 'gone'} {seconds * 1000:.0f} ms"
            self.log(f"{rfc3339(self.clock.now())} {line} {request_id}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Refusal | None:
        """Let the routes answer; give what they refused, or what broke, as a refusal."""
        try:
            self.access.check(scope)
            await self.inner(scope, receive, send)
        except Refusal as refusal:
            return refusal
        except HTTPException as error:
            what = f"Invalid method for URL ({scope['method']} {scope['path'][:_LOGGED]})"
            return Refusal(error.status_code, what, code="method_not_supported", headers=error.headers)
        except ClientDisconnect:
            raise
        except BatchCliError as error:
            self.log(f"{request_id}: {error.message}")
            return _our_fault(request_id)
        except Exception as error:  # noqa: BLE001 - one broken request must not show a trace or end the server
            self.log(f"{request_id}: {_place_of(error)}: {type(error).__name__}: {error}")
            return _our_fault(request_id)
        return None


def _lingering(receive: Receive, send: Send) -> Send:
    """Give a way out for an answer behind which the connection is closed, while its request may still be coming.

    The whole answer is sent at once, the close waits until the client has ended or some seconds are over: a close
    with bytes that nobody read is a reset, which can take the answer from a client that has not read it yet.
    """

    async def sending(message: Message) -> None:
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not is_last:
            await send(message)
            return
        await send({**message, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGERING):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return sending


class _Broken(Exception):
    """An answer broke after it had begun; the server has logged why."""


def _our_fault(request_id: str) -> Refusal:
    message = f"The server had an error while processing your request. Its log says more about {request_id}."
    return Refusal(500, message, kind="server_error")


def _place_of(error: Exception) -> str:
    """Give where an exception was raised, for the log."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
