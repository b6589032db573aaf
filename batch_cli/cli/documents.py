"""The JSON objects that commands print, and the cells that their tables show for the same things."""

from __future__ import annotations

from batch_cli.clock import rfc3339
from batch_cli.model import Batch, JsonObject
from batch_cli.request_file import Scan
from batch_cli.results import Summary


def batch_object(batch: Batch, *, intent: str | None = None) -> JsonObject:
    """Give a batch as every document holds it; unknown is null, times are RFC 3339 UTC."""
    counts = batch.counts
    return {
        "id": batch.id,
        "provider": batch.provider,
        "model": batch.model,
        "endpoint": batch.endpoint,
        "status": batch.status,
        "raw_status": batch.raw_status,
        "stage": batch.stage,
        "created_at": rfc3339(batch.created_at),
        "started_at": rfc3339(batch.started_at),
        "completed_at": rfc3339(batch.completed_at),
        "expires_at": rfc3339(batch.expires_at),
        "counts": {
            "total": counts.total,
            "completed": counts.completed,
            "failed": counts.failed,
            "processing": counts.processing,
            "cancelled": counts.cancelled,
            "expired": counts.expired,
        },
        "metadata": batch.metadata,
        "error": None if batch.error is None else {"code": "E701", "message": batch.error},
        "simulated": batch.simulated,
        "intent": intent,
        "job": batch.job,
        "shard": batch.shard,
        "shards": batch.shards,
        "raw": batch.raw,
    }


def mark(batch: Batch) -> str:
    """Give what follows words about a batch whose answers no model gave."""
    return " (simulated)" if batch.simulated else ""


def progress_object(batch: Batch) -> JsonObject | None:
    """Give how far a batch is, or None where the provider does not say."""
    total = batch.counts.total
    if not total:
        return None
    done = batch.counts.done
    return {"done": done, "total": total, "percent": round(100 * done / total, 1)}


def input_object(path: str, scan: Scan) -> JsonObject:
    """Give what was read."""
    return {
        "path": path,
        "sha256": scan.sha256,
        "requests": scan.requests,
        "bytes": scan.bytes,
        "models": dict(scan.models),
        "urls": dict(scan.urls),
    }


def summary_object(summary: Summary) -> JsonObject:
    """Give what was written."""
    return {
        "sha256": summary.sha256,
        "bytes": summary.bytes,
        "rows": summary.rows,
        "ok": summary.ok,
        "failed": summary.failed,
        "missing": summary.missing,
        "missing_ids": summary.missing_ids,
        "duplicates": summary.duplicates,
        "conflicts": summary.conflicts,
        "unknown": summary.unknown,
        "damaged": summary.damaged,
        "usage": dict(summary.usage),
        "errors_by_type": dict(summary.errors_by_type),
        "errors_by_kind": dict(summary.errors_by_kind),
        "retryable": summary.retryable,
        "left_out": summary.left_out,
    }
