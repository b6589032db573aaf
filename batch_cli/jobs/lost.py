"""Lost: the error rows for a batch of a job that is gone or never was, so that the job's output still has every request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from batch_cli.config import Services
from batch_cli.errors import InvalidInput, StateError, quoted
from batch_cli.files import open_input
from batch_cli.jsonl import loads
from batch_cli.model import BatchResult, ResultError
from batch_cli.providers import load_codec
from batch_cli.shards import shard_lines
from batch_cli.state import Job, JobShard


def lost_rows(job: Job, one: JobShard, services: Services | None = None) -> Iterator[BatchResult]:
    """Give a row without an answer for each request of a shard; their ids are read from the submitted file.

    Raises:
        StateError: the file is no longer there, has changed, or was a messages file.
    """
    codec = load_codec(job.provider, services)
    is_new = one.intent is not None and one.intent.batch is None
    what = f"batch {one.number} of {job.shards} of this job {'was never submitted' if is_new else 'is gone'}"
    error = ResultError("missing", what, "missing", retryable=True)
    try:
        with open_input(Path(job.source)) as stream:
            for line in shard_lines(stream, one.shard, codec.limits, job.source):
                yield BatchResult(str(loads(line)[codec.id_field]), error=error)
    except (InvalidInput, ValueError, LookupError, TypeError) as cause:
        raise StateError(
            f"batch {one.number} of {job.shards} of {job.id} is missing, and {quoted(job.source)}"
            " is not the request file it was cut from",
            hint="submit the same again, which sends what is missing; or name the other batches one by one",
        ) from cause
