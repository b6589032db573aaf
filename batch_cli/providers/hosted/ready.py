"""Uploaded files that a service looks at before a batch can be made of them."""

from __future__ import annotations

from urllib.parse import quote

from batch_cli.clock import Clock
from batch_cli.errors import Rejected, Temporary, quoted
from batch_cli.httpclient.client import HttpClient, Sent
from batch_cli.model import JsonObject
from batch_cli.providers.hosted.objects import text_of

_UNREADY = ("pending", "running", "queued", "processing")
"""Words of a file that is still looked at. Source: Azure OpenAI's REST reference, "Files" (read 2026-11-21)."""
_UNREADY_SECONDS = 900.0


def ready(http: HttpClient, clock: Clock, title: str, file_id: str, file: JsonObject) -> str:
    """Wait until a file, of which ``file`` is what was said last, is ready, and give its id.

    Raises:
        Temporary: it is not after a quarter of an hour.
        Rejected: the service refused it.
    """
    end = clock.monotonic() + _UNREADY_SECONDS
    while (word := str(file.get("status")).lower()) in _UNREADY:
        if clock.monotonic() >= end:
            raise Temporary(
                f"{title} has not made the uploaded file ready in {_UNREADY_SECONDS / 60:.0f} minutes",
                where=f"file {quoted(file_id)} is {quoted(word)}",
                hint="run the same command again later",
            )
        clock.sleep(http.pause * 4)
        file = http.json(Sent("GET", f"/files/{quote(file_id, safe='')}"))
    if word in ("error", "failed"):
        raise Rejected(
            f"{title} refused the uploaded file: {text_of(file, 'status_details') or 'no reason given'}",
            where=f"file {quoted(file_id)}",
        )
    return file_id
