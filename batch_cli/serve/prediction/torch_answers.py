"""Answers of the PyTorch server, as pure functions of what the model gave: the documented bodies and the old ones.

Source: github.com/KolosalAI/torch-inference (formerly Evintkoo/torch-inference), August 2025. The documented
bodies are those of docs/api at 13b8d9d; the old ones are what ``main.py`` sent from ef6c414 to ef5c827.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.prediction.runner import Outcome

_SOME_FAILED = "Some predictions in the batch failed - see failed_indices for details"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer says about itself."""

    model_name: str
    model_version: str | None
    request_id: str
    timestamp: str
    seconds: float
    """Spent on the whole call."""


def single(outcome: Outcome, stamp: Stamp) -> JsonObject:
    """Give the body of ``/predict``, which is one and the same in the documentation and on the wire."""
    good = outcome.values is not None
    return {
        "success": good,
        "result": flat(outcome),
        "error": None if good else outcome.fault,
        "processing_time": stamp.seconds if good else None,
        "model_info": {"model": stamp.model_name, "device": "cpu"} if good else None,
    }


def single_failed(error: str, model_info: JsonObject | None = None) -> JsonObject:
    """Give the body of ``/predict`` when the model never answered."""
    return {
        "success": False,
        "result": None,
        "error": error,
        "processing_time": None,
        "model_info": model_info,
    }


def old_batch(outcomes: Sequence[Outcome], stamp: Stamp) -> JsonObject:
    """Give the old body of ``/predict/batch``: one failed input fails them all."""
    fault = next((outcome.fault for outcome in outcomes if outcome.values is None), None)
    if fault is not None:
        return batch_failed(fault, batch_size=len(outcomes))
    return _batch([flat(outcome) for outcome in outcomes], stamp)


def documented_batch(outcomes: Sequence[Outcome], stamp: Stamp) -> JsonObject:
    """Give the documented body of ``/predict/batch``: a failed input is an object with its ``error``.

    If all failed, so did the batch.
    """
    if outcomes and all(outcome.values is None for outcome in outcomes):
        return batch_failed(f"Batch processing failed: {outcomes[0].fault}", batch_size=0)
    results = [{"error": each.fault} if each.values is None else flat(each) for each in outcomes]
    return _batch(results, stamp)


def batch_failed(error: str, *, batch_size: int) -> JsonObject:
    """Give the body of ``/predict/batch`` without results; ``batch_size`` is 0 in the documentation."""
    return {
        "success": False,
        "results": [],
        "error": error,
        "processing_time": None,
        "batch_size": batch_size,
    }


def documented_simple(outcome: Outcome, stamp: Stamp, value: JsonValue) -> JsonObject:
    """Give the documented ``response`` of ``/examples/simple`` to ``value``, for a model that answered."""
    return {
        "success": True,
        "prediction": outcome.values,
        **_about(stamp),
        "metadata": {
            **_versions(stamp),
            "input_shape": [len(value)] if isinstance(value, list) else [1],
            "output_shape": [len(outcome.values or ())],
            "processing_time": _phases(stamp, outcome.seconds),
        },
    }


def documented_examples(outcomes: Sequence[Outcome], stamp: Stamp) -> JsonObject:
    """Give the documented ``response`` of ``/examples/batch``: a failed prediction is null, and said why."""
    failed = [at for at, outcome in enumerate(outcomes) if outcome.values is None]
    info: JsonObject = {
        "batch_size": len(outcomes),
        "successful_predictions": len(outcomes) - len(failed),
        "failed_predictions": len(failed),
    }
    if failed:
        info["failed_indices"] = failed
        info["failure_reasons"] = [outcomes[at].fault for at in failed]
    spent = sum(outcome.seconds for outcome in outcomes)
    longest = max((len(outcome.values) for outcome in outcomes if outcome.values is not None), default=0)
    return {
        "success": True,
        "predictions": [outcome.values for outcome in outcomes],
        **_about(stamp),
        "batch_info": {**info, "processing_time": _phases(stamp, spent)},
        "metadata": {
            **_versions(stamp),
            "batch_processing": True,
            "input_shape": [len(outcomes), 1],
            "output_shape": [len(outcomes), longest],
            "individual_inference_times": [outcome.seconds * 1000 for outcome in outcomes],
        },
        **({"warnings": [_SOME_FAILED]} if failed else {}),
    }


def flat(outcome: Outcome) -> JsonValue:
    """Give a prediction of one number as the number, as the example model's ``squeeze()`` did."""
    values = outcome.values
    return values[0] if values is not None and len(values) == 1 else values


def _batch(results: list[JsonValue], stamp: Stamp) -> JsonObject:
    return {
        "success": True,
        "results": results,
        "error": None,
        "processing_time": stamp.seconds,
        "batch_size": len(results),
    }


def _about(stamp: Stamp) -> JsonObject:
    return {
        "model_name": stamp.model_name,
        "inference_time_ms": stamp.seconds * 1000,
        "timestamp": stamp.timestamp,
        "request_id": stamp.request_id,
    }


def _versions(stamp: Stamp) -> JsonObject:
    version = {} if stamp.model_version is None else {"model_version": stamp.model_version}
    return {"framework_version": "1.0.0", **version}


def _phases(stamp: Stamp, spent: float) -> JsonObject:
    """Split the time of a call: in the model, and the rest before it."""
    return {
        "preprocessing_ms": max(0.0, stamp.seconds - spent) * 1000,
        "inference_ms": spent * 1000,
        "postprocessing_ms": 0.0,
    }
