"""The words of a scenario: every fault and every effect on a batch, with its settings, as data.

The reader refuses what is not in here, the documentation lists it, and the layers find complete settings.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from batch_cli.model import JsonValue


class Kind(enum.Enum):
    """What a setting may hold."""

    SHARE = "a number from 0 to 1"
    SECONDS = "a number of seconds from 0 to 1,000,000"
    COUNT = "a whole number from 1 to 1,000,000"
    STATUS = "an HTTP status from 200 to 599"
    TEXT = "a text"
    WAIT = "a number, or a printable text that is sent as it is"
    HEADER = "a printable text"
    FLAG = "true or false"
    OBJECT = "an object"
    HEADERS = "an object of printable texts by header name"
    NAMES = "a list of texts"
    WORD = "one of its words"


@dataclass(frozen=True, slots=True)
class Setting:
    """One member of a rule or of an entry of ``batches``."""

    kind: Kind
    about: str
    default: JsonValue = None
    """None: left out, nothing is done."""
    words: tuple[str, ...] = ()
    """What a ``Kind.WORD`` may be."""
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule does to a request."""

    about: str
    settings: Mapping[str, Setting]


_WHEN = Setting(
    Kind.WORD,
    "before: nothing is done for the request; after: its work is done, the answer is lost",
    "before",
    ("before", "after"),
)
_KEEP = Setting(Kind.SHARE, "how much of the body is sent", 0.5)

