"""A provider in both its forms: its own batches, and those that are run here against its live endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from batch_cli.events import Listener
from batch_cli.model import Batch, BatchResult, JsonValue
from batch_cli.providers import DIRECT_PREFIX
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Capabilities, Codec, Input, Provider


class Routed:
    """Sends each question to where the batch is, by its id; a new batch goes where the command says."""

    def __init__(
        self,
        name: str,
        codec: Codec,
        batches: Callable[[], Provider],
        direct: Callable[[], Provider],
        *,
        is_direct: bool,
    ) -> None:
        """Take how either is opened; nothing is before it is used, so that neither needs the other's key."""
        self.name, self.codec = name, codec
        self._open_batches, self._open_direct, self._is_direct = batches, direct, is_direct
        self._opened: list[Provider] = []

    @cached_property
    def _batches(self) -> Provider:
        return self._kept(self._open_batches())

    @cached_property
    def _direct(self) -> Provider:
        return self._kept(self._open_direct())

    def _kept(self, provider: Provider) -> Provider:
        self._opened.append(provider)
        return provider

    @property
    def new(self) -> Provider:
        """Give what takes new batches."""
        return self._direct if self._is_direct else self._batches

    def of(self, batch_id: str) -> Provider:
        """Give what runs a batch; also of a staged input, which is called as its batch will be."""
        return self._direct if batch_id.startswith(DIRECT_PREFIX) else self._batches

    @property
    def capabilities(self) -> Capabilities:
        """Give what can be done with new batches."""
        return self.new.capabilities

    @property
    def address(self) -> str:
        """Give where new batches go."""
        return self.new.address

    def stage(self, key: str, source: Input) -> str:
        """Bring the requests to where they will run."""
        return self.new.stage(key, source)

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Start the batch where its requests are."""
        return self.of(staged).create(key, staged, options)

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` where its requests are."""
        return self.of(staged).find(key, staged, since)

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account."""
        return self._batches.batches(after)

    def models(self) -> Iterator[OfferedModel]:
        """Give the models of the provider."""
        return self._batches.models()

    def uploads(self) -> Iterator[Upload]:
        """Give the input files in the account."""
        return self._batches.uploads()

    def remove_upload(self, upload_id: str) -> bool:
        """Remove an input file."""
        return self.of(upload_id).remove_upload(upload_id)

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands."""
        return self.of(batch_id).retrieve(batch_id)

    def cancel(self, batch_id: str) -> Batch | None:
        """Stop a batch."""
        return self.of(batch_id).cancel(batch_id)

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove a batch."""
        return self.of(batch_id).delete(batch_id, dry_run=dry_run)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Stay with a batch until it ends."""
        return self.of(batch_id).drive(batch_id, listener, seconds)

    def requests(self, batch_id: str) -> Iterator[bytes] | None:
        """Give the request lines of a batch as they were sent."""
        return self.of(batch_id).requests(batch_id)

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Give the ids of a batch's requests."""
        return self.of(batch_id).request_ids(batch_id)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows of a batch."""
        return self.of(batch_id).results(batch_id)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body; both forms bring the same."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Let go of whatever was opened."""
        for provider in self._opened:
            provider.close()
