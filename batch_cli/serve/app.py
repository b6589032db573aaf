"""The application: the routes of every wire, behind one gate.

A wire is a package with its routes and its shape of errors. They share the desk, the engine and the gate, and
nothing else: what a client of one wire sees never depends on another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from batch_cli import __version__
from batch_cli.jsonl import dumps
from batch_cli.serve import bench_page, google, ledger, metrics
from batch_cli.serve.anthropic import batches as message_batches
from batch_cli.serve.anthropic import live as messages
from batch_cli.serve.anthropic import objects as anthropic_objects
from batch_cli.serve.config import ServerConfig
from batch_cli.serve.desk import Desk
from batch_cli.serve.flavour import Flavour
from batch_cli.serve.gate import Access, Gate
from batch_cli.serve.google.objects import error_answer as google_error
from batch_cli.serve.openai import batches, files, live, uploads
from batch_cli.serve.openai.objects import error_answer
from batch_cli.serve.prediction import Models
from batch_cli.serve.prediction import routes as prediction_routes
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.scenarios import control
from batch_cli.serve.scenarios.layer import Layer
from batch_cli.serve.scenarios.stage import Stage
from batch_cli.serve.wires import Wire, wire_of


def build(
    config: ServerConfig, desk: Desk, stage: Stage, wake: Callable[[], None], log: Callable[[str], None]
) -> Gate:
    """Build the application; ``wake`` tells the conductor that there is something to do."""
    own: list[BaseRoute] = [
        Route("/health", _health, methods=["GET"]),
        *ledger.routes(desk),
        *control.routes(stage),
        Route("/metrics", partial(_metrics, desk), methods=["GET"]),
        *(bench_page.routes() if config.ui else ()),
    ]
    served = [
        route
        for part in (files.routes(desk), uploads.routes(desk), batches.routes(desk, wake), live.routes(desk))
        for route in part
        if config.flavour.serves(route.path)
    ]
    openai: list[BaseRoute] = [
        *config.flavour.further(served),
        *prediction_routes(Models.load(config.prediction_models), old_shapes=config.old_shapes),
        *served,
    ]
    wires: dict[Wire, list[BaseRoute]] = {"openai": openai, "anthropic": [], "google": []}
    if (
        config.backend is None
    ):  # a model server has the endpoints of OpenAI's wire, and is asked for no others
        wires["anthropic"] = [*message_batches.routes(desk, wake), *messages.routes(desk)]
        wires["google"] = google.routes(desk, wake)
    access = Access(config.hosts, config.token, config.needs_key)
    application = _Application(
        {wire: [*own, *routes] for wire, routes in wires.items()}, has_backend=config.backend is not None
    )
    layer = Layer(application, stage, desk.machine_clock)
    render = partial(_render, config.flavour)
    return Gate(layer, access, render, desk.machine_clock, log, desk.metrics)


class _Application:
    """The routes of each wire, told that they are part of an application: a wrong method then raises, too."""

    def __init__(self, routes: Mapping[Wire, Sequence[BaseRoute]], *, has_backend: bool) -> None:
        unknown = partial(_unknown, has_backend=has_backend)
        self._routers = {
            wire: Router(routes, redirect_slashes=False, default=unknown) for wire, routes in routes.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self._routers[wire_of(scope)](scope, receive, send)


def _render(flavour: Flavour, scope: Scope, refusal: Refusal) -> Response:
    """Write an error in the shape of the wire that was called."""
    match wire_of(scope):
        case "anthropic":
            return anthropic_objects.error_answer(scope, refusal)
        case "google":
            return google_error(refusal)
        case "openai":
            return error_answer(refusal, flavour)


async def _unknown(scope: Scope, receive: Receive, send: Send, *, has_backend: bool) -> None:
    del receive, send
    message = f"Invalid URL ({scope['method']} {scope['path'][:200]})"
    if has_backend and wire_of(scope) != "openai":
        message += "; with --backend only OpenAI's wire is served"
    raise Refusal(404, message, code="unknown_url")


async def _health(request: Request) -> Response:
    del request
    return Response(dumps({"status": "ok", "version": __version__}), media_type="application/json")


async def _metrics(desk: Desk, request: Request) -> Response:
    del request
    count, size = desk.records.file_totals()
    waiting, completed, failed, running = desk.engine.totals()
    gauges = {
        "batch_cli_batches": desk.records.statuses(),
        "batch_cli_batch_requests": {
            "waiting": waiting - running,
            "running": running,
            "completed": completed,
            "failed": failed,
        },
        "batch_cli_files": {"": count},
        "batch_cli_file_bytes": {"": size},
    }
    return PlainTextResponse(desk.metrics.text(gauges), media_type=metrics.CONTENT_TYPE)
