"""Spice's ``GET /v1/models``: its route, and its entries for a server that has a list of its own on this path."""

from __future__ import annotations

import csv
import io

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from batch_cli.local_models.models import Models
from batch_cli.model import JsonObject
from batch_cli.serve.prediction.endpoint import json_response, route
from batch_cli.serve.prediction.spice import not_allowed

_DATASET = "samples"
_OWNER = "batch-cli"
_WORDS = {"true": True, "false": False}


def model_entries(models: Models, *, with_status: bool = False) -> list[JsonObject]:
    """Give the models in today's form, which OpenAI's clients take as well; the states only if asked for."""
    return [
        {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": _OWNER,
            "datasets": [_DATASET],
            **({"status": model.status} if with_status else {}),
        }
        for model in models
    ]


def models_route(models: Models, *, old_shapes: bool) -> Route:
    """Give the route: JSON or, with ``format=csv``, a table; ``status=true`` adds the states.

    ``old_shapes`` is the list of v0.x: a bare array of name, from and datasets.
    """

    async def list_models(request: Request) -> Response:
        form = request.query_params.get("format", "json").lower()
        with_status = _WORDS.get(request.query_params.get("status", "false").lower())
        if form not in {"json", "csv"} or with_status is None:
            return PlainTextResponse("Failed to deserialize query string: unknown format or status", 400)
        entries = _old_entries(models) if old_shapes else model_entries(models, with_status=with_status)
        if form == "csv":
            return PlainTextResponse(_as_csv(entries), media_type="text/csv")
        return json_response(entries if old_shapes else {"object": "list", "data": entries})

    return route("/v1/models", {"GET": list_models}, not_allowed)


def _old_entries(models: Models) -> list[JsonObject]:
    return [{"name": model.name, "from": model.source, "datasets": [_DATASET]} for model in models]


def _as_csv(entries: list[JsonObject]) -> str:
    """Write the list under a line of names; datasets are joined by semicolons, `created` is OpenAI's alone."""
    lines = io.StringIO()
    rows = [{**entry, "datasets": ";".join(entry["datasets"])} for entry in entries]
    names = [name for name in rows[0] if name != "created"] if rows else []
    writer = csv.DictWriter(lines, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()
