"""Google without a key: its batches run on the local engine, answered by rules in Gemini's words, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batch_cli.clock import Clock
from batch_cli.dialects.google_api import CODES
from batch_cli.events import Listener, Note
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import CHAT, EMBEDDINGS, Batch, BatchResult, JsonValue, object_of
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Codec, Input, Place
from batch_cli.providers.hosted.google.staged import (
    SIMULATED,
    SIMULATED_CAPABILITIES,
    Staged,
    asks_for_embeddings,
)
from batch_cli.providers.local import LocalProvider

_EMBED = "embedContent"


class SimulatedGoogle:
    """Batches of the local engine under names like ``batches/sim-…``; creating is idempotent."""

    name = "google"
    capabilities = SIMULATED_CAPABILITIES
    address = ""

    def __init__(self, codec: Codec, place: Place, clock: Clock) -> None:
        """Open the engine in the state directory."""
        self.codec = codec
        self._engine = LocalProvider(place, clock, prefix=SIMULATED)
        self._say: Listener = place.listener
        self._has_warned = False

    def stage(self, key: str, source: Input) -> str:
        """Copy the requests into the engine; again: over the first try's copy."""
        if not self._has_warned:
            self._has_warned = True
            self._say(
                Note(
                    "GOOGLE_API_KEY not set - will run in simulation mode",
                    warning=True,
                    hint="export GOOGLE_API_KEY='your-api-key-here' for real answers; --no-simulate refuses simulated ones",
                )
            )
        embeds = asks_for_embeddings(source)
        calls = replace(source, lines=lambda: _calls(source.lines()))
        return str(Staged(self._engine.stage(key, calls), embeds))

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Queue the batch; the same key again gives the batch that is there."""
        requests = Staged.parse(staged)
        model = options.model.removeprefix("models/")
        method = _EMBED if requests.embeds else "generateContent"
        wanted = replace(options, model=model, endpoint=f"/v1beta/models/{model}:{method}")
        return _as_google(self._engine.create(key, requests.place, wanted))

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` by its key: certain."""
        return _known(self._engine.find(key, staged, since))

    def retrieve(self, batch_id: str) -> Batch | None:
        """Read the batch from the queue."""
        return _known(self._engine.retrieve(batch_id))

    def cancel(self, batch_id: str) -> Batch | None:
        """Let nothing more start; what runs may finish."""
        return _known(self._engine.cancel(batch_id))

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove the batch with its input and results."""
        return self._engine.delete(batch_id, dry_run=dry_run)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Work at the batch here until it has ended, a signal asks to stop, or the time is over."""
        return _known(self._engine.drive(batch_id, listener, seconds))

    def requests(self, batch_id: str) -> None:
        """Give none: the engine has them in other words."""
        del batch_id

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids from the stored input."""
        return self._engine.request_ids(batch_id)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows in input order, as those of Google's own result files are read."""
        for row in self._engine.results(batch_id):
            body = object_of(object_of(row.response).get("body"))
            if row.response is None:
                yield row
            elif row.error is None:
                yield self.codec.read_result({"key": row.custom_id, "response": body})
            else:
                said = object_of(body.get("error"))
                code = CODES.get(str(said.get("status")), CODES["INTERNAL"])
                error = {"code": code, "message": row.error.message}
                yield self.codec.read_result({"key": row.custom_id, "error": error})

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give none: they are in the journal of this machine, and nowhere else."""
        return self._engine.batches(after)

    def models(self) -> Iterator[OfferedModel]:
        """Give what answers in place of any model."""
        return self._engine.models()

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


def _calls(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Write request lines as the engine has them; where they go is the batch's to say."""
    for line in lines:
        request = loads_exactly(line)
        yield dumps_exactly({"custom_id": request["key"], "body": request["request"]})


def _known(batch: Batch | None) -> Batch | None:
    return None if batch is None else _as_google(batch)


def _as_google(batch: Batch) -> Batch:
    endpoint = EMBEDDINGS if str(batch.endpoint).endswith(_EMBED) else CHAT
    return replace(batch, provider="google", endpoint=endpoint)
