"""What scripts import, by way of `batch_cli` itself: batches as Python objects. Thin over `jobs`; nothing is printed.

What sends prompts to live models is in `client` and loaded apart, because it needs asyncio.
"""

from __future__ import annotations

from batch_cli.api.functions import cancel_batch, get_batch, get_batch_results, submit_batch
from batch_cli.api.job_info import (
    BatchErrorInfo,
    BatchFiles,
    BatchJobInfo,
    BatchRequestCounts,
    BatchStatus,
    BatchStatusInfo,
    BatchTimestamps,
)
from batch_cli.api.outcomes import (
    BatchError,
    BatchResult,
    BatchSuccess,
    extract_results,
    filter_errors,
    filter_successful,
    get_results_by_custom_id,
)
from batch_cli.api.processor import BatchProcessor
from batch_cli.api.surroundings import Surroundings

__all__ = [
    "BatchError",
    "BatchErrorInfo",
    "BatchFiles",
    "BatchJobInfo",
    "BatchProcessor",
    "BatchRequestCounts",
    "BatchResult",
    "BatchStatus",
    "BatchStatusInfo",
    "BatchSuccess",
    "BatchTimestamps",
    "Surroundings",
    "cancel_batch",
    "extract_results",
    "filter_errors",
    "filter_successful",
    "get_batch",
    "get_batch_results",
    "get_results_by_custom_id",
    "submit_batch",
]
