"""Several models put together element by element, and two of them compared; pure.

Spice's pages promise both and its answers hold neither. A number that is missing (null, or behind the end of a
shorter prediction) is left out of its element, never taken for 0; how many took part stands beside every element.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

from batch_cli.errors import UsageError
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict.prediction import Prediction


class Method(enum.StrEnum):
    """How an element is made of the models' numbers."""

    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    STD = "std"


Number = float | None


def combine(
    predictions: Sequence[Prediction], method: Method, weights: Sequence[float] | None = None
) -> JsonObject:
    """Give one series made of all good predictions, with what was left out of it.

    ``weights`` are one for each of ``predictions``, failed ones included, which only ``mean`` takes:
    sum(w * x) / sum(w) over the numbers that are there. ``std`` is the sample deviation, 0 of a single number.

    Raises:
        UsageError: the weights do not fit.
    """
    check_weights(weights, len(predictions), method)
    rows, kept = [], []
    for at, prediction in enumerate(predictions):
        if prediction.is_good:
            rows.append(numbers(prediction.values))
            kept.append(1.0 if weights is None else weights[at])
    length = max((len(row) for row in rows), default=0)
    values: list[Number] = []
    counts = []
    for at in range(length):
        there = [
            (row[at], weight) for row, weight in zip(rows, kept, strict=True) if at < len(row) and weight > 0
        ]
        pairs = [(value, weight) for value, weight in there if value is not None]
        counts.append(len(pairs))
        values.append(_element(pairs, method) if pairs else None)
    lengths = sorted({len(row) for row in rows})
    return {
        "method": method.value,
        "models": len(rows),
        "left_out": [each.model for each in predictions if not each.is_good],
        "values": values,
        "counts": counts,
        "nulls": sum(value is None for row in rows for value in row),
        "lengths": lengths,
        "equal_lengths": len(lengths) <= 1,
    }


def compare(one: Prediction, other: Prediction) -> JsonObject:
    """Give how two predictions differ: the second minus the first for each element that both have.

    MAE is the mean of the distances, RMSE the root of the mean of their squares. Without a common element both are
    None.
    """
    left = numbers(one.values) if one.is_good else []
    right = numbers(other.values) if other.is_good else []
    differences = [
        None if a is None or b is None else finite(b - a) for a, b in zip(left, right, strict=False)
    ]
    there = [value for value in differences if value is not None]
    mae = finite(sum(abs(value) / len(there) for value in there)) if there else None
    largest = max((abs(value) for value in there), default=0.0)
    scaled = sum((value / largest) ** 2 for value in there) / len(there) if largest else 0.0
    rmse = finite(largest * math.sqrt(scaled)) if there else None
    return {
        "a": one.model,
        "b": other.model,
        "ok": one.is_good and other.is_good,
        "lengths": [len(left), len(right)],
        "compared": len(there),
        "nulls": sum(value is None for value in differences),
        "differences": differences,
        "mae": mae,
        "rmse": rmse,
        "max_abs": largest if there else None,
        "duration_ms": [one.duration_ms, other.duration_ms],
        "duration_difference_ms": (
            None
            if one.duration_ms is None or other.duration_ms is None
            else other.duration_ms - one.duration_ms
        ),
    }


def read_weights(text: str) -> list[float]:
    """Read ``2,1,0.5``.

    Raises:
        UsageError: it is something else, negative, or all of it 0.
    """
    hint = "write one number for each model, for example 2,1"
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--weights: '{text[:40]}' is no list of numbers", hint=hint) from error
    if not all(math.isfinite(weight) and weight >= 0 for weight in found) or not sum(found):
        raise UsageError("--weights: weights are 0 or more, and not all of them 0", hint=hint)
    return found


def check_weights(weights: Sequence[float] | None, count: int, method: Method) -> None:
    """Refuse weights that do not fit the method or the number of models.

    Raises:
        UsageError: they do not.
    """
    if weights is None:
        return
    if method is not Method.MEAN:
        raise UsageError(f"--weights go with --ensemble mean, not {method}", hint="leave the weights out")
    if len(weights) != count:
        raise UsageError(
            f"--weights: {len(weights)} weights for {count} models", hint="give one for each model"
        )


def numbers(values: JsonValue) -> list[Number]:
    """Give a prediction as numbers; what is none is None."""
    items = values if isinstance(values, list) else [values]
    return [_number(item) for item in items]


def finite(value: float) -> Number:
    """Give a number that can stand in JSON; None for one that is not finite."""
    return value if math.isfinite(value) else None


def _number(item: JsonValue) -> Number:
    if isinstance(item, bool) or not isinstance(item, int | float):
        return None
    try:
        return finite(float(item))
    except OverflowError:
        return None


def _element(pairs: Sequence[tuple[float, float]], method: Method) -> Number:
    found = sorted(value for value, _ in pairs)
    match method:
        case Method.MEAN:
            whole = sum(weight for _, weight in pairs)
            return finite(sum(value * (weight / whole) for value, weight in pairs))
        case Method.MEDIAN:
            middle = len(found) // 2
            return found[middle] if len(found) % 2 else found[middle - 1] / 2 + found[middle] / 2
        case Method.MIN:
            return found[0]
        case Method.MAX:
            return found[-1]
        case Method.STD:
            return _deviation(found)


def _deviation(values: Sequence[float]) -> Number:
    if len(values) < 2:  # noqa: PLR2004 - a single number spreads nowhere
        return 0.0
    middle = sum(value / len(values) for value in values)
    largest = max(abs(value - middle) for value in values)
    if not largest or not math.isfinite(largest):
        return finite(largest)
    squares = sum(((value - middle) / largest) ** 2 for value in values)
    return finite(largest * math.sqrt(squares / (len(values) - 1)))
