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
from batch_cli.errors import ConfigError, Rejected, Temporary, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.deadline import Deadline, DeadlineBackend
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.outcome import NoAnswer, NotSent, Unknown
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject

_SECONDS = 60.0
"""For one request with a small answer, from the first byte out to the last byte in."""
_CONNECT_SECONDS = 10.0
_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_UNSEEN_PAUSE = 5.0
"""Shorter ones are told only to those who want details."""
_MOST_BYTES = 16_000_000
"""Of an answer that is read whole."""
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
_NO_BODY = 204


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
    final: tuple[int, ...] = ()
    """Statuses that are an answer here, though they are passing faults elsewhere."""

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
            Unknown: it is something else: a page of a proxy, half an answer, nothing.
        """
        if self.status == _NO_BODY:
            return {}
        try:
            value = loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            start = self.body[:60].decode("utf-8", "replace")
            raise Unknown(f"the answer is not from this API: it starts with {quoted(start)}")
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
        proxy: str | None = None,
        pause: float = _FIRST_PAUSE,
    ) -> None:
        """Send ``headers``, the key among them, to ``origin`` alone, through ``proxy`` if one is given."""
        self.origin, self.clock = origin, clock
        self._headers = {"user-agent": f"batch-cli/{__version__}", "accept-encoding": "identity", **headers}
        self._listener, self._proxy = listener, proxy
        self.pause = pause
        """Seconds before the first second try."""
        self._deadline = Deadline(clock.monotonic)
        self._pool: httpcore2.ConnectionPool | None = None
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def ask(self, sent: Sent, *, as_json: bool = False) -> Reply:
        """Send a request as often as it takes; what passes is waited out, and what does not is given.

        With ``as_json`` a good answer that holds no JSON object is a passing fault, too: `Reply.json` works then.

        Raises:
            Temporary: no answer, or a passing fault, to the last try.
            Rejected: the server wants it sent elsewhere.
        """
        tries = 0
        while True:
            tries += 1
            reply = None
            try:
                reply = self._follow(sent)
                if not reply.is_good:
                    passes = reply.status in _PASSING and reply.status not in sent.final
                    if not passes or is_exhausted(reply):
                        return reply
                    why = f"HTTP {reply.status}: {read_error(reply.body, reply.status).message}"
                else:
                    if as_json:
                        reply.json()
                    return reply
            except NoAnswer as error:
                why = str(error)
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
        self._deadline.start(sent.seconds)
        with self._translated(), self._open(sent) as response:
            self._deadline.start(None)
            headers = _headers_of(response)
            _refuse_encoding(headers)
            good = 200 <= response.status < 300  # noqa: PLR2004 - HTTP
            body = b"" if good else b"".join(_capped(response.iter_stream()))
            yield (
                Reply(response.status, headers, body),
                self._pieces(response.iter_stream()) if good else iter(()),
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
        self._deadline.start(sent.seconds)
        with self._translated(), self._open(sent, absolute=absolute) as response:
            headers = _headers_of(response)
            _refuse_encoding(headers)
            return Reply(response.status, headers, b"".join(_capped(response.iter_stream())))

    def _open(
        self, sent: Sent, *, absolute: bool = False
    ) -> contextlib.AbstractContextManager[httpcore2.Response]:
        origin = self.origin
        path = sent.path if absolute else origin.path + sent.path
        url = httpcore2.URL(
            scheme=origin.scheme.encode(), host=origin.host.encode(), port=origin.port, target=path.encode()
        )
        headers = {**self._headers, **sent.headers, "host": origin.authority}
        content: bytes | Iterator[bytes]
        if isinstance(sent.body, bytes):
            content = sent.body
            if sent.body or sent.method in ("POST", "PUT"):
                headers["content-length"] = str(len(sent.body))
        else:
            content = sent.body()
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
        if self._pool is None:
            if self._context is None and self.origin.scheme == "https":
                self._context = httpcore2.default_ssl_context()
            self._pool = httpcore2.ConnectionPool(
                ssl_context=self._context,
                proxy=None if self._proxy is None else httpcore2.Proxy(self._proxy),
                max_connections=1,
                network_backend=DeadlineBackend(self._deadline),
            )
        return self._pool

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Say of whatever breaks whether the request can have arrived."""
        host = self.origin.authority
        try:
            yield
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            self.close()
            if (fault := _certificate_fault(error)) is not None:
                raise ConfigError(
                    f"{host} cannot prove who it is: {fault}",
                    hint="check the base URL; for a company's own authority set SSL_CERT_FILE",
                ) from error
            raise NotSent(f"cannot connect to {host}: {_reason(error)}") from error
        except httpcore2.ProxyError as error:
            self.close()
            raise NotSent(f"the proxy refused to connect to {host}: {error}") from error
        except (
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
            OSError,
        ) as error:
            self.close()
            raise Unknown(f"the connection to {host} broke: {_reason(error)}") from error
        except (Unknown, ConfigError):
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
        error = Temporary(f"no answer from {self.origin.authority}{count}", where=why, hint=later)
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
    where = [f"{origin.authority} answered HTTP {reply.status}{f' ({said.code})' if said.code else ''}"]
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
    return Rejected(said.message, where=tuple(where))


def _headers_of(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _refuse_encoding(headers: Mapping[str, str]) -> None:
    """Refuse a body that is packed although we asked for none: a small one may become a huge one."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Unknown(f"the answer is packed ({encoding[:20]}), which was not asked for")


def _capped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _MOST_BYTES:
            raise Unknown(f"the answer is longer than {_MOST_BYTES:,} bytes")
        yield piece


def _certificate_fault(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "no answer in time"
    return str(error).strip() or type(error).__name__
