"""The objects of the OpenAI wire as JSON, and the checks of what clients send about them.

Source: openai-openapi 2.3.0 (2026-08-21); the live API writes what is absent as null, where the specification
leaves it out (seen 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from batch_cli.engine.store import StoredBatch
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.flavour import Flavour
from batch_cli.serve.records import BatchRecord, FileRecord
from batch_cli.serve.refusal import Refusal
from batch_cli.serve.upload_records import PartRecord, UploadRecord

_MOST_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512
_MOST_DIGITS = 9
_SHORTEST_STAY, _LONGEST_STAY = 3_600, 2_592_000


def answer(value: JsonObject, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(dumps(value), status, media_type="application/json")


def error_answer(refusal: Refusal, flavour: Flavour) -> Response:
    """Answer with an error."""
    response = answer(flavour.error_of(refusal), refusal.status)
    response.headers.update(refusal.headers)
    return response


def file_object(file: FileRecord, flavour: Flavour) -> JsonObject:
    """Give a file."""
    return {
        "id": flavour.to_client(file.id),
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": _moment(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def upload_object(upload: UploadRecord, file: JsonObject | None = None) -> JsonObject:
    """Give an upload; ``file`` is the object of what it became."""
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": int(upload.created_at),
        "expires_at": int(upload.expires_at),
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": upload.status,
        "file": file,
    }


def part_object(part: PartRecord) -> JsonObject:
    """Give a part of an upload."""
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": int(part.created_at),
        "upload_id": part.upload_id,
    }


def batch_object(batch: BatchRecord, executed: StoredBatch | None, flavour: Flavour) -> JsonObject:
    """Give a batch; ``executed`` is how the engine stands with it while it runs."""
    done = (batch.completed, batch.failed) if executed is None else (executed.completed, executed.failed)
    return {
        "id": flavour.to_client(batch.id),
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": None if batch.errors is None else {"object": "list", "data": batch.errors},
        "input_file_id": flavour.to_client(batch.input_file_id),
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id and flavour.to_client(batch.output_file_id),
        "error_file_id": batch.error_file_id and flavour.to_client(batch.error_file_id),
        "created_at": int(batch.created_at),
        "in_progress_at": _moment(batch.in_progress_at),
        "expires_at": _moment(batch.expires_at),
        "finalizing_at": _moment(batch.finalizing_at),
        "completed_at": _moment(batch.completed_at),
        "failed_at": _moment(batch.failed_at),
        "expired_at": _moment(batch.expired_at),
        "cancelling_at": _moment(batch.cancelling_at),
        "cancelled_at": _moment(batch.cancelled_at),
        "request_counts": {"total": batch.total, "completed": done[0], "failed": done[1]},
        "usage": batch.usage,
        "metadata": batch.metadata,
    }


def _moment(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)


def page(items: Sequence[JsonObject], *, has_more: bool) -> JsonObject:
    """Give one page of a list."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


def limit_of(given: str | None, default: int, most: int) -> int:
    """Read the query parameter ``limit``.

    Raises:
        Refusal: it is no number from 1 to ``most``.
    """
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > _MOST_DIGITS or not 1 <= int(given) <= most:
        raise Refusal(400, f"Invalid 'limit': expected an integer from 1 to {most}.", param="limit")
    return int(given)


def metadata_of(given: JsonValue) -> JsonObject | None:
    """Check the metadata of a batch: 16 pairs of texts at most.

    Raises:
        Refusal: it is something else.
    """
    if given is None:
        return None
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise Refusal(400, "Invalid 'metadata': expected an object with string values.", param="metadata")
    if len(given) > _MOST_PAIRS:
        message = (
            f"Invalid 'metadata': too many properties. Expected at most {_MOST_PAIRS}, got {len(given)}."
        )
        raise Refusal(400, message, param="metadata", code="object_above_max_properties")
    for name, value in given.items():
        if len(name) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            limits = f"{_LONGEST_KEY} characters in a key, {_LONGEST_VALUE} in a value"
            raise Refusal(400, f"Invalid 'metadata': at most {limits}.", param="metadata")
    return given


def stay_in(given: JsonValue, param: str) -> int | None:
    """Check the member ``param`` of a JSON body: ``{"anchor", "seconds"}``; see `stay_of`.

    Raises:
        Refusal: it is something else.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Refusal(400, f"Invalid type for '{param}': expected an object.", param=param)
    return stay_of(given.get("anchor", ""), given.get("seconds"), param)


def stay_of(anchor: JsonValue, seconds: JsonValue, param: str) -> int | None:
    """Check how long a file is to stay, in seconds since it was made; None where nothing was asked for.

    Raises:
        Refusal: it is not from an hour to 30 days after ``created_at``.
    """
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise Refusal(400, f"Invalid '{param}.anchor': expected 'created_at'.", param=f"{param}.anchor")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:9])
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int)
        or not _SHORTEST_STAY <= seconds <= _LONGEST_STAY
    ):
        expected = f"expected an integer from {_SHORTEST_STAY} to {_LONGEST_STAY}"
        raise Refusal(400, f"Invalid '{param}.seconds': {expected}.", param=f"{param}.seconds")
    return seconds
