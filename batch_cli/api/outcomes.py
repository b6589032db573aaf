"""What became of one request, for scripts: a `BatchSuccess` or a `BatchError`, and how to pick from many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

from batch_cli.model import JsonObject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchSuccess(Generic[T]):
    """A request that has a good answer."""

    custom_id: str
    result: T
    """The answer: an object of the response model, or a text where the processor was made with ``str``."""
    success: Literal[True] = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class BatchError:
    """A request that has no good answer, and why."""

    custom_id: str
    error_type: str
    """Such as ``refusal``, ``truncated``, ``schema_mismatch``, ``missing``, ``expired``, or the provider's own word."""
    error_message: str
    raw_data: JsonObject | None = None
    """The whole row as `results` writes it; the model's answer, where there is one, is in its ``response``."""
    error_code: str | None = None
    retryable: bool = False
    """The same request may succeed when it is sent again."""
    suggestion: str | None = None
    """What to do, in one clause."""
    success: Literal[False] = field(default=False, init=False)


BatchResult: TypeAlias = BatchSuccess[T] | BatchError
"""What became of one request; ``success`` tells which of the two it is, to type checkers as well."""


def filter_successful(results: Iterable[BatchResult[T]]) -> list[BatchSuccess[T]]:
    """Give the good ones, in their order."""
    return [result for result in results if isinstance(result, BatchSuccess)]


def filter_errors(results: Iterable[BatchResult[T]]) -> list[BatchError]:
    """Give the failed ones, in their order."""
    return [result for result in results if isinstance(result, BatchError)]


def extract_results(results: Iterable[BatchResult[T]]) -> list[T]:
    """Give the answers of the good ones, in their order."""
    return [result.result for result in results if isinstance(result, BatchSuccess)]


def get_results_by_custom_id(results: Iterable[BatchResult[T]]) -> dict[str, BatchResult[T]]:
    """Give all of them by their ``custom_id``; of several with one id the last."""
    return {result.custom_id: result for result in results}
