"""One provider's HTTP: every request bounded, every failure told by what may have happened.

There are two ways to send. `HttpClient.ask` may send again and is for what harms nobody twice: looking, listing,
cancelling, deleting, uploading under our own name. `HttpClient.once` is for what costs money: one connection of its
own, one try, and an exception that says whether it can have arrived.
"""

from __future__ import annotations

import contextlib
import random
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import httpcore2

from batch_cli import __version__
from batch_cli.clock import Clock
from batch_cli.errors import ConfigError, Rejected, Temporary, disk_error, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.answer import body_of, ends_where_it_said, headers_of, whole_body
from batch_cli.httpclient.deadline import Deadline, DeadlineBackend
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.mask import Mask
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.outcome import NoAnswer, Unknown, told_apart
from batch_cli.httpclient.proxies import Proxy
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject

_SECONDS = 60.0
"""For one request with a small answer, from the first byte out to the last byte in."""
_ANSWER_SECONDS = 300.0
"""For the answer to a body that took as long as it took: megabytes of it may still be on their way."""
_CONNECT_SECONDS = 10.0
_MOST_BYTES = 16_000_000
_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_UNSEEN_PAUSE = 5.0
"""Shorter ones are told only to those who want details."""
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
_NO_BODY, _NO_ROUTE = 204, (404, 405)
_MEMBERS_OF_ERRORS = {"error", "type", "status", "code", "message", "request_id"}
"""An object with no more than these is no answer."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request to a provider."""

    method: str
    path: str
    """Behind the origin's own path; percent-encoded; with its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], Iterator[bytes]] = b""
    """The bytes, or what gives them anew, piece by piece, for each try."""
    length: int | None = None
    """Of a body in pieces; None: it is sent in chunks."""
    seconds: float | None = _SECONDS
    """The whole time it may take; None: as long as bytes keep moving."""
    answer_seconds: float | None = None
    """For the answer alone, from when a body in pieces is out; None: what ``seconds`` leave of it."""
    final: tuple[int, ...] = ()
    """Statuses that are an answer here, though they are passing faults elsewhere."""
    most_bytes: int = _MOST_BYTES
    """Of an answer that is read whole."""

    @classmethod
    def json(cls, method: str, path: str, value: JsonObject, **more: Mapping[str, str]) -> Sent:
        """Make a request with a JSON body."""
        headers = {"content-type": "application/json", **more.get("headers", {})}
        return cls(method, path, headers, dumps(value))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Tell whether the server did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP

    def json(self) -> JsonObject:
        """Give the object that a good answer holds; none (204) is an empty one.

        Raises:
            Unknown: it is something else: a page of a proxy, half an answer, nothing, an error after all.
        """
        if self.status == _NO_BODY:
            return {}
        try:
            value = loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            start = " ".join(self.body[:60].decode("utf-8", "replace").split())
            raise Unknown(f"the answer is not from this API: it starts with {quoted(start)}")
        if "error" in value and value.keys() <= _MEMBERS_OF_ERRORS:
            said = read_error(self.body, self.status).message
            raise Unknown(f"the answer is an error with HTTP status {self.status}: {said}")
        return value


class HttpClient:
    """Speaks to one origin; for one thread. Opening it connects to nobody."""

    def __init__(
        self,
        origin: Origin,
        headers: Mapping[str, str],
        clock: Clock,
        listener: Listener,
        *,
        proxy: Proxy | None = None,
        pause: float = _FIRST_PAUSE,
    ) -> None:
        """Send ``headers``, the key among them, to ``origin`` alone, through ``proxy`` if one is given."""
        self.origin, self.clock = origin, clock
        self._headers = {
            "user-agent": f"batch-cli/{__version__}",
            "accept": "application/json",
            "accept-encoding": "identity",
            **headers,
        }
        self._mask = Mask(self._headers)
        self._listener, self._proxy = listener, proxy
        self.pause = pause
        """Seconds before the first second try."""
        self._deadline = Deadline(clock.monotonic)
        self._network = DeadlineBackend(self._deadline)
        self._pool: httpcore2.ConnectionPool | None = None
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def ask(self, sent: Sent, *, as_json: bool = False, member: str | None = None) -> Reply:
        """Send a request as often as it takes; what passes is waited out, and what does not is given.

        With ``as_json`` a good answer that holds no JSON object is a passing fault, too: `Reply.json` works then;
        so is one without the ``member`` by which the right object is known.

        Raises:
            Temporary: no answer, or a passing fault, to the last try.
            Rejected: the server wants it sent elsewhere.
        """
        tries = 0
        while True:
            tries += 1
            reply, opened = None, self._network.opened
            try:
                reply = self._follow(sent)
                if not reply.is_good:
                    passes = reply.status in _PASSING and reply.status not in sent.final
                    if not passes or is_exhausted(reply):
                        return reply
                    why = f"HTTP {reply.status}: {read_error(reply.body, reply.status).message}"
                else:
                    if as_json and member not in (None, *reply.json()):
                        raise Unknown(f"the answer is another object than was asked for: it has no {member}")
                    return reply
            except NoAnswer as error:
                self.close()
                why = str(error)
                if self._network.opened == opened:  # a connection kept from before had died meanwhile
                    tries -= 1
                    continue
            wait = self._wait(reply, tries)
            if tries >= _TRIES or wait is None:
                raise self.given_up(why, reply, tries)
            is_short = wait < _UNSEEN_PAUSE
            self._listener(Note(f"{self.origin.host}: {why}; trying again in {wait:.1f} s", detail=is_short))
            self.clock.sleep(wait)

    def json(self, sent: Sent) -> JsonObject:
        """Send a request as `ask` does and give the object in its good answer.

        Raises:
            Temporary: as `ask`.
            ConfigError: the key is refused.
            Rejected: the request is refused for good.
        """
        reply = self.ask(sent, as_json=True)
        if not reply.is_good:
            raise refusal(reply, self.origin)
        return reply.json()

    def once(self, sent: Sent) -> Reply:
        """Send a request over a connection of its own, once, and give whatever comes.

        Raises:
            NotSent: it cannot have arrived.
            Unknown: it may have been carried out.
        """
        self.close()  # an old connection may hold the rest of another answer
        try:
            return self._send(sent)
        finally:
            self.close()

    @contextlib.contextmanager
    def stream(self, sent: Sent) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """Send a request and give its good answer's body piece by piece; of any other answer the body is in the reply.

        Raises:
            NotSent: it cannot have arrived.
            Unknown: no proper answer came, or while reading: the body broke off.
        """
        self._begin(sent)
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            with self._translated():
                response = stack.enter_context(self._open(sent))
                self._deadline.start(None)
                headers = self._mask.headers(headers_of(response))
                good = 200 <= response.status < 300  # noqa: PLR2004 - HTTP
                body = b"" if good else self._mask.body(whole_body(response, sent.most_bytes))
            # Outside of the translation: what the reader of the body meets is not the connection's fault.
            yield (
                Reply(response.status, headers, body),
                self._pieces(body_of(response, headers)) if good else iter(()),
            )

    def _pieces(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        with self._translated():
            yield from pieces

    # --- one try ---

    def _follow(self, sent: Sent) -> Reply:
        """Send, and go where the server points to as long as that is itself."""
        reply = self._send(sent)
        for _ in range(_MOST_REDIRECTS):
            if reply.status not in _REDIRECTS:
                return reply
            target = self.origin.path_of(reply.headers.get("location", ""))
            if target is None or sent.method != "GET":
                break
            reply = self._send(Sent("GET", target, sent.headers, seconds=sent.seconds), absolute=True)
        if reply.status in _REDIRECTS:
            raise Rejected(
                f"{self.origin.host} redirects to {quoted(reply.headers.get('location', ''))}: not followed",
                where="a key is sent to the configured server only",
                hint="correct the base URL",
            )
        return reply

    def _send(self, sent: Sent, *, absolute: bool = False) -> Reply:
        self._begin(sent)
        with self._translated(), self._open(sent, absolute=absolute) as response:
            headers = headers_of(response)
            body = whole_body(response, sent.most_bytes)
        if not ends_where_it_said(response, headers, self._network.received):
            self.close()
        return Reply(response.status, self._mask.headers(headers), self._mask.body(body))

    def _begin(self, sent: Sent) -> None:
        self._deadline.start(sent.seconds)
        self._network.received = 0

    def _pieces_of(self, sent: Sent, body: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """Give a body piece by piece; what the network still holds of it then, and the answer, have a time of their own."""
        try:
            yield from body()
        except OSError as error:  # the file's fault, not the connection's
            raise disk_error(error, "the requests", doing="reading") from error
        if sent.answer_seconds is not None:
            self._deadline.start(sent.answer_seconds)
        elif sent.seconds is None:
            self._deadline.start(_ANSWER_SECONDS)

    def _open(
        self, sent: Sent, *, absolute: bool = False
    ) -> contextlib.AbstractContextManager[httpcore2.Response]:
        origin = self.origin
        path = sent.path if absolute else origin.path + sent.path
        url = httpcore2.URL(
            scheme=origin.scheme.encode(), host=origin.host.encode(), port=origin.port, target=path.encode()
        )
        headers = {**self._headers, **sent.headers, "host": origin.authority}
        content: bytes | Iterator[bytes] | None = None
        if isinstance(sent.body, bytes):
            if sent.body or sent.method in ("POST", "PUT"):
                content = sent.body
                headers["content-length"] = str(len(sent.body))
        else:
            content = self._pieces_of(sent, sent.body)
            name, value = (
                ("transfer-encoding", "chunked")
                if sent.length is None
                else ("content-length", str(sent.length))
            )
            headers[name] = value
        timeouts = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": None}
        return self._connections().stream(
            sent.method,
            url,
            headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            content=content,
            extensions={"timeout": timeouts},
        )

    def _connections(self) -> httpcore2.ConnectionPool:
        proxy = self._proxy
        if self._pool is None:
            if self._context is None and self.origin.scheme == "https":
                self._context = httpcore2.default_ssl_context()
            self._pool = httpcore2.ConnectionPool(
                ssl_context=self._context,
                proxy=None if proxy is None else httpcore2.Proxy(f"{proxy.scheme}://{proxy}", proxy.user),
                max_connections=1,
                network_backend=self._network,
            )
        return self._pool

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Say of whatever breaks whether the request can have arrived; its connection is not used again."""
        try:
            with told_apart(self.origin.authority, self._mask.text, by=self._proxy):
                yield
        except (NoAnswer, ConfigError):
            self.close()
            raise

    # --- between tries ---

    def _wait(self, reply: Reply | None, tries: int) -> float | None:
        """Give how long to wait before the next try; None: longer than anybody waits."""
        asked = None if reply is None else retry_after(reply.headers, self.clock.now())
        if asked is not None and asked > MOST_SECONDS:
            return None
        longest = min(_LONGEST_PAUSE, self.pause * 2 ** (tries - 1))
        pause: float = longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that many clients do not knock together
        return max(asked or 0.0, float(pause))

    def given_up(self, why: str, reply: Reply | None = None, tries: int = 1) -> Temporary:
        """Make the error of a request that got no answer for now."""
        asked = None if reply is None else retry_after(reply.headers, self.clock.now())
        later = (
            f"run the same command again in {asked / 60:,.0f} minutes, which is what the server asks"
            if asked is not None and asked > MOST_SECONDS
            else "run the same command again"
        )
        count = "" if tries == 1 else f" ({tries} tries)"
        error = Temporary(f"no good answer from {self.origin.authority}{count}", where=why, hint=later)
        error.later = asked
        return error


