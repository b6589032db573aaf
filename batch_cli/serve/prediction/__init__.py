"""The wires of machine-learning servers that answer predictions: Spice's, and the PyTorch server's."""

from __future__ import annotations

from batch_cli.local_models.models import Model, Models
from batch_cli.serve.prediction.routing import routes
from batch_cli.serve.prediction.spice_models import model_entries

__all__ = ["Model", "Models", "model_entries", "routes"]
