"""``/_emulator/scenario``: which scenario is played, and another one from now on."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.errors import InvalidInput
from batch_cli.jsonl import dumps
from batch_cli.serve.bodies import read_json
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.scenarios.built_in import BUILT_IN
from batch_cli.serve.scenarios.reading import decode
from batch_cli.serve.scenarios.scenario import Scenario, together
from batch_cli.serve.scenarios.stage import Stage


def routes(stage: Stage) -> list[Route]:
    """Give the routes."""
    return [
        Route("/_emulator/scenario", partial(_show, stage), methods=["GET"]),
        Route("/_emulator/scenario", partial(_change, stage), methods=["POST"]),
    ]


async def _show(stage: Stage, request: Request) -> Response:
    del request
    return Response(dumps(stage.state()), media_type="application/json")


async def _change(stage: Stage, request: Request) -> Response:
    """Play what is sent: a document, or ``{"play": NAMES}`` for those that are built in."""
    body = await read_json(request)
    try:
        stage.change(_named(body["play"]) if "play" in body else decode(body, "sent"))
    except InvalidInput as error:
        said = "; ".join(problem.message for problem in error.problems)
        raise Refusal(400, f"{error.message}: {said}") from None
    return await _show(stage, request)


def _named(given: object) -> Scenario:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name in BUILT_IN for name in names):
        raise Refusal(
            400, "Invalid 'play': expected names of \"batch-cli serve --list-scenarios\".", param="play"
        )
    return together([decode(BUILT_IN[name], name) for name in names])
