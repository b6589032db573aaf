"""Batches on the Gemini API: named so that they are found again, made of a file or, when small, of one request.

Source: google-genai 3.4.0 (seen 2026-11-21), https://ai.google.dev/gemini-api/docs/batch-api (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from batch_cli.clock import Clock
from batch_cli.errors import OutcomeUnknown, Rejected, StateError, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.client import Reply, Sent
from batch_cli.httpclient.outcome import Unknown
from batch_cli.id_index import IdIndex
from batch_cli.jsonl import loads_exactly
from batch_cli.model import (
    Batch,
    BatchResult,
    BatchStatus,
    JsonObject,
    JsonValue,
    ResultError,
    check_batch_id,
)
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import Answer, BatchOptions, Codec, Input, Place
from batch_cli.providers.hosted.creating import create_once
from batch_cli.providers.hosted.download import Download
from batch_cli.providers.hosted.google import inline
from batch_cli.providers.hosted.google.api import GoogleApi
from batch_cli.providers.hosted.google.inline import InlineRequests
from batch_cli.providers.hosted.google.objects import (
    answers_of,
    input_file_of,
    read_google_batch,
    result_file_of,
)
from batch_cli.providers.hosted.google.staged import GOOGLE_CAPABILITIES, Staged, asks_for_embeddings
from batch_cli.providers.hosted.google.uploads import Uploads
from batch_cli.providers.hosted.kept_ids import KeptIds
from batch_cli.providers.hosted.models import google_model
from batch_cli.providers.hosted.polling import poll
from batch_cli.result_file import read_rows

_QUIESCE, _LOCAL_QUIESCE = 30.0, 1.0
"""How long a batch may take to appear in the list after its creation was answered by nobody."""
_PAGE, _MODELS_PAGE = 50, 1_000
_LONGEST_NAME = 200
_FILES = "files/"


class GoogleBatches:
    """The Gemini API with a key."""

    name = "google"
    capabilities = GOOGLE_CAPABILITIES

    def __init__(
        self, codec: Codec, place: Place, clock: Clock, *, inline_bytes: int = inline.MOST_BYTES
    ) -> None:
        """Take the address and the key; nobody is called yet. More than ``inline_bytes`` go by a file."""
        self.codec = codec
        self._clock, self._say, self._inline_bytes = clock, place.listener, inline_bytes
        self._api = GoogleApi(place, clock)
        self._http = self._api.http
        self.address, self._interval = str(self._api.origin), place.interval
        self._uploads = Uploads(self._api, clock, place.listener)
        self._inline = InlineRequests(place.state / "inline")
        self._ids = KeptIds(place.state / "ids")
        self._downloads = place.state / "downloads"

    # --- submit ---

    def stage(self, key: str, source: Input) -> str:
        """Upload the requests as ``files/bci-…``, or keep a few small ones here for the create to bring along."""
        embeds = asks_for_embeddings(source)

        def lines() -> Iterator[bytes]:
            return self._ids.record(key, self.codec.id_field, source.lines())

        if source.bytes <= self._inline_bytes and source.requests <= inline.MOST_REQUESTS:
            self._inline.keep(key, lines())
            return str(Staged.here(key, embeds=embeds))
        name = _FILES + key.replace("_", "-")
        if not self._uploads.store(name, lines, source.bytes):  # it was there already
            for _ in lines():
                pass
        return str(Staged(name, embeds))

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Make the batch: one request over a connection of its own, sent again only where it cannot have arrived.

        Raises:
            OutcomeUnknown: there may be a batch; nothing is sent again before `find` has looked.
            StateError: the requests of a small batch are no longer here.
        """
        requests = Staged.parse(staged)
        config = self._inline.config(key) if requests.is_here else {"fileName": requests.place}
        described = options.metadata.get("description") or "batch-cli"
        body = inline.create_body(f"{described[:_LONGEST_NAME]} [{key}]", config)
        method = "asyncBatchEmbedContent" if requests.embeds else "batchGenerateContent"
        path = self._api.path(f"models/{options.model.removeprefix('models/')}:{method}")
        sent = Sent("POST", path, {"content-type": "application/json"}, body)

        def refuse(reply: Reply) -> None:
            self._refuse(reply, None if requests.is_here else requests.place)

        return create_once(self._http, sent, lambda value: self._created(value, key), self._say, refuse)

    def _refuse(self, reply: Reply, file: str | None) -> None:
        """Say what is special about a refusal: a key that is wrong (400), a file whose 48 hours are over (403)."""
        if reply.status in (403, 404) and file is not None and self._uploads.look(file) is None:
            raise Rejected(
                "the uploaded requests are no longer there",
                where=(file, "Google keeps files for 48 hours"),
                hint="submit the file once more with --again",
            )
        if reply.status in (400, 401, 403):
            raise self._api.refused(reply)

    def _created(self, value: JsonObject, key: str) -> Batch:
        """Check that the answer is the batch that was asked for, and not another request's."""
        batch = read_google_batch(value)
        name = batch.metadata.get("displayName")
        if not batch.id.startswith("batches/") or name is None or not name.endswith(f"[{key}]"):
            raise Unknown("the answer is not the batch that was asked for")
        return self._ours(batch, key)

    def _ours(self, batch: Batch, key: str) -> Batch:
        check_batch_id(batch.id)
        self._ids.belong_to(key, batch.id)
        self._inline.forget(key)
        return batch

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create` by its name, which only it has.

        One that is not there is looked for again after a while: lists may be behind.
        """
        del staged, since
        found = self._in_list(key)
        if not found:
            pause = _LOCAL_QUIESCE if self._api.origin.is_here else _QUIESCE
            self._say(Note(f"looking once more in {pause:.0f} s for a batch whose creation was not answered"))
            self._clock.sleep(pause)
            found = self._in_list(key)
        if not found:
            return None
        oldest = min(found, key=lambda batch: batch.created_at or 0.0)
        for other in found:
            if other.id != oldest.id:
                hint = f"batch-cli cancel {other.id}"
                self._say(Note(f"{other.id} was made of the same submit, too", warning=True, hint=hint))
        return self._ours(oldest, key)

    def _in_list(self, key: str) -> list[Batch]:
        """Give the batches with our name; all pages are read, for nothing is said of their order."""
        found: list[Batch] = []
        try:
            for value in self._api.listed("batches", "operations", _PAGE):
                batch = read_google_batch(value)
                if batch.metadata.get("displayName", "").endswith(f"[{key}]"):
                    found.append(batch)
        except OutcomeUnknown:
            if not found:
                raise
        return found

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account in the order of its list; pages before ``after`` are read, too."""
        is_behind = after is None
        try:
            for value in self._api.listed("batches", "operations", _PAGE):
                batch = read_google_batch(value)
                if is_behind:
                    yield batch
                is_behind = is_behind or batch.id == after
        except OutcomeUnknown as error:
            raise Rejected(error.message) from error

    def models(self) -> Iterator[OfferedModel]:
        """Give the models of the account."""
        try:
            yield from map(google_model, self._api.listed("models", "models", _MODELS_PAGE))
        except OutcomeUnknown as error:
            raise Rejected(error.where[0]) from error

    def uploads(self) -> Iterator[Upload]:
        """Give none: files are gone after 48 hours by themselves."""
        return iter(())

    def remove_upload(self, upload_id: str) -> bool:
        """Remove nothing."""
        del upload_id
        return False

    # --- follow ---

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands."""
        reply = self._get(batch_id)
        return None if reply is None else read_google_batch(reply.json())

    def _get(self, batch_id: str) -> Reply | None:
        path = self._api.path(_name(batch_id))
        reply = self._http.ask(Sent("GET", path, most_bytes=inline.MOST_ANSWER_BYTES), as_json=True)
        if reply.status == 404:  # noqa: PLR2004 - HTTP
            return None
        if not reply.is_good:
            raise self._api.refused(reply)
        return reply

    def cancel(self, batch_id: str) -> Batch | None:
        """Ask for a batch to be stopped; one that has ended stays as it is. The API has no word for the meantime."""
        path = self._api.path(f"{_name(batch_id)}:cancel")
        reply = self._http.ask(Sent("POST", path, {"content-type": "application/json"}, final=(409,)))
        if not reply.is_good and reply.status not in (400, 404, 409):
            raise self._api.refused(reply)
        batch = self.retrieve(batch_id)
        if batch is None or batch.status.is_terminal:
            return batch
        if not reply.is_good:
            raise self._api.refused(reply)
        return replace(batch, status=BatchStatus.CANCELLING)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Look at the batch until it has ended."""
        return poll(
            lambda: self.retrieve(batch_id),
            self._clock,
            listener,
            seconds,
            is_here=self._api.origin.is_here,
            interval=self._interval,
        )

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Delete the batch, its results with it, and the file that it was made of."""
        batch = self.retrieve(batch_id)
        if batch is None:
            return []
        removed = [("batch", batch_id)]
        file = input_file_of(batch.raw)
        if dry_run:
            if file is not None and self._uploads.look(_FILES + file.removeprefix(_FILES)) is not None:
                removed.append(("input", file))
            return removed
        reply = self._http.ask(Sent("DELETE", self._api.path(_name(batch_id))))
        if not reply.is_good and reply.status != 404:  # noqa: PLR2004 - HTTP
            raise self._api.refused(reply)
        if file is not None and self._uploads.remove(_FILES + file.removeprefix(_FILES)):
            removed.append(("input", file))
        self._ids.forget(batch_id)
        return removed

    # --- results ---

    def requests(self, batch_id: str) -> None:
        """Give none: Google does not give uploaded files back."""
        del batch_id

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids that were kept here.

        Raises:
            StateError: another machine has them; Google does not give uploaded files back.
        """
        kept = self._ids.of(_name(batch_id))
        if kept is None:
            raise StateError(
                f"the requests of {batch_id} are not known on this machine",
                where="Google does not give uploaded files back",
                hint=f"batch-cli results {batch_id} --order as-is -o FILE, or use the machine that submitted it",
            )
        return kept

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give the rows of the result file or of the batch itself, whichever holds them.

        Of a batch that did not complete, the requests without an answer follow, as far as they are known here.
        """
        reply = self._get(batch_id)
        if reply is None:
            raise Rejected(f"Google knows no batch {quoted(batch_id)}")
        value = loads_exactly(reply.body)  # not parsed by the reply: answers may hold long numbers
        batch = read_google_batch(value)
        if batch.status is BatchStatus.COMPLETED:
            yield from self._answered(value, batch)
            return
        answered = IdIndex()
        for row in self._answered(value, batch):
            answered.add(row.custom_id, 1)
            yield row
        for custom_id in self._ids.of(batch.id) or ():
            if answered.get(custom_id) is None:
                yield _without_answer(custom_id, batch)

    def _answered(self, value: JsonObject, batch: Batch) -> Iterator[BatchResult]:
        answers, file = answers_of(value), result_file_of(value)
        if answers is not None:
            yield from inline.answer_rows(
                answers, lambda: list(self._ids.of(batch.id) or ()) or None, self.codec.read_result, batch.id
            )
        elif file is not None:
            name = quote(file.removeprefix(_FILES), safe="")
            path = f"/{self._api.version}/files/{name}:download?alt=media"
            with Download(self._http, path, self._downloads).read() as stream:
                yield from read_rows(stream, self.codec.read_result, f"the results of {batch.id}")

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def _name(batch_id: str) -> str:
    """Give the full name of a batch, which people may shorten to its last part."""
    return batch_id if batch_id.startswith("batches/") else f"batches/{batch_id}"


def _without_answer(custom_id: str, batch: Batch) -> BatchResult:
    reason = f": {batch.error}" if batch.error and batch.status is BatchStatus.FAILED else ""
    what = f"was {batch.status}" if batch.status is BatchStatus.CANCELLED else str(batch.status)
    message = f"the batch {what} before this request was answered{reason}"
    error = ResultError(batch.status.value, message, f"batch_{batch.status}", retryable=True)
    return BatchResult(custom_id, error=error)
