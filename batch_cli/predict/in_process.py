"""Predictions without a server: a function of the user's code, or an ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from batch_cli.clock import Clock
from batch_cli.errors import ConfigError, InvalidInput, UsageError, quoted
from batch_cli.files import open_input
from batch_cli.local_models.models import Model, ModelFault, Models
from batch_cli.local_models.user_code import is_signal, raised
from batch_cli.model import JsonValue
from batch_cli.predict.ensemble import finite
from batch_cli.predict.prediction import FAILED, SUCCESS, Answer, Prediction

CHUNK = 32
"""Inputs of one run of an ONNX model, unless told otherwise."""
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}

Predict = Callable[[Sequence[JsonValue]], Answer]


def load_function(word: str, clock: Clock) -> Predict:
    """Load ``[NAME=]file.py:function``, which is called with one input at a time.

    Raises:
        UsageError: it is not of this form, or cannot be loaded.
    """
    model = next(iter(Models.load([word])))
    if model.function is None:
        raise UsageError(f"{quoted(word)} cannot be used: {model.fault}", hint="correct the file")

    def predict(inputs: Sequence[JsonValue]) -> Answer:
        begin = clock.monotonic()
        predictions = [_one(model, value, at, clock) for at, value in enumerate(inputs)]
        return Answer(predictions, (clock.monotonic() - begin) * 1000)

    return predict


def _one(model: Model, value: JsonValue, index: int, clock: Clock) -> Prediction:
    begin = clock.monotonic()
    try:
        values, fault = model.predict(value), None
    except ModelFault as error:
        values, fault = None, str(error)
    spent = (clock.monotonic() - begin) * 1000
    return Prediction(
        index, model.name, SUCCESS if fault is None else FAILED, values, fault, duration_ms=spent
    )


def load_onnx(path: Path, clock: Clock) -> Predict:
    """Load an ONNX file with one input, whose first axis is the batch; its first output is the prediction.

    A batch that fails is run again input by input, so that one bad input fails alone.

    Raises:
        ConfigError: onnxruntime is not installed.
        InvalidInput: there is no such file, or it is no model of this kind.
    """
    open_input(path).close()
    try:
        import numpy as np  # noqa: PLC0415 - an extra
        import onnxruntime  # noqa: PLC0415 - an extra, 200 ms
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--onnx needs the package {error.name}, which is not installed",
            hint="pip install 'batch-cli[ml]'",
        ) from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        if is_signal(error):
            raise
        raise InvalidInput(
            f"{quoted(str(path))} is not an ONNX model", where=raised(error), hint="check the file"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _TYPES:
        kinds = ", ".join(f"{one.name}: {one.type}" for one in inputs)
        raise InvalidInput(
            f"{quoted(str(path))} takes {kinds or 'nothing'}", hint="use a model with one input of numbers"
        )
    name, kind = inputs[0].name, _TYPES[inputs[0].type]

    def call(values: Sequence[JsonValue]) -> list[JsonValue]:
        rows: Any = session.run(None, {name: np.asarray(values, dtype=kind)})[0]
        if len(rows) != len(values):
            raise ValueError(f"{len(rows)} predictions for {len(values)} inputs")
        return [_plain(row) for row in rows.tolist()]

    def predict(values: Sequence[JsonValue]) -> Answer:
        begin = clock.monotonic()
        predictions = _in_batch(call, values, path.name)
        return Answer(predictions, (clock.monotonic() - begin) * 1000)

    return predict


def _in_batch(
    call: Callable[[Sequence[JsonValue]], list[JsonValue]], values: Sequence[JsonValue], model: str
) -> list[Prediction]:
    try:
        return [Prediction(at, model, SUCCESS, found) for at, found in enumerate(call(values))]
    except Exception as error:  # onnxruntime's exceptions have no common base of its own
        if is_signal(error):
            raise
        if len(values) == 1:
            return [Prediction(0, model, FAILED, error=raised(error))]
    return [
        prediction.moved(at)
        for at, value in enumerate(values)
        for prediction in _in_batch(call, [value], model)
    ]


def _plain(value: JsonValue) -> JsonValue:
    """Give what JSON can hold: None for a number that is not finite."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
