"""What the registry opens for predictions: batches that our own engine runs, whoever predicts."""

from __future__ import annotations

from batch_cli.clock import Clock
from batch_cli.providers import load_codec
from batch_cli.providers.base import Place
from batch_cli.providers.direct.provider import Direct


def spice(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a Spice runtime."""
    return _opened("spice", place, clock)


def torch(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a PyTorch server."""
    return _opened("torch", place, clock)


def onnx(place: Place, clock: Clock) -> Direct:
    """Open the predictions of an ONNX file."""
    return _opened("onnx", place, clock)


def function(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a function of the user's code."""
    return _opened("function", place, clock)


def _opened(name: str, place: Place, clock: Clock) -> Direct:
    return Direct(name, load_codec(name), place, clock, lambda: place.key)
