"""How several rows become one request to a prediction server, and its answer theirs again; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batch_cli.engine.handlers.predict.rows import reply_of
from batch_cli.engine.reply import Reply
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict import spice_answer, torch_answer
from batch_cli.predict.prediction import FAILED, SUCCESS, NotAnAnswer, Prediction

_MODEL_FAULT = 500
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire of predictions."""

    path: str
    """Where several rows are asked for at once."""
    write: Callable[[Sequence[JsonObject]], JsonObject]
    """Makes one body of rows that share their settings."""
    read: Callable[[JsonValue, Sequence[JsonObject]], list[Reply]]
    """Gives one reply for each row, in order; raises `NotAnAnswer` where the answer is none of all of them."""
    hint: str
    """What to do where the server has none of the paths."""
    single: str | None = None
    """Where one row is asked for, for a server that has no ``path``."""


def _write_names(rows: Sequence[JsonObject]) -> JsonObject:
    return spice_answer.request_body([row["model_name"] for row in rows])


def _read_names(value: JsonValue, rows: Sequence[JsonObject]) -> list[Reply]:
    answer = spice_answer.read(value, [row["model_name"] for row in rows])
    return [
        reply_of(one, _BAD_REQUEST if one.status == "BadRequest" else _MODEL_FAULT)
        for one in answer.predictions
    ]


def _write_inputs(rows: Sequence[JsonObject]) -> JsonObject:
    return {**rows[0], "inputs": [row["inputs"] for row in rows]}


def _read_inputs(value: JsonValue, rows: Sequence[JsonObject]) -> list[Reply]:
    found = torch_answer.read(value, sent=len(rows))
    if not found.success:
        raise NotAnAnswer(found.error or torch_answer.NO_REASON)
    name = found.model or rows[0]["model_name"]
    return [
        reply_of(
            Prediction(
                at, name, SUCCESS if item.error is None else FAILED, item.value, item.error, found.version
            ),
            _MODEL_FAULT,
        )
        for at, item in enumerate(found.items[: len(rows)])
    ]


WIRES = {
    "spice": Wire(
        "/v1/predict",
        _write_names,
        _read_names,
        "Spice has it up to v2.1, with the models feature: start that, then run the same command again",
    ),
    "torch": Wire(
        "/predict/batch",
        _write_inputs,
        _read_inputs,
        "start the server that has it, then run the same command again; or submit with another --base-url",
        "/predict",
    ),
}
