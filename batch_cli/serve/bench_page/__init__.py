"""The page ``/bench``: a tester of this server's prediction endpoints that runs in a browser.

Three static files and a policy that lets them run and ask nothing but this server. What the server says is shown
as text only: no script here writes HTML.
"""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

PATHS = {
    "/bench": ("bench.html", "text/html; charset=utf-8"),
    "/bench/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/bench/style.css": ("style.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def routes() -> list[BaseRoute]:
    """Give the routes of the page and its two files."""
    return [Route(path, _answer, methods=["GET"]) for path in PATHS]


async def _answer(request: Request) -> Response:
    name, kind = PATHS[request.url.path]
    content = files("batch_cli.serve.bench_page").joinpath(name).read_bytes()
    return Response(content, headers={**_HEADERS, "content-type": kind})
