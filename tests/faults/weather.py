"""What may go wrong with a request on its way: every fault that the server can play, as rules for one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROUTES = {
    "upload": "POST /v1/files",
    "create": "POST /v1/batches",
    "poll": "GET /v1/batches/*",
    "results": "GET /v1/files/*/content",
}
"""The requests in the life of a batch on OpenAI's wire."""

GOOGLE_ROUTES = {
    "upload": "POST /upload/*",
    "create": "POST /v1beta/models/*",
    "poll": "GET /v1beta/batches/*",
    "results": "GET /v1beta/files/*",
}
"""The same on Google's wire; a look at a file that may be there already meets the last one, too."""
CREATES = {
    "openai": ROUTES["create"],
    "anthropic": "POST /v1/messages/batches",
    "google": GOOGLE_ROUTES["create"],
}

ERROR_IN_200 = '{"error":{"message":"upstream failed","type":"server_error","code":null,"param":null}}'
TWO_LENGTHS = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}"
MANY_HEADERS = "HTTP/1.1 200 OK\r\n" + "X-Filler: " + "f" * 200_000 + "\r\n\r\n{}"

TEMPORARY, REFUSED, UNKNOWN = 6, 5, 11


@dataclass(frozen=True)
class Fault:
    """One fault, and the exit codes of the commands that it befalls for as long as it lasts; else they succeed."""

    name: str
    rule: Mapping[str, Any]
    ends: Mapping[str, int] = field(default_factory=dict)

    def at(self, place: str, **which: Any) -> dict[str, Any]:
        """Give the rule for one of the `ROUTES`; ``which`` requests, else all."""
        return {"route": ROUTES[place], **self.rule, **which}


_NEVER_ANSWERED = {"upload": TEMPORARY, "create": UNKNOWN, "poll": TEMPORARY, "results": TEMPORARY}
_REFUSED_FOR_NOW = {**_NEVER_ANSWERED, "create": TEMPORARY}
_ANSWER_LOST = {"poll": TEMPORARY, "results": TEMPORARY}
_REDIRECTED = {"upload": REFUSED, "create": UNKNOWN, "poll": REFUSED, "results": REFUSED}
_NO_CREDIT = dict.fromkeys(ROUTES, REFUSED)


def _before(name: str, ends: Mapping[str, int] = _NEVER_ANSWERED, **rule: Any) -> Fault:
    return Fault(name, rule, ends)


def _both(name: str, **rule: Any) -> list[Fault]:
    """Give a fault that keeps a request from being carried out, and the one that loses its answer."""
    return [_before(name, **rule), Fault(f"{name}-after-work", {**rule, "when": "after"}, _ANSWER_LOST)]


def _status(name: str, status: int, ends: Mapping[str, int] = _NEVER_ANSWERED, **more: Any) -> Fault:
    return _before(name, ends, fault="status", status=status, **more)


FAULTS = [
    *(_status(str(status), status) for status in (408, 409, 425, 502, 503, 504, 520, 529)),
    *_both("500", fault="status", status=500),
    _status("429", 429, _REFUSED_FOR_NOW),
    _status("429-seconds", 429, _REFUSED_FOR_NOW, retry_after="0.2"),
    _status("429-date", 429, _REFUSED_FOR_NOW, retry_after_date=1),
    _status("429-ms", 429, _REFUSED_FOR_NOW, retry_after_ms=100),
    _status("429-garbage", 429, _REFUSED_FOR_NOW, retry_after="soon"),
    _status("503-seconds", 503, _REFUSED_FOR_NOW, retry_after="0.2"),
    *_both("proxy-page", fault="html"),
    *_both("login-page", fault="html", status=200),
    *_both("empty", fault="body"),
    *_both("error-in-200", fault="body", text=ERROR_IN_200),
    *_both("other-object", fault="body", text='{"object":"list","data":[]}'),
    *_both("garbage", fault="garbage"),
    *_both("gzip-bomb", fault="gzip_bomb", megabytes=50),
    *_both("hang", fault="hang", seconds=0.2),
    *_both("reset", fault="reset"),
    *_both("close", fault="close"),
    *_both("no-http", fault="raw", text="SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    *_both("half-headers", fault="raw", text="HTTP/1.1 200 OK\r\nContent-Le"),
    _before("two-lengths", fault="raw", text=TWO_LENGTHS),
    _before("many-headers", fault="raw", text=MANY_HEADERS),
    _before("refuse", fault="refuse", seconds=0.1),
    Fault("late", {"fault": "late", "seconds": 0.3}, _ANSWER_LOST),
    Fault("truncate", {"fault": "truncate"}, _ANSWER_LOST),
    Fault("truncate-unannounced", {"fault": "no_length"}, _ANSWER_LOST),
    Fault("chunk-cut", {"fault": "chunk_cut"}, _ANSWER_LOST),
    Fault("long-body", {"fault": "long_body"}),
    Fault("twice", {"fault": "twice"}),
    Fault("delay", {"fault": "delay", "seconds": 0.2}),
    Fault("drip", {"fault": "drip", "bytes": 50, "seconds": 0.01}),
]
"""Those that pass: a command that meets one of them once goes on by itself."""

LASTING = [
    *(
        fault
        for fault in FAULTS
        if fault.name
        in ("500-after-work", "429-seconds", "proxy-page", "reset-after-work", "late", "truncate", "twice")
    ),
    _status("429-absurd", 429, _REFUSED_FOR_NOW, retry_after=1_000_000_000),
    _status("429-quota", 429, _NO_CREDIT, code="insufficient_quota", type="insufficient_quota"),
    _before("redirect-other", _REDIRECTED, fault="redirect", to="other"),
]
"""Those that stay until somebody mends them; one of each kind, and those that a command gives up for at once."""
