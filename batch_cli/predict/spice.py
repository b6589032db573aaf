"""Predictions of Spice: many models in one request, or one by one; what it says about itself.

Source: github.com/spiceai/spiceai, v0.x to v2.1.x; predictions were removed by #11684 on 2026-07-09.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from batch_cli.httpclient.client import HttpClient
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict import spice_answer
from batch_cli.predict.prediction import Answer, NotAnAnswer
from batch_cli.predict.server import PredictionServer

HINTS = {
    401: "set SPICE_API_KEY to the key of runtime.auth.api-key, or use --api-key-file FILE",
    403: "set SPICE_API_KEY to the key of runtime.auth.api-key, or use --api-key-file FILE",
    404: "use Spice v2.1 or older with the models feature: predictions were removed after v2.1; or check --base-url",
    413: "send fewer models at once: --chunk-size 1000",
}
BROKEN = "Spice breaks off at a model without datasets: ask for the models one by one with --single"
_WITH_OBJECT = (200, 400, 500)
"""Statuses with which the path of one model answers with its prediction, good or not."""


class Spice:
    """Asks a Spice runtime."""

    def __init__(self, client: HttpClient, *, seconds: float) -> None:
        """Give each request ``seconds``."""
        self.server = PredictionServer(client, seconds=seconds, hints=HINTS, broken=BROKEN)

    def predict(self, names: Sequence[str]) -> Answer:
        """Ask for a prediction of each model in one request.

        Raises:
            BatchCliError: there is no proper answer; a failed model is no error but one of the predictions.
        """
        reply = self.server.post("/v1/predict", spice_answer.request_body(names))
        try:
            return spice_answer.read(self.server.value(reply), names)
        except NotAnAnswer as error:
            raise self.server.damaged(str(error)) from error

    def predict_one(self, name: str) -> Answer:
        """Ask for the prediction of one model at its own path, where the status says what became of it.

        Raises:
            BatchCliError: there is no proper answer.
        """
        reply = self.server.get(f"/v1/models/{quote(name, safe='')}/predict")
        if reply.status in _WITH_OBJECT:
            try:
                one = spice_answer.read_one(loads(reply.body), 0, name)
            except (NotAnAnswer, ValueError) as error:
                if reply.is_good:
                    raise self.server.damaged(str(error)) from error
            else:
                return Answer([one], one.duration_ms)
        raise self.server.refused(reply)

    def models(self) -> list[JsonObject]:
        """Give the models with their states; both forms of the list are read.

        Raises:
            BatchCliError: there is no proper answer.
        """
        value = self.server.value(self.server.get("/v1/models?status=true"))
        entries = value.get("data") if isinstance(value, dict) else value
        if not isinstance(entries, list):
            raise self.server.damaged("it has no list of models")
        return [_entry(entry) for entry in entries if isinstance(entry, dict)]

    def is_ready(self) -> bool:
        """Tell whether every component is loaded: the status and the word, which older versions write with a capital.

        Raises:
            BatchCliError: it cannot be asked, or refuses the question.
        """
        reply = self.server.get("/v1/ready")
        if reply.status in (200, 503):
            words = reply.body.decode("utf-8", "replace").casefold().split("\n")
            return reply.is_good and "ready" in [word.strip() for word in words]
        raise self.server.refused(reply)

    def health(self) -> JsonObject:
        """Give whether it runs, which needs no key.

        Raises:
            BatchCliError: it cannot be asked.
        """
        reply = self.server.get("/health")
        said = reply.body[:200].decode("utf-8", "replace").strip()
        return {"healthy": reply.is_good, "said": said}


def _entry(entry: JsonObject) -> JsonObject:
    return {
        "name": _text(entry.get("id")) or _text(entry.get("name")),
        "status": _text(entry.get("status")),
        "from": _text(entry.get("from")),
        "datasets": entry.get("datasets") if isinstance(entry.get("datasets"), list) else [],
    }


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
