"""Spice's ``/v1/predict``: the body that is sent, and the one that comes back; pure.

Members may be missing or null, numbers inside an array may be null, and a word for the status may be new.
Source: github.com/spiceai/spiceai, handlers of ``/v1/predict`` (v0.x to v2.1.x; read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.errors import quoted
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict.prediction import FAILED, SUCCESS, Answer, NotAnAnswer, Prediction
from batch_cli.predict.torch_answer import number

_NO_REASON = "the server gave no reason"


def request_body(names: Sequence[str]) -> JsonObject:
    """Give the body that asks for a prediction of each model, in this order; a name may stand in it twice."""
    return {"predictions": [{"model_name": name} for name in names]}


def read(body: JsonValue, names: Sequence[str]) -> Answer:
    """Read the answer for ``names``: by position, since a name may stand there twice.

    Raises:
        NotAnAnswer: it is no answer of this wire, or to another request: the counts differ.
    """
    found = body.get("predictions") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(found, list):
        raise NotAnAnswer("the answer has no list of predictions")
    if len(found) != len(names):
        raise NotAnAnswer(f"{len(names):,} predictions were asked for, the answer has {len(found):,}")
    predictions = [read_one(one, at, names[at]) for at, one in enumerate(found)]
    notes = [
        f"prediction {at} is of {quoted(str(one.get('model_name')))}, asked for was {quoted(names[at])}"
        for at, one in enumerate(found)
        if isinstance(one, dict) and one.get("model_name") not in (None, names[at])
    ]
    return Answer(predictions, number(body.get("duration_ms")), notes)


def read_one(value: JsonValue, index: int, name: str) -> Prediction:
    """Read one prediction.

    Raises:
        NotAnAnswer: it is no object.
    """
    if not isinstance(value, dict):
        raise NotAnAnswer(f"prediction {index} is not an object")
    values = _values(value.get("prediction"))
    error = _text(value.get("error_message"))
    status = _text(value.get("status")) or (SUCCESS if values is not None and error is None else FAILED)
    is_success = status.casefold() == SUCCESS.casefold()
    if error is None and not (is_success and values is not None):
        error = "the answer has no prediction" if is_success else _NO_REASON
    return Prediction(
        index,
        name,
        status,
        values if is_success else None,
        error,
        _text(value.get("model_version")),
        number(value.get("duration_ms")),
    )


def _values(value: JsonValue) -> list[float | None] | None:
    """Give the numbers; what is none becomes None, as the wire writes what is not finite."""
    if not isinstance(value, list):
        return None
    return [
        item if isinstance(item, int | float) and not isinstance(item, bool) else number(item)
        for item in value
    ]


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