def is_exhausted(reply: Reply) -> bool:
    """Tell whether a 429 means that money or quota is used up, which waiting does not change."""
    said = read_error(reply.body, reply.status)
    words = {said.code, said.type}
    return bool(words & {"insufficient_quota", "billing_hard_limit_reached", "billing_error"})


def refusal(reply: Reply, origin: Origin) -> ConfigError | Rejected:
    """Make the error of a request that was refused for good."""
    said = read_error(reply.body, reply.status)
    request_id = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    code = f" ({said.code})" if said.code not in (None, "", str(reply.status)) else ""
    where = [f"{origin.authority} answered HTTP {reply.status}{code}"]
    if said.param:
        where.append(f"parameter: {said.param}")
    if request_id:
        where.append(f"request id: {request_id[:128]}")
    if reply.status in (401, 403):
        return ConfigError(
            said.message, where=tuple(where), hint="check the API key and the base URL that it belongs to"
        )
    if is_exhausted(reply):
        return Rejected(
            said.message,
            where=tuple(where),
            hint="the account has no credit left: add some, then run it again",
        )
    if reply.status in _NO_ROUTE:
        return Rejected(
            said.message, where=tuple(where), hint=f"check what was asked for, and the base URL {origin}"
        )
    return Rejected(said.message, where=tuple(where))
