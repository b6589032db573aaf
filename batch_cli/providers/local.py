"""The local engine as a provider: batches run in a worker on this machine, for free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from batch_cli.engine.store import NewBatch, Store, StoredBatch
from batch_cli.errors import DamagedData, Stopped
from batch_cli.jsonl import loads
from batch_cli.model import Batch, BatchResult, BatchStatus, JsonValue, RequestCounts, ResultError
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Capabilities, Input, Place
from batch_cli.providers.openai import LOCAL
from batch_cli.providers.openai_answer import answer_of

if TYPE_CHECKING:
    from batch_cli.clock import Clock
    from batch_cli.events import Listener


_PREFIX = "local_"
"""How the engine's ids begin."""


class LocalProvider:
    """Runs batches in the engine's durable queue. Creating is idempotent: the key is unique there."""

    name = "local"
    codec = LOCAL
    capabilities = Capabilities(runs_here=True, simulated=True)
    address = ""

    def __init__(
        self, place: Place, clock: Clock, *, prefix: str = _PREFIX, stored_prefix: str = _PREFIX
    ) -> None:
        """Open the engine in the state directory; the ids of batches begin with ``prefix``, in the engine with the other."""
        self.store = self._store = Store(place.state / "engine", clock)
        self._prefix, self._stored_prefix = prefix, stored_prefix
        self._cluster = place.cluster

    def _stored_id(self, batch_id: str) -> str:
        """Give the id by which the engine knows a batch; one that does not begin like ours is nobody's."""
        is_ours = batch_id.startswith(self._prefix)
        return self._stored_prefix + batch_id.removeprefix(self._prefix) if is_ours else batch_id

    def _shown_id(self, stored_id: str) -> str:
        return self._prefix + stored_id.removeprefix(self._stored_prefix)

    def stage(self, key: str, source: Input) -> str:
        """Copy the requests into the engine; again: over the first try's copy."""
        return self._shown_id(self._store.stage(key, source.lines(), self._stored_prefix))

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Queue the batch; the same key again gives the batch that is there."""
        new = NewBatch(
            key,
            options.endpoint,
            options.model,
            options.settings,
            options.metadata,
            options.requests,
        )
        return self._batch(self._store.add(self._stored_id(staged), new))

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` by its key: certain."""
        del staged, since
        found = self._store.find(key)
        return self._batch(found) if found else None

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give none: what runs here is in the journal of the machine, and nowhere else."""
        del after
        return iter(())

    def models(self) -> Iterator[OfferedModel]:
        """Give the one model that answers here; requests may call it anything."""
        yield OfferedModel("simulate", batch=True)

    def uploads(self) -> Iterator[Upload]:
        """Give none: requests are copied into the engine under the batch's own name."""
        return iter(())

    def remove_upload(self, upload_id: str) -> bool:
        """Remove nothing."""
        del upload_id
        return False

    def retrieve(self, batch_id: str) -> Batch | None:
        """Read the batch from the queue."""
        found = self._store.batch(self._stored_id(batch_id))
        return self._batch(found) if found else None

    def cancel(self, batch_id: str) -> Batch | None:
        """Let nothing more start; what runs may finish. Dead workers do not hold the end up."""
        from batch_cli.engine.queue import Queue  # noqa: PLC0415 - only for changing the queue

        Queue(self._store).rescue()
        found = self._store.cancel(self._stored_id(batch_id))
        return self._batch(found) if found else None

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove the batch with its input and results."""
        stored_id = self._stored_id(batch_id)
        paths = [
            ("input", self._store.input_path(stored_id)),
            ("output", self._store.results_path(stored_id)),
        ]
        removed = [(kind, path.name) for kind, path in paths if path.exists()]
        is_there = self._store.batch(stored_id) is not None if dry_run else self._store.delete(stored_id)
        return [("batch", batch_id), *removed] if is_there else []

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Work at the batch here until it has ended, a signal asks to stop, or the time is over."""
        from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415 - asyncio, 70 ms

        options = WorkerOptions(only=self._stored_id(batch_id), seconds=seconds, cluster=self._cluster)
        signal_number = Worker(self._store, options, listener).run()
        batch = self.retrieve(batch_id)
        if signal_number is not None and batch is not None:
            raise Stopped(
                self.left_behind(batch), signal_number=signal_number, hint=f"batch-cli wait {batch_id}"
            )
        return batch

    def left_behind(self, batch: Batch) -> str:
        """Say what happens to a batch that this process stops working at."""
        from batch_cli.engine.queue import Queue  # noqa: PLC0415 - only when stopped

        done = f"{batch.counts.answered:,} of {batch.counts.total or 0:,} requests done"
        if batch.status.is_terminal:  # the signal came in its last moment
            return f"Stopped. {batch.id} has ended: {done}."
        others = Queue(self._store).workers()
        if others:
            return f"Stopped. {batch.id} goes on in the background (worker {others[0].pid}): {done}."
        return f"Stopped. {batch.id} is paused: {done}."

    def requests(self, batch_id: str) -> Iterator[bytes]:
        """Read the lines from the stored input.

        Raises:
            DamagedData: the input is gone.
        """
        path = self._store.input_path(self._stored_id(batch_id))
        try:
            with path.open("rb", buffering=1 << 20) as stream:
                for line in stream:
                    yield line.removesuffix(b"\n")
        except OSError as error:
            raise _damaged_input(batch_id, str(path)) from error

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids from the stored input.

        Raises:
            DamagedData: the input is gone or not what was stored.
        """
        path = self._store.input_path(self._stored_id(batch_id))
        batch = self._store.batch(self._stored_id(batch_id))
        count = 0
        try:
            with path.open("rb", buffering=1 << 20) as stream:
                for line in stream:
                    yield loads(line)["custom_id"]
                    count += 1
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged_input(batch_id, str(path)) from error
        if batch is not None and count != batch.total:
            raise _damaged_input(batch_id, str(path))

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows in input order; what was never started comes as an error row at its place.

        Raises:
            DamagedData: the stored input or results are not what was stored.
        """
        batch = self._store.batch(self._stored_id(batch_id))
        if batch is None:
            return
        position = 0
        ids = self.request_ids(batch_id)
        for result in self._store.results(batch):
            while position < result.position:
                yield _never_started(next(ids), batch)
                position += 1
            next(ids)
            position += 1
            yield _decode(result.line, batch_id)
        for custom_id in ids:
            yield _never_started(custom_id, batch)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of an OpenAI-shaped body."""
        return answer_of(body)

    def close(self) -> None:
        """Close the queue."""
        self._store.close()

    def _batch(self, stored: StoredBatch) -> Batch:
        left = stored.total - stored.completed - stored.failed
        cancelled = left if stored.status in ("cancelled", "failed") else 0
        return Batch(
            id=self._shown_id(stored.id),
            provider=self.name,
            status=_status(stored),
            raw_status=stored.status,
            model=stored.model,
            endpoint=stored.endpoint,
            created_at=stored.created_at,
            started_at=stored.started_at,
            completed_at=stored.ended_at,
            counts=RequestCounts(
                total=stored.total,
                completed=stored.completed,
                failed=stored.failed,
                processing=stored.running,
                cancelled=cancelled,
                expired=0,
            ),
            metadata=stored.metadata,
            error=stored.error,
            simulated=True,
        )


def _status(stored: StoredBatch) -> BatchStatus:
    if stored.status == "in_progress" and stored.started_at is None:
        return BatchStatus.QUEUED
    return BatchStatus(stored.status)


def _decode(line: bytes, batch_id: str) -> BatchResult:
    try:
        row = loads(line)
        said = row["error"]
        error = None
        if said is not None:
            retryable = "invalid_request_error" not in (said["code"], said["type"])
            error = ResultError(said["type"], said["message"], said["code"], retryable=retryable)
        return BatchResult(row["custom_id"], row["id"], row["response"], error, line, source=line)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(
            f"a stored result of {batch_id} is damaged",
            hint=f"batch-cli delete {batch_id} --yes, then submit the file again",
        ) from error


def _never_started(custom_id: str, batch: StoredBatch) -> BatchResult:
    if batch.status == "failed":
        message = f"the batch failed before this request was answered: {batch.error}"
        return BatchResult(custom_id, error=ResultError("failed", message, "batch_failed", retryable=True))
    message = "the batch was cancelled before this request started"
    return BatchResult(custom_id, error=ResultError("cancelled", message, "batch_cancelled", retryable=True))


def _damaged_input(batch_id: str, path: str) -> DamagedData:
    return DamagedData(
        f"the stored requests of {batch_id} are damaged",
        where=path,
        hint=f"batch-cli delete {batch_id} --yes, then submit the file again",
    )
