"""Spice's prediction wire: ``/v1/predict``, ``/v1/models/{name}/predict`` and ``/v1/ready``.

Source: github.com/spiceai/spiceai, handlers of ``/v1/predict`` (v0.x to v2.1.x; removed by #11684, 2026-07-09)
and of ``/v1/ready``; texts of refused bodies: docs.rs/axum-core, ``JsonRejection`` (read 2026-11-21).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from batch_cli.clock import Clock
from batch_cli.local_models.models import Model, Models
from batch_cli.local_models.samples import SERIES
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.prediction.body import BodyTooLarge, NotJson, is_json_type, parse, read_body
from batch_cli.serve.prediction.endpoint import json_response, route
from batch_cli.serve.prediction.runner import LIMIT, Runner

_HTTP_STATUS = {"Success": 200, "BadRequest": 400, "InternalError": 500}
_NO_EXECUTORS = (
    "executor gates (min_ready_executors, min_ready_executors_percent) require scheduler role;"
    " this runtime has no executor registry"
)
_DIGITS = 10
_GATES = {"min_ready_executors": 2**32 - 1, "min_ready_executors_percent": 255}
_WORDS = {"true": True, "false": False}


class Refused(Exception):
    """The request is answered with a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        """Take both."""
        super().__init__(text)
        self.status = status
        self.text = text


class SpiceWire:
    """The handlers of Spice's paths. Every model predicts from the same series of numbers, its dataset."""

    def __init__(
        self, models: Models, runner: Runner, clock: Clock, *, max_body: int, old_shapes: bool
    ) -> None:
        """Take what the handlers share; ``old_shapes`` gives the words and lists of v0.x."""
        self._models = models
        self._runner = runner
        self._clock = clock
        self._max_body = max_body
        self._old_shapes = old_shapes

    def routes(self) -> list[Route]:
        """Give all routes but the list of models, whose path OpenAI's wire has too."""
        return [
            route("/v1/predict", {"POST": self.predict_all}, not_allowed),
            route("/v1/models/{name:path}/predict", {"GET": self.predict_one}, not_allowed),
            route("/v1/ready", {"GET": self.ready}, not_allowed),
        ]

    async def predict_all(self, request: Request) -> Response:
        """Answer ``POST /v1/predict``: one prediction for each name, in order, one after the other.

        The status is 200 whatever became of them; the same name twice is computed twice.
        """
        begin = self._clock.monotonic()
        try:
            names = await self._read_names(request)
        except Refused as refusal:
            return PlainTextResponse(refusal.text, refusal.status)
        predictions = [await self._predict(name) for name in names]
        duration = _milliseconds(self._clock.monotonic() - begin)
        return json_response({"predictions": predictions, "duration_ms": duration})

    async def predict_one(self, request: Request) -> Response:
        """Answer ``GET /v1/models/{name}/predict``: the same object, with a status that says what became of it."""
        prediction = await self._predict(request.path_params["name"])
        return json_response(prediction, _HTTP_STATUS[prediction["status"]])

    async def ready(self, request: Request) -> Response:
        """Answer ``GET /v1/ready``: ready once every model is loaded."""
        try:
            verbose = _check_gates(request.query_params)
        except Refused as refusal:
            return PlainTextResponse(refusal.text, refusal.status)
        is_ready = not self._models.unloaded
        text = "ready" if is_ready else "not ready"
        if self._old_shapes:
            text = "Ready" if is_ready else "not ready"
        elif verbose:
            text = f"{'[+] components ok' if is_ready else '[-] components not ready'}\n{text}"
        return PlainTextResponse(text, 200 if is_ready else 503)

    async def _read_names(self, request: Request) -> list[str]:
        if not is_json_type(request.headers.get("content-type", "")):
            raise Refused(415, "Expected request with `Content-Type: application/json`")
        try:
            body = parse(await read_body(request, self._max_body))
        except BodyTooLarge:
            raise Refused(413, "Failed to buffer the request body: length limit exceeded") from None
        except NotJson as fault:
            place = f"at line {fault.line} column {fault.column}"
            raise Refused(
                400, f"Failed to parse the request body as JSON: {fault.message} {place}"
            ) from fault
        return _names(body)

    async def _predict(self, name: str) -> JsonObject:
        begin = self._clock.monotonic()
        model = self._models.find(name)
        answer: JsonObject = {"status": "BadRequest", "error_message": f"Model {name} not found"}
        if model is not None and model.function is not None:
            answer = await self._run(model)
        answer["model_name"] = name
        if model is not None and model.version is not None:
            answer["model_version"] = model.version
        answer["duration_ms"] = _milliseconds(self._clock.monotonic() - begin)
        return answer

    async def _run(self, model: Model) -> JsonObject:
        try:
            (outcome,) = await self._runner.run(model, [list(SERIES)])
        except TimeoutError:
            return {"status": "InternalError", "error_message": f"no prediction within {LIMIT:g} seconds"}
        if outcome.values is None:
            return {"status": "InternalError", "error_message": outcome.fault}
        return {"status": "Success", "prediction": [_single(value) for value in outcome.values]}


