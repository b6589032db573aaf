"""What the registry opens for predictions: batches that our own engine runs, whoever predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

from batch_cli.clock import Clock
from batch_cli.httpclient.client import HttpClient
from batch_cli.httpclient.origin import Origin
from batch_cli.model import JsonValue
from batch_cli.predict.spice import Spice
from batch_cli.predict.torch import Torch
from batch_cli.providers import load_codec
from batch_cli.providers.account import OfferedModel
from batch_cli.providers.base import Place
from batch_cli.providers.direct.destinations import destination
from batch_cli.providers.direct.provider import Direct
from batch_cli.providers.hosted.connection import connect

_SECONDS = 30.0


def spice(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a Spice runtime."""
    return _opened("spice", place, clock, lambda: _spice_models(place, clock))


def torch(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a PyTorch server."""
    return _opened("torch", place, clock, lambda: _torch_models(place, clock))


def onnx(place: Place, clock: Clock) -> Direct:
    """Open the predictions of an ONNX file."""
    return _opened("onnx", place, clock)


def function(place: Place, clock: Clock) -> Direct:
    """Open the predictions of a function of the user's code."""
    return _opened("function", place, clock)


def _opened(
    name: str,
    place: Place,
    clock: Clock,
    models: Callable[[], Iterator[OfferedModel]] = lambda: iter(()),
) -> Direct:
    return Direct(name, load_codec(name), place, clock, lambda: place.key, models)


def _spice_models(place: Place, clock: Clock) -> Iterator[OfferedModel]:
    with closing(_client("spice", place, clock)) as client:
        found = Spice(client, seconds=_SECONDS).models()
    for one in found:
        if one["name"]:
            yield OfferedModel(one["name"], one["status"] or "", batch=True)


def _torch_models(place: Place, clock: Clock) -> Iterator[OfferedModel]:
    with closing(_client("torch", place, clock)) as client:
        found = Torch(client, seconds=_SECONDS).facts("/models").get("models")
    for name in _names(found):
        yield OfferedModel(name, batch=True)


def _names(found: JsonValue) -> Iterator[str]:
    """Give the names in a list of texts or objects, or in an object by its keys."""
    for one in found if isinstance(found, list | dict) else ():
        name = one.get("name") or one.get("id") if isinstance(one, dict) else one
        if isinstance(name, str) and name:
            yield name


def _client(name: str, place: Place, clock: Clock) -> HttpClient:
    """Connect to where the environment says that the server is, without the version that its paths begin with."""
    address = destination(name, None).address(place.environment)
    origin = Origin.parse(address, f"{name.upper()}_BASE_URL", has_key=place.key is not None)
    origin = replace(origin, path=origin.path.removesuffix("/v1"))
    return connect(place, clock, origin, {}, key_header="x-api-key")
