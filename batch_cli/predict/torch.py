"""Predictions of the PyTorch server: batches of inputs, single ones, its examples, what it says about itself."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.httpclient.client import HttpClient
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict import torch_answer
from batch_cli.predict.prediction import FAILED, SUCCESS, Answer, NotAnAnswer, Prediction
from batch_cli.predict.server import PredictionServer

HINTS = {
    401: "later versions want a key: set TORCH_API_KEY, or use --api-key-file FILE",
    403: "later versions want a key: set TORCH_API_KEY, or use --api-key-file FILE",
    404: "not every version of the server has this path: try --single, or check --base-url",
    413: "send fewer inputs at once: --chunk-size 100",
    422: "the server says what is wrong with the request",
}
BROKEN = "look at the server's log; --chunk-size sends fewer inputs at once"
_EXAMPLE = "example"


class Torch:
    """Asks a PyTorch server."""

    def __init__(
        self,
        client: HttpClient,
        *,
        seconds: float,
        model: str | None = None,
        priority: int | None = None,
        limit: float | None = None,
    ) -> None:
        """Give each request ``seconds``; ``limit`` is what the server is told to take at most for the inputs."""
        self.server = PredictionServer(client, seconds=seconds, hints=HINTS, broken=BROKEN)
        self._model = model
        settings = {"priority": priority, "timeout": limit, "model_name": model}
        self._settings = {name: value for name, value in settings.items() if value is not None}

    def predict(self, inputs: Sequence[JsonValue]) -> Answer:
        """Ask for a prediction of each input in one request; a failed input is one of the predictions.

        Raises:
            BatchCliError: there is no proper answer.
        """
        return self._ask("/predict/batch", {"inputs": list(inputs), **self._settings}, len(inputs))

    def predict_one(self, value: JsonValue) -> Answer:
        """Ask for the prediction of one input.

        Raises:
            BatchCliError: there is no proper answer.
        """
        return self._ask("/predict", {"inputs": value, **self._settings}, 1)

    def examples(self) -> Answer:
        """Ask for the server's own example, whose inputs are 1 to 5.

        Raises:
            BatchCliError: there is no proper answer.
        """
        return self._ask("/examples/batch", {}, None)

    def facts(self, path: str) -> JsonObject:
        """Give what the server says at a path.

        Raises:
            BatchCliError: there is no proper answer.
        """
        value = self.server.value(self.server.get(path))
        if not isinstance(value, dict):
            raise self.server.damaged("it is no JSON object")
        return value

    def is_ready(self) -> bool:
        """Tell whether it is healthy: the flag says so, not the status, which is always 200 (see `is_healthy`).

        Raises:
            BatchCliError: it cannot be asked.
        """
        return is_healthy(self.facts("/health"))

    def _ask(self, path: str, body: JsonObject, sent: int | None) -> Answer:
        value = self.server.value(self.server.post(path, body))
        try:
            found = torch_answer.read(value, sent=sent)
        except NotAnAnswer as error:
            raise self.server.damaged(str(error)) from error
        model = found.model or self._model or _EXAMPLE
        items = found.items
        if not found.success:
            wanted = sent if sent is not None else found.input_count or 1
            items = [torch_answer.Item(None, found.error)] * wanted
        predictions = [
            Prediction(
                at,
                model,
                SUCCESS if item.error is None else FAILED,
                item.value,
                item.error,
                found.version,
            )
            for at, item in enumerate(items[:sent])
        ]
        return Answer(predictions, found.inference_ms, found.notes, len(items) - len(predictions))


def is_healthy(facts: JsonObject) -> bool:
    """Read the flag of ``/health``; a server without one is healthy because it answers."""
    return facts.get("healthy", True) is True
