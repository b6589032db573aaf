"""What recordings say, under the names and by the formulas of the PyTorch framework's client; pure.

Source: docs/api/examples-batch.md of github.com/KolosalAI/torch-inference at 13b8d9d (August 2025). Where it would
divide by zero, write an infinity or lose a failure, a figure is 0 and a failure is counted; what it does not have
(percentiles, real time, reasons of failures) stands beside its names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from batch_cli.bench.call import Call
from batch_cli.bench.differences import first_difference
from batch_cli.bench.runner import Recording
from batch_cli.bench.spread import deviation, five, histogram, mean, percentiles, variation
from batch_cli.model import JsonObject

UNKNOWN = "Unknown error"
_ALL_FAILED = "All requests failed"
_NONE_GOOD = "No successful predictions to analyze"
_BINS = 12
_LEAST_MS = 1e-9
"""A shorter time is none: divided by, it gives an infinity."""


def benchmark(recording: Recording) -> JsonObject:
    """Give the times of all calls, failures included, and those that the server names for good ones."""
    calls = recording.calls
    good = [call for call in calls if call.is_good]
    facts: JsonObject = {
        "iterations": len(calls),
        "errors": len(calls) - len(good),
        "success_rate": rate(len(good), len(calls)),
    }
    if not good:
        return {**facts, "error": _ALL_FAILED, **_beyond(recording)}
    responses = [call.response_ms for call in calls]
    throughputs = [each for call in good if (each := _throughput(call))]
    return {
        **facts,
        "response_times_ms": five(responses),
        "inference_times_ms": five([_inference(call) for call in good]),
        "batch_performance": {
            "avg_batch_size": mean([call.reply.inputs for call in good]),
            "avg_throughput_predictions_per_sec": mean(throughputs),
            "max_throughput_predictions_per_sec": max(throughputs, default=0.0),
        },
        **_beyond(recording),
    }


def consistency(recording: Recording) -> JsonObject:
    """Give whether the predictions were always the same, and how even their times."""
    calls = recording.calls
    good = [call for call in calls if call.is_good]
    facts: JsonObject = {"total_runs": len(calls), "successful_runs": len(good)}
    if not good:
        return {**facts, "error": _NONE_GOOD, **_beyond(recording)}
    lengths = [call.length for call in good]
    rates = [rate(call.reply.successful, call.reply.batch_size) for call in good if call.reply.batch_size > 0]
    inferences = [_inference(call) for call in good]
    differing = sum(call.fingerprint != good[0].fingerprint for call in good)
    return {
        **facts,
        "prediction_consistency": {
            "prediction_lengths": {
                "min": min(lengths),
                "max": max(lengths),
                "avg": mean(lengths),
                "consistent": len(set(lengths)) == 1,
            },
            "success_rates": {
                "min": min(rates, default=0.0),
                "max": max(rates, default=0.0),
                "avg": mean(rates),
                "std_dev": deviation(rates),
            },
            "deterministic": not differing,
            "differing_runs": differing,
            "first_difference": first_difference(recording.first, recording.other) if differing else None,
        },
        "performance_consistency": {
            "inference_times_ms": {
                "min": min(inferences),
                "max": max(inferences),
                "avg": mean(inferences),
                "std_dev": deviation(inferences),
                "coefficient_of_variation": variation(inferences),
            },
        },
        **_beyond(recording),
    }


def stress(recording: Recording) -> JsonObject:
    """Give what several workers got done in a time. ``batches_per_second`` divides by the time that was planned."""
    calls, plan = recording.calls, recording.plan
    good = [call for call in calls if call.is_good]
    planned = plan.seconds or recording.seconds
    inferences = [each for call in good if (each := _inference(call)) > _LEAST_MS]
    predictions = sum(call.reply.inputs for call in good)
    responses = [call.response_ms for call in good]
    return {
        "duration_seconds": planned,
        "concurrent_batches": plan.workers,
        "total_batch_requests": len(calls),
        "successful_batches": len(good),
        "failed_batches": len(calls) - len(good),
        "batches_per_second": _rate(len(calls), planned),
        "success_rate": rate(len(good), len(calls)),
        "performance": {
            "avg_response_time_ms": mean(responses),
            "min_response_time_ms": min(responses, default=0.0),
            "max_response_time_ms": max(responses, default=0.0),
            "avg_inference_time_ms": mean(inferences),
            "total_predictions_processed": predictions,
            "predictions_per_second": predictions / sum(inferences) * 1000 if inferences else 0.0,
        },
        "worker_analysis": {str(worker): _of_worker(good, worker) for worker in range(plan.workers)},
        **_beyond(recording),
    }


def compare(batch: Recording, individual: Recording, size: int) -> JsonObject:
    """Give how much faster one batch of ``size`` inputs is than as many single calls, one after the other."""
    batches = [call for call in batch.calls if call.is_good]
    singles = [call for call in individual.calls if call.is_good]
    times = [call.response_ms for call in batches]
    totals = [call.response_ms for call in singles]
    facts: JsonObject = {
        "batch_size": size,
        "batch_performance": {
            "avg_time_ms": mean(times),
            "avg_throughput_predictions_per_sec": mean(
                [
                    call.reply.inputs / call.response_ms * 1000
                    for call in batches
                    if call.response_ms > _LEAST_MS
                ]
            ),
            "successful_runs": len(batches),
            "failed_runs": len(batch.calls) - len(batches),
        },
        "individual_performance": {
            "avg_total_time_ms": mean(totals),
            "avg_individual_time_ms": mean(totals) / size if size else 0.0,
            "successful_runs": len(singles),
            "failed_runs": len(individual.calls) - len(singles),
        },
    }
    if batches and singles:
        saved = mean(totals) - mean(times)
        facts["efficiency"] = {
            "batch_speedup": mean(totals) / mean(times) if mean(times) > _LEAST_MS else 0.0,
            "time_savings_ms": saved,
            "time_savings_percentage": saved / mean(totals) * 100 if mean(totals) > _LEAST_MS else 0.0,
        }
    errors = Counter(error_of(call) for call in (*batch.calls, *individual.calls) if not call.is_good)
    return {**facts, "error_analysis": dict(errors.most_common())}


def rate(part: int, whole: int) -> float:
    """Give ``part`` of ``whole`` in per cent; 0 of nothing."""
    return part / whole * 100 if whole else 0.0


def error_of(call: Call) -> str:
    """Give why a call failed, never nothing."""
    return call.reply.error or UNKNOWN


def _beyond(recording: Recording) -> JsonObject:
    """Give what the specification does not have: percentiles of good calls, the real time, why calls failed."""
    calls = recording.calls
    good = [call for call in calls if call.is_good]
    seconds = recording.seconds
    late = [max(call.began - call.intended, 0.0) * 1000 for call in calls]
    errors = Counter(error_of(call) for call in calls if not call.is_good)
    times = [call.response_ms for call in good]
    return {
        "percentiles_ms": percentiles(times),
        "histogram_ms": [
            {"from": low, "to": high, "calls": count} for low, high, count in histogram(times, _BINS)
        ],
        "elapsed_seconds": seconds,
        "throughput": {
            "calls_per_second": _rate(len(calls), seconds),
            "predictions_per_second": _rate(sum(call.reply.inputs for call in good), seconds),
            "planned_calls_per_second": recording.plan.rate,
            "max_late_ms": max(late, default=0.0),
        },
        "error_analysis": dict(errors.most_common()),
    }


def _rate(count: int, seconds: float) -> float:
    """Give so many a second; 0 for no time that a clock can measure, never an infinity."""
    return count / seconds if seconds >= _LEAST_MS / 1000 else 0.0


def _of_worker(good: Sequence[Call], worker: int) -> JsonObject:
    mine = [call for call in good if call.worker == worker]
    return {
        "batches": len(mine),
        "total_predictions": sum(call.reply.inputs for call in mine),
        "total_time": sum(call.response_ms for call in mine),
    }


def _inference(call: Call) -> float:
    """Give the server's own time; one that it does not name counts as 0, as in the specification."""
    return call.reply.inference_ms or 0.0


def _throughput(call: Call) -> float:
    """Give predictions a second by the server's own time; 0 where it names none."""
    inference = _inference(call)
    return call.reply.inputs / inference * 1000 if inference > _LEAST_MS else 0.0
