"""Rows of predictions: what a request line asks for, and what became of it as the row's answer; pure."""

from __future__ import annotations

from batch_cli.engine.reply import Call, Reply
from batch_cli.jsonl import exact
from batch_cli.model import JsonObject, JsonValue, object_of
from batch_cli.predict.prediction import Prediction

FAILED = "prediction_failed"
"""The code of the error of a row whose model gave no prediction."""
_OK = 200


def body_of(call: Call) -> JsonObject:
    """Give the body of a request line; integers beyond 64 bits are what they were."""
    line = exact(call.line, {"body": call.body})
    return object_of(object_of(line).get("body"))


def reply_of(prediction: Prediction, status: int) -> Reply:
    """Give a prediction as the answer of its row; a failed one has the HTTP ``status``."""
    if not prediction.is_good:
        error: JsonObject = {
            "message": prediction.error or f"the model answered with the status {prediction.status}",
            "type": prediction.status,
            "code": FAILED,
        }
        return Reply(status, {"error": error})
    body: dict[str, JsonValue] = prediction.as_json()
    del body["index"], body["error_message"]
    return Reply(_OK, body)
