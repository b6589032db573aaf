"""How a batch stands, for scripts: one object for all providers, in the words that instructor's users know."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict

from batch_cli.clock import rfc3339
from batch_cli.model import Batch, JsonObject, RequestCounts, object_of
from batch_cli.model import BatchStatus as Stage
from batch_cli.providers.hosted.google.objects import input_file_of, result_file_of
from batch_cli.providers.hosted.objects import text_of


class BatchStatus(enum.StrEnum):
    """Where a batch is in its life: six words for all providers. Each equals its text, so that ``== "completed"`` works."""

    PENDING = "pending"
    PROCESSING = "processing"
    """Also while it is being cancelled: results may still come."""
    COMPLETED = "completed"
    """It has ended by itself; single requests may have failed all the same."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing will change any more, so that results can be fetched."""
        return self not in (BatchStatus.PENDING, BatchStatus.PROCESSING)


_STATUSES = {
    Stage.VALIDATING: BatchStatus.PENDING,
    Stage.QUEUED: BatchStatus.PENDING,
    Stage.UNKNOWN: BatchStatus.PENDING,
    Stage.IN_PROGRESS: BatchStatus.PROCESSING,
    Stage.FINALIZING: BatchStatus.PROCESSING,
    Stage.CANCELLING: BatchStatus.PROCESSING,
    Stage.COMPLETED: BatchStatus.COMPLETED,
    Stage.FAILED: BatchStatus.FAILED,
    Stage.EXPIRED: BatchStatus.EXPIRED,
    Stage.CANCELLED: BatchStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class BatchTimestamps:
    """When what happened, in UTC; None where the provider does not say, or it did not happen."""

    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    expired_at: datetime | None = None
    expires_at: datetime | None = None
    """When it will end at the latest."""


@dataclass(frozen=True, slots=True)
class BatchRequestCounts:
    """How many requests are where; None where the provider does not say."""

    total: int | None = None
    completed: int | None = None
    """Answered without an error."""
    failed: int | None = None
    processing: int | None = None
    cancelled: int | None = None
    expired: int | None = None

    @property
    def succeeded(self) -> int | None:
        """Give ``completed`` by Anthropic's name."""
        return self.completed

    @property
    def errored(self) -> int | None:
        """Give ``failed`` by Anthropic's name."""
        return self.failed


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """Where the provider keeps what goes in and what comes out, as it calls it."""

    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    results_url: str | None = None


@dataclass(frozen=True, slots=True)
class BatchErrorInfo:
    """Why a batch failed as a whole."""

    error_message: str
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class BatchJobInfo:
    """A batch as its provider describes it at one moment; of a job of several batches, their sum."""

    id: str
    provider: str
    status: BatchStatus
    raw_status: str
    """The provider's own word."""
    timestamps: BatchTimestamps
    request_counts: BatchRequestCounts
    files: BatchFiles
    error: BatchErrorInfo | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    raw_data: JsonObject = field(default_factory=dict)
    """The provider's own object, as it was sent; empty for what runs on this machine."""
    model: str | None = None
    endpoint: str | None = None
    simulated: bool = False
    """True where rules answer in place of a model."""


class BatchStatusInfo(TypedDict):
    """The short form of a `BatchJobInfo`: a dict that can be written as JSON."""

    id: str
    provider: str
    status: str
    """One of the words of `BatchStatus`."""
    raw_status: str
    created_at: str | None
    """As ``2026-11-21T05:52:58Z``."""
    request_counts: dict[str, int | None]


def job_info(batch: Batch) -> BatchJobInfo:
    """Give a batch of ours in the words of scripts."""
    status = _STATUSES[batch.status]
    return BatchJobInfo(
        id=batch.id,
        provider=batch.provider,
        status=status,
        raw_status=batch.raw_status,
        timestamps=_timestamps(batch, status),
        request_counts=_counts(batch.counts),
        files=_files(batch),
        error=None if batch.error is None else BatchErrorInfo(batch.error, _error_code(batch.raw)),
        metadata=batch.metadata,
        raw_data=batch.raw,
        model=batch.model,
        endpoint=batch.endpoint,
        simulated=batch.simulated,
    )


def status_info(batch: Batch) -> BatchStatusInfo:
    """Give a batch of ours in short."""
    counts = batch.counts
    return {
        "id": batch.id,
        "provider": batch.provider,
        "status": str(_STATUSES[batch.status]),
        "raw_status": batch.raw_status,
        "created_at": rfc3339(batch.created_at),
        "request_counts": {
            "total": counts.total,
            "completed": counts.completed,
            "failed": counts.failed,
            "processing": counts.processing,
            "cancelled": counts.cancelled,
            "expired": counts.expired,
        },
    }


def _timestamps(batch: Batch, status: BatchStatus) -> BatchTimestamps:
    ended = _moment(batch.completed_at)

    def if_ended(how: BatchStatus) -> datetime | None:
        return ended if status is how else None

    return BatchTimestamps(
        created_at=_moment(batch.created_at),
        started_at=_moment(batch.started_at),
        completed_at=if_ended(BatchStatus.COMPLETED),
        failed_at=if_ended(BatchStatus.FAILED),
        cancelled_at=if_ended(BatchStatus.CANCELLED),
        expired_at=if_ended(BatchStatus.EXPIRED),
        expires_at=_moment(batch.expires_at),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _counts(counts: RequestCounts) -> BatchRequestCounts:
    return BatchRequestCounts(
        counts.total, counts.completed, counts.failed, counts.processing, counts.cancelled, counts.expired
    )


def _files(batch: Batch) -> BatchFiles:
    """Find the names of the files in the objects of all wires; none of them uses another's members."""
    raw = batch.raw
    return BatchFiles(
        input_file_id=batch.staged or input_file_of(raw),
        output_file_id=text_of(raw, "output_file_id") or text_of(raw, "output_file") or result_file_of(raw),
        error_file_id=text_of(raw, "error_file_id") or text_of(raw, "error_file"),
        results_url=text_of(raw, "results_url"),
    )


def _error_code(raw: JsonObject) -> str | None:
    """Give the code of the first error of OpenAI's batches, or that of Google's operations."""
    errors = object_of(raw.get("errors")).get("data")
    first = object_of(errors[0]) if isinstance(errors, list) and errors else object_of(raw.get("error"))
    code = first.get("code")
    return str(code) if isinstance(code, str | int) else None
