"""Lists on OpenAI's wire, read a page at a time, whatever a service makes of pages."""

from __future__ import annotations

from collections.abc import Iterator

from batch_cli.httpclient.client import HttpClient, Sent, refusal
from batch_cli.model import JsonObject
from batch_cli.providers.hosted.creating import outcome_unknown
from batch_cli.providers.hosted.objects import text_of
from batch_cli.providers.hosted.wire import Paging

_NO_ROUTE = (404, 405, 501)
_MOST_PAGES = 1_000


def listed(http: HttpClient, path: str, paging: Paging, after: str | None = None) -> Iterator[JsonObject]:
    """Give the items of a list, from behind the one called ``after``; ``path`` may have a query.

    Raises:
        OutcomeUnknown: the service has no such list.
    """
    last, seen = after, set[str]()
    for number in range(_MOST_PAGES):
        joint = "&" if "?" in path else "?"
        where = f"{path}{joint}{paging.query(number, last)}".replace("?&", "?").rstrip("?&")
        reply = http.ask(Sent("GET", where), as_json=True)
        if reply.status in _NO_ROUTE:
            raise outcome_unknown(f"{http.origin.authority} cannot list what it has")
        if not reply.is_good:
            raise refusal(reply, http.origin)
        page = reply.json()
        items = page.get("data", page.get("value"))  # the second in a sample of Azure's
        if not isinstance(items, list):
            return
        yield from (item for item in items if isinstance(item, dict))
        last = text_of(items[-1], "id") if items and isinstance(items[-1], dict) else None
        if not paging.goes_on(page, len(items)) or last is None or last in seen:
            return
        seen.add(last)
