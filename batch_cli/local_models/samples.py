"""The models that are always there: small pure functions, so that the same input gives the same answer anywhere.

Each takes one input, any JSON value, and gives numbers. One that refuses its input raises `ValueError`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonValue

Numbers = list[float]

SERIES = (12.0, 13.5, 13.0, 14.2, 15.1, 14.8, 16.0, 16.4, 17.3, 17.9)
"""What a model predicts from when the request brings no input, as on Spice's wire."""

FEATURES = 10
"""Inputs of the PyTorch server's example network."""
_WEIGHTS = (0.31, -0.27, 0.19, 0.23, -0.11, 0.07, -0.05, 0.13, -0.17, 0.03)
_HORIZON = 5


def example(value: JsonValue) -> Numbers:
    """Give one number between -1 and 1 for anything: numbers are filled up or cut to ten features.

    The server's own example drew random weights at every start and hashed texts differently in every
    process; here nothing is random.
    """
    return _weigh(_features(value))


def strict(value: JsonValue) -> Numbers:
    """Give what `example` gives, but only for exactly ten numbers, as the server's first revisions did."""
    numbers = _numbers(value)
    if len(numbers) != FEATURES:
        raise ValueError(f"expected {FEATURES} features, got {len(numbers)}")
    return _weigh(numbers)


def mean(value: JsonValue) -> Numbers:
    """Give the mean of the numbers."""
    numbers = _numbers(value)
    return [math.fsum(numbers) / len(numbers)]


def drift(value: JsonValue) -> Numbers:
    """Give the next five values on the line through the first and the last number."""
    numbers = _numbers(value)
    step = (numbers[-1] - numbers[0]) / max(len(numbers) - 1, 1)
    return [numbers[-1] + step * ahead for ahead in range(1, _HORIZON + 1)]


def gaps(value: JsonValue) -> Numbers:
    """Give the numbers back with every second one missing, which the wire shows as null."""
    return [math.nan if at % 2 else number for at, number in enumerate(_numbers(value))]


def failing(value: JsonValue) -> Numbers:
    """Refuse every input, so that a client can meet a model that fails."""
    del value
    raise ValueError("this model always fails")


SAMPLES: dict[str, Callable[[JsonValue], Numbers]] = {
    function.__name__: function for function in (example, strict, mean, drift, gaps, failing)
}


def _weigh(features: Numbers) -> Numbers:
    # Six digits, because the last bit of tanh differs between C libraries.
    products = (weight * feature for weight, feature in zip(_WEIGHTS, features, strict=True))
    return [round(math.tanh(math.fsum(products)), 6)]


def _features(value: JsonValue) -> Numbers:
    numbers = _numbers_or_none(value)
    if numbers is None:
        numbers = [zlib.crc32(dumps_exactly(value)) % 1000 / 1000]
    return (numbers + [0.0] * FEATURES)[:FEATURES]


def _numbers(value: JsonValue) -> Numbers:
    numbers = _numbers_or_none(value)
    if not numbers:
        raise ValueError("expected a number or a list of numbers")
    return numbers


def _numbers_or_none(value: JsonValue) -> Numbers | None:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, int | float) for item in items):
        return None
    try:
        return [float(item) for item in items]
    except OverflowError:
        raise ValueError("a number is too large") from None