def _names(body: JsonValue) -> list[str]:
    """Give the model names of a body; fields that nobody knows, ``lookback`` among them, are passed over."""
    if not isinstance(body, dict):
        raise _mismatch(f"invalid type: {_kind(body)}, expected struct BatchPredictRequest")
    requests = body.get("predictions", [])
    if not isinstance(requests, list):
        raise _mismatch(f"predictions: invalid type: {_kind(requests)}, expected a sequence")
    for at, request in enumerate(requests):
        if not isinstance(request, dict):
            raise _mismatch(
                f"predictions[{at}]: invalid type: {_kind(request)}, expected struct PredictRequest"
            )
        if "model_name" not in request:
            raise _mismatch(f"predictions[{at}]: missing field `model_name`")
        name = request["model_name"]
        if not isinstance(name, str):
            raise _mismatch(f"predictions[{at}].model_name: invalid type: {_kind(name)}, expected a string")
    return [request["model_name"] for request in requests]


def _mismatch(what: str) -> Refused:
    return Refused(422, f"Failed to deserialize the JSON body into the target type: {what}")


def _kind(value: JsonValue) -> str:
    """Name the type of a JSON value in Serde's words."""
    if isinstance(value, bool):
        return "boolean"
    names = {type(None): "null", int: "integer", float: "floating point", str: "string", list: "sequence"}
    return names.get(type(value), "map")


def _check_gates(query: Mapping[str, str]) -> bool:
    """Refuse what asks for executors, which this server has none of; give whether ``verbose`` is asked for."""
    numbers = {}
    for name, largest in _GATES.items():
        text = query.get(name, "0")
        if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) <= largest):
            raise Refused(400, f"Failed to deserialize query string: {name}: invalid digit found in string")
        numbers[name] = int(text)
    if numbers["min_ready_executors_percent"] > 100:  # noqa: PLR2004 - per cent
        raise Refused(400, "min_ready_executors_percent must be between 0 and 100")
    if any(numbers.values()):
        raise Refused(400, _NO_EXECUTORS)
    verbose = query.get("verbose", "false")
    if verbose not in _WORDS:
        raise Refused(400, "Failed to deserialize query string: verbose: expected `true` or `false`")
    return _WORDS[verbose]


def _single(value: float | None) -> float | None:
    """Round to single precision and give the shortest number that means it, as Spice prints it.

    Nine digits are enough for any of them. Beyond the range it is None, as the wire shows infinity.
    """
    if value is None:
        return None
    try:
        (exact,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return None
    return next(
        (
            short
            for digits in range(6, 10)
            if struct.pack("f", short := float(f"{exact:.{digits}g}")) == struct.pack("f", exact)
        ),
        exact,
    )


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1000))


def not_allowed(headers: Mapping[str, str]) -> Response:
    """Refuse a method as axum does, without a body."""
    return Response(status_code=405, headers=dict(headers))
