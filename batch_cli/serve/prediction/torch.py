"""The PyTorch server's wire: predictions, examples, and what it says about itself.

Source: github.com/KolosalAI/torch-inference, ``main.py`` of August 2025 and its docs/api.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.clock import Clock, rfc3339
from batch_cli.local_models.models import Model, Models
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.prediction import torch_answers
from batch_cli.serve.prediction.body import BodyTooLarge, read_body
from batch_cli.serve.prediction.endpoint import Handler, json_response, route
from batch_cli.serve.prediction.engine_stats import EngineStats
from batch_cli.serve.prediction.http_error import HttpError
from batch_cli.serve.prediction.runner import LIMIT, Outcome, Runner

if TYPE_CHECKING:
    from batch_cli.serve.prediction.torch_requests import SingleRequest

_EXAMPLE = "example"
_EXAMPLE_INPUTS = (1, 2, 3, 4, 5)
_DEFAULT_INPUT = 42


class TorchWire:
    """The handlers of the PyTorch server's paths.

    Its engine is the model ``example``: while that is not loaded, there is no engine.
    """

    def __init__(
        self, models: Models, runner: Runner, clock: Clock, *, max_body: int, old_shapes: bool
    ) -> None:
        """Take what the handlers share; ``old_shapes`` sends what the server sent, not what its pages say."""
        self._models = models
        self._runner = runner
        self._clock = clock
        self._max_body = max_body
        self._old_shapes = old_shapes
        self._stats = EngineStats()
        self._numbers = itertools.count(1)

    def routes(self) -> list[Route]:
        """Give all routes."""
        handlers: dict[str, dict[str, Handler]] = {
            "/predict": {"POST": self.predict},
            "/predict/batch": {"POST": self.predict_batch},
            "/examples/simple": {"POST": self.example_simple},
            "/examples/batch": {"POST": self.example_batch},
            "/health": {"GET": self.health},
            "/models": {"GET": self.list_models},
            "/stats": {"GET": self.stats},
        }
        return [
            route(path, {method: self._timed(handler) for method, handler in of_path.items()}, _not_allowed)
            for path, of_path in handlers.items()
        ]

    async def predict(self, request: Request) -> Response:
        """Answer ``POST /predict``; a prediction that fails has status 200 and ``success`` false."""
        from batch_cli.serve.prediction.torch_requests import read_single  # noqa: PLC0415 - 80 ms

        raw = await self._body(request)
        return json_response(await self._single(read_single(raw, request.headers.get("content-type"))))

    async def predict_batch(self, request: Request) -> Response:
        """Answer ``POST /predict/batch``, with one result for each input, in order."""
        from batch_cli.serve.prediction.torch_requests import read_batch  # noqa: PLC0415 - 80 ms

        wanted = read_batch(await self._body(request), request.headers.get("content-type"))
        self._need_engine("Inference engine not available")
        return json_response(await self._batch(wanted, wanted.inputs))

    async def example_simple(self, request: Request) -> Response:
        """Answer ``POST /examples/simple`` with a prediction for ``input``, or for 42."""
        from batch_cli.serve.prediction.torch_requests import SingleRequest, read_object  # noqa: PLC0415 - 80 ms

        body = read_object(await self._body(request), request.headers.get("content-type"))
        value = body.get("input", _DEFAULT_INPUT)
        if self._old_shapes:
            response = await _rewrapped(self._single(SingleRequest(inputs=value)))
        else:
            response = await self._documented_simple(value)
        return json_response({"example": "simple_prediction", "input": value, "response": response})

    async def example_batch(self, request: Request) -> Response:
        """Answer ``POST /examples/batch`` with predictions for 1 to 5, whatever the body says."""
        from batch_cli.serve.prediction.torch_requests import BatchRequest  # noqa: PLC0415 - 80 ms

        del request
        inputs = list(_EXAMPLE_INPUTS)
        if self._old_shapes:
            response = await _rewrapped(self._batch(BatchRequest(inputs=inputs), inputs))
        else:
            response = await self._documented_examples(inputs)
        return json_response(
            {"example": "batch_prediction", "input_count": len(inputs), "response": response}
        )

    async def health(self, request: Request) -> Response:
        """Answer ``GET /health``: the status is always 200, the flag says how it is."""
        del request
        moment = self._clock.now()
        model = self._models.find_loaded(_EXAMPLE)
        if model is None:
            checks: JsonObject = {"inference_engine": False}
            return json_response(
                {"healthy": False, "checks": checks, "timestamp": moment, "engine_stats": None}
            )
        checks = {"engine_running": True, "model_loaded": True, "queue_size": 0, "queue_healthy": True}
        checks |= await self._try(model)
        healthy = checks["inference_healthy"]
        stats = self._stats.as_json()
        return json_response(
            {"healthy": healthy, "checks": checks, "timestamp": moment, "engine_stats": stats}
        )

    async def list_models(self, request: Request) -> Response:
        """Answer ``GET /models`` with the models that are loaded."""
        del request
        names = [model.name for model in self._models if model.function is not None]
        info = {name: {"model_name": name, "loaded": True, "device": "cpu"} for name in names}
        return json_response({"models": names, "model_info": info, "total_models": len(names)})

    async def stats(self, request: Request) -> Response:
        """Answer ``GET /stats``."""
        del request
        self._need_engine("Inference engine not available")
        return json_response({"stats": self._stats.as_json(), "performance_report": self._stats.report()})

    async def _single(self, wanted: SingleRequest) -> JsonObject:
        self._need_engine("Inference services not available")
        model = self._models.find_loaded(wanted.model_name)
        if model is None:
            about = {"model": wanted.model_name, "available": False}
            return torch_answers.single_failed(_unavailable(wanted.model_name), about)
        try:
            outcomes, stamp = await self._run(model, [wanted.inputs], wanted.timeout)
        except TimeoutError:
            return torch_answers.single_failed("" if self._old_shapes else "timeout exceeded")
        return torch_answers.single(outcomes[0], stamp)

    async def _batch(self, wanted: SingleRequest, inputs: list[JsonValue]) -> JsonObject:
        self._need_engine("Inference engine not available")
        size = len(inputs) if self._old_shapes else 0
        model = self._models.find_loaded(wanted.model_name)
        if model is None:
            return torch_answers.batch_failed(_unavailable(wanted.model_name), batch_size=size)
        try:
            outcomes, stamp = await self._run(model, inputs, wanted.timeout)
        except TimeoutError:
            error = "" if self._old_shapes else "Batch processing failed: timeout exceeded"
            return torch_answers.batch_failed(error, batch_size=size)
        shape = torch_answers.old_batch if self._old_shapes else torch_answers.documented_batch
        return shape(outcomes, stamp)

    async def _documented_simple(self, value: JsonValue) -> JsonObject:
        outcomes, stamp = await self._run_example([value], "Model inference failed")
        return torch_answers.documented_simple(outcomes[0], stamp, value)

    async def _documented_examples(self, inputs: list[JsonValue]) -> JsonObject:
        outcomes, stamp = await self._run_example(inputs, "Batch inference failed", kind="batch_req")
        return torch_answers.documented_examples(outcomes, stamp)

    async def _run_example(
        self, inputs: list[JsonValue], failed: str, *, kind: str = "req"
    ) -> tuple[list[Outcome], torch_answers.Stamp]:
        """Run the example model; what the pages say of failures is a 500 whose detail begins with ``failed``."""
        model = self._models.find_loaded(_EXAMPLE)
        if model is None:
            raise HttpError(500, f"{failed}: Model not available")
        try:
            outcomes, stamp = await self._run(model, inputs, None, kind=kind)
        except TimeoutError:
            raise HttpError(500, f"{failed}: timeout exceeded") from None
        if all(outcome.values is None for outcome in outcomes):
            raise HttpError(500, f"{failed}: {outcomes[0].fault}")
        return outcomes, stamp

    async def _run(
        self, model: Model, inputs: list[JsonValue], limit: float | None, *, kind: str = "req"
    ) -> tuple[list[Outcome], torch_answers.Stamp]:
        """Run and count; a time limit of 0 is none, as in the server.

        Raises:
            TimeoutError: the time is over.
        """
        begin = self._clock.monotonic()
        outcomes: list[Outcome] = []
        try:
            if inputs:
                outcomes = await self._runner.run(model, inputs, limit=limit or LIMIT)
        finally:
            seconds = self._clock.monotonic() - begin
            good = sum(outcome.values is not None for outcome in outcomes)
            self._stats.record(inputs=len(inputs), errors=len(inputs) - good, seconds=seconds)
        request_id = f"{kind}_{next(self._numbers):05d}"
        timestamp = rfc3339(self._clock.now()) or ""
        return outcomes, torch_answers.Stamp(model.name, model.version, request_id, timestamp, seconds)

    async def _try(self, model: Model) -> JsonObject:
        """Give the health checks of one prediction."""
        try:
            (outcome,) = await self._runner.run(model, [_DEFAULT_INPUT])
        except TimeoutError:
            return {"inference_healthy": False, "inference_error": "timeout exceeded"}
        if outcome.values is None:
            return {"inference_healthy": False, "inference_error": outcome.fault}
        return {"test_inference_ms": outcome.seconds * 1000, "inference_healthy": True}

    def _need_engine(self, detail: str) -> None:
        if self._models.find_loaded(_EXAMPLE) is None:
            raise HttpError(503, detail)

    async def _body(self, request: Request) -> bytes:
        try:
            return await read_body(request, self._max_body)
        except BodyTooLarge:
            raise HttpError(413, f"Request body is larger than {self._max_body} bytes") from None

    def _timed(self, handler: Handler) -> Handler:
        """Add the header that says how many seconds it took, and turn errors into FastAPI's bodies."""

        async def timed(request: Request) -> Response:
            begin = self._clock.monotonic()
            try:
                response = await handler(request)
            except HttpError as error:
                response = error.response()
            response.headers["x-process-time"] = str(self._clock.monotonic() - begin)
            return response

        return timed


async def _rewrapped(answer: Awaitable[JsonObject]) -> JsonObject:
    """Give the answer; an error becomes a 500 around it, because the server's examples called its own handlers."""
    try:
        return await answer
    except HttpError as error:
        raise HttpError(500, str(error)) from error


def _unavailable(name: str) -> str:
    return f"Model '{name}' is not available"


def _not_allowed(headers: Mapping[str, str]) -> Response:
    response = HttpError(405, "Method Not Allowed").response()
    response.headers.update({**headers, "x-process-time": "0.0"})
    return response
