"""Mistral's wire: jobs under ``/batch/jobs`` in words of their own, made of files that are as OpenAI's.

Source: mistralai 3.7.0 and its traffic; openapi.yaml of mistralai/platform-docs-public (read 2026-11-21).
"""

from __future__ import annotations

from batch_cli.model import Batch, JsonObject, RequestCounts, object_of
from batch_cli.providers.base import BatchOptions
from batch_cli.providers.hosted.objects import read_count, read_moment, read_status, text_of, texts_of
from batch_cli.providers.hosted.wire import Wire


def new_job(staged: str, options: BatchOptions, window: str) -> JsonObject:
    """Write what creates a job; its time stands in ``timeout_hours``, which has no window."""
    del window
    model = {"model": options.model} if options.model else {}
    return {"input_files": [staged], "endpoint": options.endpoint, **model}


def read_job(value: JsonObject, provider: str) -> Batch:
    """Read a job; a completed request is one that succeeded, as everywhere else."""
    status = read_status(value.get("status"))
    return Batch(
        id=text_of(value, "id") or "",
        provider=provider,
        status=status,
        raw_status=str(value.get("status"))[:64],
        model=text_of(value, "model"),
        endpoint=text_of(value, "endpoint"),
        created_at=read_moment(value.get("created_at")),
        started_at=read_moment(value.get("started_at")),
        completed_at=read_moment(value.get("completed_at")) if status.is_terminal else None,
        counts=RequestCounts(
            total=read_count(value.get("total_requests")),
            completed=read_count(value.get("succeeded_requests")),
            failed=read_count(value.get("failed_requests")),
        ),
        metadata=texts_of(value.get("metadata")),
        error=_first_error(value),
        raw=value,
    )


def input_of(value: JsonObject) -> str | None:
    """Find the one file that we give a job."""
    files = value.get("input_files")
    return files[0] if isinstance(files, list) and files and isinstance(files[0], str) else None


def _first_error(value: JsonObject) -> str | None:
    errors = value.get("errors")
    if not isinstance(errors, list) or not errors:
        return None
    first = object_of(errors[0])
    times = read_count(first.get("count")) or 1
    often = f" ({times:,} times)" if times > 1 else ""
    more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    return f"{text_of(first, 'message') or 'no reason given'}{often}{more}"


MISTRAL_WIRE = Wire(
    batches="/batch/jobs",
    listing="order_by=-created",
    new=new_job,
    read=read_job,
    input_of=input_of,
    results={"output": "output_file", "error": "error_file"},
    unknown=(404, 422),  # what is no UUID fails the validation of its parameters
    nameless_errors=True,
    has_windows=False,
    deletes=True,
)
