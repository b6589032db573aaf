"""The wire of Gemini: files, batches and models as google-genai and other clients of its API call them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import BaseRoute

from batch_cli.serve.desk import Desk
from batch_cli.serve.google import batches, files, live, uploads
from batch_cli.serve.live_model import LiveModel

VERSIONS = ("v1", "v1beta")
"""google-genai for Python calls v1 since 3.0; older ones, Node's and most scripts call v1beta.

Source: google-genai 3.4.0 and 2.34.0, @google/genai 2.32 (seen 2026-11-21).
"""


def routes(desk: Desk, wake: Callable[[], None]) -> list[BaseRoute]:
    """Give the routes; ``wake`` tells the conductor that there is something to do."""
    model = LiveModel(desk)
    sessions = uploads.Uploads(desk)
    return [
        route
        for version in VERSIONS
        for route in (
            *uploads.routes(sessions, version),
            *files.routes(desk, version),
            *batches.routes(desk, wake, version),
            *live.routes(model, version),
        )
    ]