FAULTS: Mapping[str, Fault] = {
    "status": Fault(
        "an error of the service, in the shape of the wire that was called",
        {
            "status": Setting(Kind.STATUS, "the HTTP status", is_needed=True),
            "message": Setting(Kind.TEXT, "what the error says"),
            "code": Setting(Kind.TEXT, "its code"),
            "type": Setting(Kind.TEXT, "its type, where the wire has one of its own"),
            "param": Setting(Kind.TEXT, "the parameter it is about"),
            "retry_after": Setting(Kind.WAIT, "Retry-After: seconds, or any text"),
            "retry_after_date": Setting(Kind.SECONDS, "Retry-After as a date so many seconds ahead"),
            "retry_after_ms": Setting(Kind.WAIT, "retry-after-ms: milliseconds, or any text"),
            "headers": Setting(Kind.HEADERS, "further headers"),
            "when": _WHEN,
        },
    ),
    "body": Fault(
        "another body in place of the answer, word for word",
        {
            "text": Setting(Kind.TEXT, "the body", ""),
            "status": Setting(Kind.STATUS, "the HTTP status", 200),
            "content_type": Setting(Kind.HEADER, "the Content-Type", "application/json"),
            "headers": Setting(Kind.HEADERS, "further headers"),
            "when": _WHEN,
        },
    ),
    "html": Fault(
        "a page of a proxy in place of the answer",
        {"status": Setting(Kind.STATUS, "the HTTP status", 502), "when": _WHEN},
    ),
    "garbage": Fault(
        "bytes that are no JSON, called JSON",
        {
            "status": Setting(Kind.STATUS, "the HTTP status", 200),
            "bytes": Setting(Kind.COUNT, "how many", 256),
            "when": _WHEN,
        },
    ),
    "gzip_bomb": Fault(
        "a small compressed answer that grows when it is unpacked",
        {"megabytes": Setting(Kind.COUNT, "how large it becomes", 200), "when": _WHEN},
    ),
    "redirect": Fault(
        "a redirect",
        {
            "status": Setting(Kind.STATUS, "the HTTP status", 307),
            "to": Setting(
                Kind.HEADER, "same: the same path here; other: another host; else a URL or a path", "same"
            ),
            "when": _WHEN,
        },
    ),
    "delay": Fault(
        "the answer comes late",
        {
            "seconds": Setting(Kind.SECONDS, "how late", is_needed=True),
            "when": Setting(
                Kind.WORD,
                "before: the wait comes before the work; after: behind it",
                "before",
                ("before", "after"),
            ),
        },
    ),
    "hang": Fault(
        "no answer until the client gives up; then the connection is closed",
        {"seconds": Setting(Kind.SECONDS, "for so long at most", 3600), "when": _WHEN},
    ),
    "late": Fault(
        "no answer, and the work is done so many seconds later, whoever is still there",
        {"seconds": Setting(Kind.SECONDS, "how late", is_needed=True)},
    ),
    "twice": Fault("the request is delivered twice, as by a proxy; the second answer is sent", {}),
    "reset": Fault("the connection is reset (RST) in place of an answer", {"when": _WHEN}),
    "close": Fault("the connection is closed (FIN) in place of an answer", {"when": _WHEN}),
    "refuse": Fault(
        "this connection is reset, and for a while every new one as soon as it is made",
        {"seconds": Setting(Kind.SECONDS, "for how long", 1)},
    ),
    "raw": Fault(
        "bytes in place of an answer, then the connection is closed; for answers that are no HTTP",
        {"text": Setting(Kind.TEXT, "the bytes, as Latin-1", is_needed=True), "when": _WHEN},
    ),
    "truncate": Fault(
        "the body ends too early for its Content-Length, and the connection is closed", {"keep": _KEEP}
    ),
    "no_length": Fault(
        "the body ends too early, and nothing had said how long it is: the connection is closed at its end",
        {"keep": _KEEP},
    ),
    "chunk_cut": Fault("a chunked body is cut within a chunk, and the connection is closed", {"keep": _KEEP}),
    "long_body": Fault(
        "more bytes than the Content-Length says, on a connection that stays open",
        {"text": Setting(Kind.TEXT, "the bytes too many, as Latin-1", "HTTP/1.1 200 OK\r\n\r\n")},
    ),
    "drip": Fault(
        "the body comes in small pieces with a pause after each",
        {
            "bytes": Setting(Kind.COUNT, "bytes in a piece", 1),
            "seconds": Setting(Kind.SECONDS, "the pause", 0.05),
        },
    ),
    "edit": Fault(
        "members of a JSON answer are changed; a dot leads into an object, a number into a list, * into each item",
        {
            "replace": Setting(Kind.OBJECT, "new values by path, where the path leads to something"),
            "set": Setting(Kind.OBJECT, "new values by path, made where they are missing"),
            "remove": Setting(Kind.NAMES, "paths of what is taken away"),
        },
    ),
    "page_loop": Fault("a list gives its first page again and again, and says that there is more", {}),
    "ignore_range": Fault("the Range header is not looked at: the whole file is sent", {}),
}
"""The faults by name."""

EFFECTS: Mapping[str, Setting] = {
    "failing": Setting(Kind.SHARE, "this share of the requests fails", 0),
    "reject": Setting(
        Kind.OBJECT, "the batch fails at validation with this error: code, message, param, line"
    ),
    "validating_seconds": Setting(Kind.SECONDS, "validation takes so long, on the server's clock", 0),
    "stop": Setting(
        Kind.WORD,
        "the batch ends early: expired, cancelled; or never ends at all",
        None,
        ("expired", "cancelled", "never"),
    ),
    "after": Setting(Kind.SHARE, "the share of the requests that is done before it stops", 0.5),
    "shuffle": Setting(Kind.FLAG, "result rows are in no order", default=False),
    "duplicate": Setting(Kind.SHARE, "this share of the result rows is there twice", 0),
    "drop": Setting(Kind.SHARE, "this share of the result rows is missing", 0),
    "torn": Setting(Kind.FLAG, "the last row of each result file is cut off in its middle", default=False),
}
"""What can befall a batch."""

CHOICES: Mapping[str, str] = {
    "nth": "only the n-th: a number, or a list of numbers",
    "first": "the first n",
    "every": "each n-th",
    "share": "a share of them, chosen by the seed",
}
"""How a rule or an entry of ``batches`` says which requests, or batches, it hits; one of these, or all."""
