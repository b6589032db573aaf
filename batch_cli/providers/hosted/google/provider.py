"""Google as one provider: real where there is a key, simulated without, each batch what it was begun as."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from batch_cli.clock import Clock
from batch_cli.events import Listener
from batch_cli.model import Batch, BatchResult, JsonValue
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Codec, Input, Place, Provider
from batch_cli.providers.hosted.google.staged import (
    GOOGLE_CAPABILITIES,
    SIMULATED,
    SIMULATED_CAPABILITIES,
    Staged,
)
from batch_cli.settings import KEY_RULES, missing_key


class Google:
    """Sends each question to where the batch is, by its id; a new batch goes to the real service if there is a key."""

    name = "google"

    def __init__(self, codec: Codec, place: Place, clock: Clock) -> None:
        """Take what either needs; nothing is opened before it is used."""
        self.codec = codec
        self._place, self._clock = place, clock
        is_simulated = place.key is None
        self.capabilities = SIMULATED_CAPABILITIES if is_simulated else GOOGLE_CAPABILITIES
        self._opened: list[Provider] = []

    @cached_property
    def _real(self) -> Provider:
        from batch_cli.providers.hosted.google.batches import GoogleBatches  # noqa: PLC0415 - HTTP

        if self._place.key is None:
            raise missing_key(KEY_RULES[self.name])
        return self._kept(GoogleBatches(self.codec, self._place, self._clock))

    @cached_property
    def _simulated(self) -> Provider:
        from batch_cli.providers.hosted.google.simulated import SimulatedGoogle  # noqa: PLC0415 - SQLite

        return self._kept(SimulatedGoogle(self.codec, self._place, self._clock))

    def _kept(self, provider: Provider) -> Provider:
        self._opened.append(provider)
        return provider

    def _new(self) -> Provider:
        return self._simulated if self._place.key is None else self._real

    def _of(self, batch_id: str) -> Provider:
        return self._simulated if batch_id.startswith(SIMULATED) else self._real

    def _at(self, staged: str) -> Provider:
        return self._simulated if Staged.parse(staged).is_simulated else self._real

    def stage(self, key: str, source: Input) -> str:
        """Bring the requests to the service or, without a key, to the engine."""
        return self._new().stage(key, source)

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Start the batch where its requests are."""
        return self._at(staged).create(key, staged, options)

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` where its requests are."""
        return self._at(staged).find(key, staged, since)

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands.

        Raises:
            ConfigError: it is a real one, and there is no key.
        """
        return self._of(batch_id).retrieve(batch_id)

    def cancel(self, batch_id: str) -> Batch | None:
        """Stop a batch."""
        return self._of(batch_id).cancel(batch_id)

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove a batch."""
        return self._of(batch_id).delete(batch_id, dry_run=dry_run)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Stay with a batch until it ends; a simulated one is worked at here."""
        return self._of(batch_id).drive(batch_id, listener, seconds)

    def requests(self, batch_id: str) -> None:
        """Give none: Google does not give uploaded files back."""
        del batch_id

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Give the ids of a batch's requests."""
        return self._of(batch_id).request_ids(batch_id)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows of a batch."""
        return self._of(batch_id).results(batch_id)

    @property
    def address(self) -> str:
        """Give the address of the service; empty where it is simulated."""
        return self._new().address

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account; of a simulated one there are none."""
        return self._new().batches(after)

    def models(self) -> Iterator[OfferedModel]:
        """Give the models of the account.

        Raises:
            ConfigError: there is no key.
        """
        return self._real.models()

    def uploads(self) -> Iterator[Upload]:
        """Give the input files there."""
        return self._new().uploads()

    def remove_upload(self, upload_id: str) -> bool:
        """Remove an input file."""
        return self._new().remove_upload(upload_id)

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Let go of whatever was opened."""
        for provider in self._opened:
            provider.close()
