"""The Gemini API as one address: its version, its key in one header, its way to say no.

Source: google-genai 3.4.0 (seen 2026-11-21), https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote, urlsplit

from batch_cli.clock import Clock
from batch_cli.errors import ConfigError, Rejected, quoted
from batch_cli.httpclient.client import HttpClient, Reply, Sent, refusal
from batch_cli.model import JsonObject
from batch_cli.providers.base import Place
from batch_cli.providers.hosted.connection import connect, origin_of
from batch_cli.providers.hosted.creating import outcome_unknown
from batch_cli.providers.hosted.objects import text_of

BASE_URL = "https://generativelanguage.googleapis.com"
BASE_URL_VARIABLES = ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_BASE_URL")
VERSION_VARIABLE = "GOOGLE_GENAI_API_VERSION"
_VERSION = "v1beta"
"""Documented and served for every method; google-genai 3 calls v1 (seen 2026-11-21)."""
_VERSION_FORM = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]*)?")
_NO_ROUTE = (404, 405, 501)
_MOST_PAGES = 1_000


class GoogleApi:
    """Paths and connections. Opening it connects to nobody."""

    def __init__(self, place: Place, clock: Clock) -> None:
        """Take address, version and key.

        Raises:
            ConfigError: one of them cannot be what it should be.
        """
        origin = origin_of(place.environment, BASE_URL_VARIABLES, BASE_URL)
        self.origin = origin
        self.version = version_of(place.environment)
        self.http: HttpClient = connect(place, clock, origin, {}, key_header="x-goog-api-key")
        self.without_key: HttpClient = connect(
            replace(place, key=None), clock, origin, {}, key_header="x-goog-api-key"
        )
        """For the bytes of an upload: their address holds a secret of its own, as the official client has it."""

    def path(self, name: str) -> str:
        """Give the path of a resource or method, such as ``batches/b1:cancel``."""
        return f"/{self.version}/{quote(name, safe='/:')}"

    def path_of(self, url: str) -> str | None:
        """Give path and query of an upload's address, to be asked of the configured server and no other.

        Behind a gateway the address names Google's own host; the official client replaces it, too.
        """
        parts = urlsplit(url) if re.fullmatch(r"[!-~]+", url) else None
        if parts is None or not parts.path.startswith("/"):
            return None
        own = self.origin.path
        path = parts.path.removeprefix(own) if own and parts.path.startswith(f"{own}/") else parts.path
        return f"{path}?{parts.query}" if parts.query else path

    def listed(self, what: str, member: str, page_size: int) -> Iterator[JsonObject]:
        """Give the items of a list, a page at a time, to its end.

        Raises:
            OutcomeUnknown: there is no such list, or it never ends.
        """
        token, seen = "", set[str]()
        for _ in range(_MOST_PAGES):
            cursor = f"&pageToken={quote(token, safe='')}" if token else ""
            reply = self.http.ask(
                Sent("GET", f"{self.path(what)}?pageSize={page_size}{cursor}"), as_json=True
            )
            if reply.status in _NO_ROUTE:
                raise outcome_unknown(f"{self.origin.authority} cannot list its {what}")
            if not reply.is_good:
                raise self.refused(reply)
            page = reply.json()
            items = page.get(member)
            yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
            token = text_of(page, "nextPageToken") or ""
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
        raise outcome_unknown(f"the list of {what} of {self.origin.authority} does not end")

    def refused(self, reply: Reply) -> ConfigError | Rejected:
        """Make the error of a request that was refused for good; a wrong key is told by a 400 here."""
        error = refusal(reply, self.origin)
        if b"API_KEY_INVALID" in reply.body and isinstance(error, Rejected):
            return ConfigError(error.message, where=error.where, hint="check GOOGLE_API_KEY")
        return error

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        self.without_key.close()


def version_of(environment: Mapping[str, str]) -> str:
    """Give the version of the API that is spoken.

    Raises:
        ConfigError: what the variable holds is none.
    """
    given = environment.get(VERSION_VARIABLE, "").strip() or _VERSION
    version = "v1beta" if given == "beta" else given
    if not _VERSION_FORM.fullmatch(version):
        raise ConfigError(
            f"{VERSION_VARIABLE} is no version of the Gemini API: {quoted(version)}",
            hint=f"export {VERSION_VARIABLE}=v1beta, or unset it",
        )
    return version
