"""Batch objects as services really write them."""

from __future__ import annotations

from typing import Any

import pytest

from batch_cli.model import BatchStatus, RequestCounts
from batch_cli.providers.base import BatchOptions
from batch_cli.providers.hosted.mistral import MISTRAL_WIRE
from batch_cli.providers.hosted.objects import read_openai_batch, read_status

AZURE = {
    "id": "batch_6f4a",
    "object": "batch",
    "status": "Validating",
    "created_at": "2026-03-04T05:06:07+00:00",
    "expires_at": "2026-03-05T05:06:07Z",
    "request_counts": {"total": None, "completed": None, "failed": None},
    "input_file_id": "file-1",
    "error_file_id": "file-2",
    "metadata": None,
}
"""The members of a sample on Microsoft's pages. Source: azure-ai-docs, includes/batch/batch-rest.md (2026-11-21)."""


def mistral_job(**members: Any) -> Any:
    return {
        "id": "9f5c0c1e-0b5b-4ad7-9d5c-3f6a8c1f0001",
        "object": "batch",
        "input_files": ["7d3c6b0a-37a8-4ed4-a9e6-1d2a1c2d0002"],
        "endpoint": "/v1/chat/completions",
        "errors": [],
        "status": "RUNNING",
        "created_at": 1_770_000_000,
        "total_requests": 10,
        "completed_requests": 7,
        "succeeded_requests": 5,
        "failed_requests": 2,
        "metadata": None,
        "output_file": None,
        "error_file": None,
        **members,
    }


def test_azures_capitals_dates_and_nulls_are_read() -> None:
    batch = read_openai_batch(AZURE, "azure")

    assert (batch.status, batch.raw_status) == (BatchStatus.VALIDATING, "Validating")
    assert (batch.created_at, batch.expires_at) == (1772600767.0, 1772687167.0)
    assert batch.counts == RequestCounts()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("QUEUED", BatchStatus.QUEUED),
        ("RUNNING", BatchStatus.IN_PROGRESS),
        ("SUCCESS", BatchStatus.COMPLETED),
        ("FAILED", BatchStatus.FAILED),
        ("TIMEOUT_EXCEEDED", BatchStatus.EXPIRED),
        ("CANCELLATION_REQUESTED", BatchStatus.CANCELLING),
        ("CANCELLED", BatchStatus.CANCELLED),
        ("Submitted", BatchStatus.QUEUED),
        ("Completed", BatchStatus.COMPLETED),
        ("PAUSED", BatchStatus.UNKNOWN),
        (None, BatchStatus.UNKNOWN),
        (7, BatchStatus.UNKNOWN),
    ],
)
def test_every_services_word_for_a_status_is_known(word: Any, status: BatchStatus) -> None:
    assert read_status(word) is status


def test_a_job_of_mistral_counts_what_succeeded_as_completed() -> None:
    batch = MISTRAL_WIRE.read(mistral_job(), "mistral")

    assert batch.counts == RequestCounts(total=10, completed=5, failed=2)
    assert batch.status is BatchStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([], None),
        (None, None),
        ([{"message": "no such model"}], "no such model"),
        ([{"message": "bad line", "count": 3}, {"message": "x"}], "bad line (3 times) (and 1 more)"),
        ([7], "no reason given"),
    ],
)
def test_why_a_job_of_mistral_failed_is_told(errors: Any, said: str | None) -> None:
    assert MISTRAL_WIRE.read(mistral_job(errors=errors), "mistral").error == said


@pytest.mark.parametrize("files", [None, [], [7], "x", {}])
def test_a_job_without_a_file_of_ours_has_no_input(files: Any) -> None:
    assert MISTRAL_WIRE.input_of(mistral_job(input_files=files)) is None


def test_a_job_is_asked_for_as_mistrals_client_does() -> None:
    options = BatchOptions("/v1/chat/completions", "mistral-small-latest", 3)

    assert MISTRAL_WIRE.new("f", options, "24h") == {
        "endpoint": "/v1/chat/completions",
        "input_files": ["f"],
        "model": "mistral-small-latest",
    }
