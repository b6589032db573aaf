"""All routes of the prediction wires, around one set of models."""

from __future__ import annotations

from starlette.routing import Route

from batch_cli.clock import Clock, SystemClock
from batch_cli.local_models.models import Models
from batch_cli.serve.prediction.body import MAX_BODY
from batch_cli.serve.prediction.runner import Runner
from batch_cli.serve.prediction.spice import SpiceWire
from batch_cli.serve.prediction.spice_models import models_route
from batch_cli.serve.prediction.torch import TorchWire


def routes(
    models: Models,
    *,
    old_shapes: bool = False,
    clock: Clock | None = None,
    max_body: int = MAX_BODY,
    with_list: bool = False,
) -> list[Route]:
    """Give the routes of Spice's and the PyTorch server's prediction endpoints.

    ``old_shapes`` sends what old servers sent where their documentation says otherwise. ``with_list`` adds
    Spice's ``GET /v1/models``: leave it out beside OpenAI's, and put `model_entries` into that one's list.
    Mount them before any route with ``/v1/models/{id:path}``. ``/health`` is among them, as the PyTorch
    server answers it. They belong to one event loop.
    """
    clock = clock or SystemClock()
    runner = Runner(clock)
    spice = SpiceWire(models, runner, clock, max_body=max_body, old_shapes=old_shapes)
    torch = TorchWire(models, runner, clock, max_body=max_body, old_shapes=old_shapes)
    listing = [models_route(models, old_shapes=old_shapes)] if with_list else []
    return [*spice.routes(), *torch.routes(), *listing]
