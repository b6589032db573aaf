"""A provider's batches, run here: the engine keeps them, and sends their requests to the live endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from batch_cli.engine.handlers.live.backend import LIVE, Backend
from batch_cli.engine.handlers.live.options import DIRECT, PREDICTS, LiveSetup, LiveWishes
from batch_cli.engine.live_worker import LiveBatch
from batch_cli.engine.store import Store
from batch_cli.errors import Stopped
from batch_cli.model import Batch, BatchResult, JsonObject, JsonValue, ResultError, Secret
from batch_cli.predict.model_file import IN_PROCESS, ModelFile
from batch_cli.providers import DIRECT_PREFIX
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Capabilities, Codec, Input, Place
from batch_cli.providers.direct.destinations import Address, as_call, destination, read_addresses
from batch_cli.providers.local import LocalProvider

if TYPE_CHECKING:
    from batch_cli.clock import Clock
    from batch_cli.events import Listener

_FAULTS = (408, 409, 425, 429)
_FIRST_SERVER_FAULT = 500


class Direct:
    """Batches of the local engine under ids like ``direct_…``; creating is idempotent."""

    capabilities = Capabilities(runs_here=True)
    address = ""

    def __init__(
        self,
        name: str,
        codec: Codec,
        place: Place,
        clock: Clock,
        key: Callable[[], Secret | None],
        models: Callable[[], Iterator[OfferedModel]] = lambda: iter(()),
    ) -> None:
        """Open the engine in the state directory; ``key`` and ``models`` are asked for when they are wanted, and not before."""
        self.name, self.codec, self._models = name, codec, models
        self._place, self._clock, self._key = place, clock, key
        self._wishes = place.live or LiveWishes()
        self._to = destination(name, place.service)
        self._engine = LocalProvider(place, clock, prefix=DIRECT_PREFIX, stored_prefix=DIRECT_PREFIX)
        self._store: Store = self._engine.store

    def settings(self, model: str, directory: Path) -> JsonObject:
        """Give what of a submit decides where its requests go; no key, and nothing about their speed.

        A model of this process is a file, looked for in ``directory``.

        Raises:
            InvalidInput: there is no such file.
        """
        settings: JsonObject = {"handler": LIVE, "via": DIRECT}
        if self._to.predicts:
            settings[PREDICTS] = self.name
        if self.name in IN_PROCESS:
            return {**settings, **ModelFile.named(self.name, model, directory).as_settings()}
        return {**settings, "base_urls": [str(one) for one in self._addresses()]}

    def _addresses(self) -> list[Address]:
        environment = self._place.environment
        if self._wishes.base_urls:
            given = self._wishes.base_urls
            return read_addresses(given, self._to.root_path(environment), with_key=self._has_secret())
        return [Address(self._to.address(environment) + self._to.version(environment))]

    def _has_secret(self) -> bool:
        """Tell whether a key goes with the requests that is not for a model server of the user's own network."""
        return self._to.is_paid or (self._to.predicts and self._key() is not None)

    def stage(self, key: str, source: Input) -> str:
        """Copy the requests into the engine; again: over the first try's copy."""
        self._key()  # a key that is missing is missed before gigabytes are copied
        calls = replace(source, lines=lambda: (as_call(self._to, line) for line in source.lines()))
        return self._engine.stage(key, calls)

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Queue the batch; the same key again gives the batch that is there. Nothing is sent yet."""
        settings = {**options.settings, "model": options.model}
        return self._ours(self._engine.create(key, staged, replace(options, settings=settings)))

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` by its key: certain."""
        return self._known(self._engine.find(key, staged, since))

    def retrieve(self, batch_id: str) -> Batch | None:
        """Read the batch from the queue."""
        return self._known(self._engine.retrieve(batch_id))

    def cancel(self, batch_id: str) -> Batch | None:
        """Let nothing more start; what runs may finish."""
        return self._known(self._engine.cancel(batch_id))

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove the batch with its input and results."""
        return self._engine.delete(batch_id, dry_run=dry_run)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Work at the batch here until it has ended, or watch whoever works at it already.

        Raises:
            Stopped: a signal asked to stop; what was answered is kept.
            ConfigError: there is no key, or it was refused.
            Rejected: the account cannot pay for more.
        """
        # Rows of predictions go in groups, and a model's file is on this machine: both are lost on a cluster.
        cluster = None if self._to.predicts else self._place.cluster
        live = LiveBatch(self._store, batch_id, cluster)
        number = live.drive(lambda: self._setup(batch_id), listener, seconds, self._wishes.grace)
        batch = self.retrieve(batch_id)
        if number is not None and batch is not None:
            text, hint = self._engine.left_behind(batch), f"batch-cli wait {batch_id}"
            raise Stopped(text, signal_number=number, hint=hint)
        return batch

    def start_worker(self, batch_id: str) -> bool:
        """Let a process of its own work at the batch, unless one does; tell whether one was started."""
        live = LiveBatch(self._store, batch_id)
        return live.start(self._place.environment, self._setup(batch_id), self._wishes.grace)

    def remember(self, batch_id: str) -> None:
        """Note how fast the batch may be asked, if this command says it; the newest command counts."""
        if self._wishes.options is not None:
            LiveBatch(self._store, batch_id).keep(self._wishes.options)

    def _setup(self, batch_id: str) -> LiveSetup:
        """Give servers, key and speed of a batch: where it goes was said when it was submitted."""
        options = self._wishes.options or LiveBatch(self._store, batch_id).kept()
        stored = self._store.batch(batch_id)
        urls = stored.settings.get("base_urls", []) if stored is not None else []
        environment, key = self._place.environment, self._key()
        return LiveSetup(
            tuple(
                Backend(
                    one.url,
                    key,
                    options.concurrency,
                    options.seconds,
                    self._to.key_header(environment, key),
                    self._to.headers(environment),
                    one.weight,
                )
                for one in read_addresses(urls, self._to.root_path(environment), with_key=self._has_secret())
            ),
            options,
        )

    def requests(self, batch_id: str) -> Iterator[bytes] | None:
        """Give the stored requests where they are kept as they were submitted."""
        return self._engine.requests(batch_id) if self._to.as_call is None else None

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids from the stored input."""
        return self._engine.request_ids(batch_id)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows in input order; what was never started comes as an error row at its place."""
        return (_judged(row) for row in self._engine.results(batch_id))

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give none: they are in the journal of this machine, and nowhere else."""
        return self._engine.batches(after)

    def models(self) -> Iterator[OfferedModel]:
        """Give those of a prediction server; a provider's own batches tell its models."""
        return self._models()

    def uploads(self) -> Iterator[Upload]:
        """Give none."""
        return self._engine.uploads()

    def remove_upload(self, upload_id: str) -> bool:
        """Remove nothing."""
        return self._engine.remove_upload(upload_id)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Close the queue."""
        self._engine.close()

    def _known(self, batch: Batch | None) -> Batch | None:
        return None if batch is None else self._ours(batch)

    def _ours(self, batch: Batch) -> Batch:
        return replace(batch, provider=self.name, simulated=False)


def _judged(row: BatchResult) -> BatchResult:
    """Say of a failed row by its status whether another try may help."""
    status = (row.response or {}).get("status_code")
    if row.error is None or not isinstance(status, int):
        return row
    error = ResultError(
        row.error.type,
        row.error.message,
        row.error.code,
        retryable=status in _FAULTS or status >= _FIRST_SERVER_FAULT,
    )
    return replace(row, error=error)
