"""Batches on OpenAI's wire: a file is uploaded, a batch made of it, and two files hold its results.

Services that do the same in other words (`hosted/wire.py`) are driven from here, too.
Source: openai-openapi 2.3.0 (2026-08-21), openai-python 3.52.0 for what its clients send.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import BinaryIO
from urllib.parse import quote

from batch_cli.clock import Clock
from batch_cli.errors import DamagedData, OutcomeUnknown, Rejected, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.client import HttpClient, Reply, Sent, is_exhausted, refusal
from batch_cli.httpclient.outcome import NoAnswer, Unknown
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.jsonl import is_blank, loads
from batch_cli.model import INTENT, Batch, BatchResult, JsonObject, JsonValue, check_batch_id
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.base import WINDOW, Answer, BatchOptions, Capabilities, Codec, Input, Place
from batch_cli.providers.hosted.connection import connect, origin_of
from batch_cli.providers.hosted.creating import create_once
from batch_cli.providers.hosted.download import Download
from batch_cli.providers.hosted.kept_ids import KeptIds
from batch_cli.providers.hosted.lists import listed
from batch_cli.providers.hosted.models import openai_models
from batch_cli.providers.hosted.multipart import FileForm
from batch_cli.providers.hosted.objects import read_count, read_moment, text_of
from batch_cli.providers.hosted.polling import poll
from batch_cli.providers.hosted.profile import Profile, stage_of
from batch_cli.providers.hosted.ready import ready
from batch_cli.providers.hosted.result_files import each_file, named_rows, read_nameless, with_files
from batch_cli.providers.hosted.wire import Paging
from batch_cli.providers.hosted.without_batches import refuse_without_batches
from batch_cli.result_file import read_rows
from batch_cli.row_index import RowIndex

_OUR_FILE = re.compile(r"bci_[0-9a-f]{32}\.jsonl")
_OWN_PAIRS = 1
"""Of a batch's metadata: the one by which its submit is found again."""
_NO_ROUTE = (404, 405, 501)
_TRIES = 5
_QUIESCE, _LOCAL_QUIESCE = 30.0, 1.0
"""How long a batch may take to appear in the list after its creation was answered by nobody."""
_MARGIN = 3_600.0
"""How far our clock and the provider's may be apart."""
_MOST_PAGES = 1_000


class OpenAIBatches:
    """A service that speaks OpenAI's wire; what is special about it stands in its profile."""

    def __init__(self, profile: Profile, codec: Codec, place: Place, clock: Clock) -> None:
        """Take the address and the key; nobody is called yet."""
        self.name, self.codec = profile.name, codec
        self.capabilities = Capabilities(
            most_batches=profile.most_batches,
            metadata_pairs=max(0, profile.metadata_pairs - _OWN_PAIRS),
            windows=profile.windows if profile.wire.has_windows else (),
            names_input=True,
        )
        self._profile, self._clock, self._say = profile, clock, place.listener
        self._wire = profile.wire
        origin = origin_of(
            place.environment, profile.base_url_variables, profile.base_url, profile.root_paths
        )
        more = {
            header: value
            for header, variable in profile.headers.items()
            if (value := place.environment.get(variable, "").strip())
        }
        self.address, self._interval = str(origin), place.interval
        self._http: HttpClient = connect(place, clock, origin, more, key_header=profile.key_header)
        self._ids = KeptIds(place.state / "ids")
        self._downloads = place.state / "downloads"

    @property
    def _quiesce(self) -> float:
        return _LOCAL_QUIESCE if self._http.origin.is_here else _QUIESCE

    # --- submit ---

    def stage(self, key: str, source: Input) -> str:
        """Upload the requests as ``<key>.jsonl``; a file of this name and size that is there already is taken."""
        filename = f"{key}.jsonl"
        if self._ids.has(key) and (found := self._uploaded(filename, source)) is not None:
            return self._ready(text_of(found, "id") or "", found)
        for _ in range(_TRIES):
            form = FileForm(
                {"purpose": "batch"},
                filename,
                lambda: self._ids.record(key, self.codec.id_field, source.lines()),
                source.bytes,
            )
            headers = {"content-type": form.content_type}
            sent = Sent("POST", "/files", headers, form.pieces, form.length, seconds=None)
            try:
                reply = self._http.once(sent)
                refuse_without_batches(reply, self._profile, self._http.origin)
                if reply.is_good:
                    file = reply.json()
                    return self._ready(self._staged(file, source), file)
                if (reply.status not in (408, 409, 425, 429) and reply.status < 500) or is_exhausted(reply):  # noqa: PLR2004 - HTTP
                    raise refusal(reply, self._http.origin)
                why = f"HTTP {reply.status}"
                pause = retry_after(reply.headers, self._clock.now())
                if (pause or 0.0) > MOST_SECONDS:
                    raise self._http.given_up(why, reply)
            except NoAnswer as error:
                why, pause = str(error), None
            self._say(Note(f"the upload broke off ({why}); trying again", detail=True))
            self._clock.sleep(pause or self._http.pause * 4)
            if (found := self._uploaded(filename, source)) is not None:
                return self._ready(text_of(found, "id") or "", found)
        raise self._http.given_up(why, tries=_TRIES)

    def _staged(self, file: JsonObject, source: Input) -> str:
        """Check what the service says of an upload."""
        file_id, size = text_of(file, "id"), file.get("bytes")
        if file_id is None:
            raise Unknown("the answer to the upload names no file")
        if isinstance(size, int) and size not in (0, source.bytes):
            raise DamagedData(
                f"{self._profile.title} received {size:,} bytes of {source.bytes:,}",
                where=f"file {quoted(file_id)}",
                hint="run the same command again: the file is uploaded anew",
            )
        return file_id

    def _ready(self, file_id: str, file: JsonObject) -> str:
        return ready(self._http, self._clock, self._profile.title, file_id, file)

    def _uploaded(self, filename: str, source: Input) -> JsonObject | None:
        """Find a file by our name for it."""
        for file in self._listed("/files?purpose=batch"):
            if file.get("filename") == filename and file.get("bytes") == source.bytes:
                return file
        return None

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Make the batch: one request over a connection of its own, sent again only where it cannot have arrived.

        Raises:
            OutcomeUnknown: there may be a batch; nothing is sent again before `find` has looked.
        """
        window = str(options.settings.get(WINDOW, self._profile.windows[0]))
        body = self._wire.new(staged, options, window) | dict(self._profile.create_fields)
        if self._profile.metadata_pairs:
            body["metadata"] = {**options.metadata, INTENT: key}
        sent = Sent.json("POST", self._wire.batches, body, headers={"idempotency-key": key})

        def created(value: JsonObject) -> Batch:
            return self._created(value, key, staged)

        def refuse(reply: Reply) -> None:
            refuse_without_batches(reply, self._profile, self._http.origin)

        return create_once(self._http, sent, created, self._say, refuse)

    def _created(self, value: JsonObject, key: str, staged: str) -> Batch:
        """Check that the answer is the batch that was asked for, and not another request's."""
        batch = self._batch_of(value, is_new=True)
        if not batch.id or self._wire.input_of(value) not in (None, staged):
            raise Unknown("the answer is not the batch that was asked for")
        check_batch_id(batch.id)
        self._ids.belong_to(key, batch.id)
        return batch

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create`: by the key in its metadata, or by its file, which is ours alone.

        One that is not there is looked for again after a while: lists may be behind.
        """
        pause = self._quiesce
        found = self._in_list(key, staged, since)
        if not found:
            self._say(Note(f"looking once more in {pause:.0f} s for a batch whose creation was not answered"))
            self._clock.sleep(pause)
            found = self._in_list(key, staged, since)
        if not found:
            return None
        oldest = min(found, key=lambda batch: batch.created_at or 0.0)
        for other in found:
            if other.id != oldest.id:
                hint = f"batch-cli cancel {other.id}"
                self._say(Note(f"{other.id} was made of the same submit, too", warning=True, hint=hint))
        self._ids.belong_to(key, oldest.id)
        return oldest

    def _in_list(self, key: str, staged: str, since: float) -> list[Batch]:
        found = []
        wire = self._wire
        for value in self._listed(f"{wire.batches}?{wire.listing}"):
            created = read_moment(value.get("created_at"))
            if created is not None and created < since - _MARGIN:
                if self._profile.paging is Paging.NONE:  # in any order
                    continue
                break
            batch = self._batch_of(value)
            # One that failed for want of room costs nothing, and its file may serve a second submit.
            if not batch.no_room and (batch.submit == key or batch.staged == staged):
                found.append(batch)
        return found

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account, the newest first; a service without pages gives all at once."""
        waiting_for = after if self._profile.paging is Paging.NONE else None
        try:
            for value in self._listed(f"{self._wire.batches}?{self._wire.listing}", after):
                if waiting_for is None:
                    yield self._batch_of(value)
                elif text_of(value, "id") == waiting_for:
                    waiting_for = None
        except OutcomeUnknown as error:
            raise Rejected(f"{self._profile.title} cannot list its batches", where=error.where) from error

    def models(self) -> Iterator[OfferedModel]:
        """Give the models of the account, all at once."""
        return openai_models(self._http, self._profile)

    def uploads(self) -> Iterator[Upload]:
        """Give the files for batches that bear a name of ours."""
        try:
            for file in self._listed("/files?purpose=batch"):
                file_id, name = text_of(file, "id"), text_of(file, "filename") or ""
                if file_id is not None and _OUR_FILE.fullmatch(name):
                    size, created = read_count(file.get("bytes")), read_moment(file.get("created_at"))
                    yield Upload(file_id, name, size, created)
        except OutcomeUnknown as error:
            raise Rejected(f"{self._profile.title} cannot list its files", where=error.where) from error

    def remove_upload(self, upload_id: str) -> bool:
        """Delete a file."""
        return self._deleted(f"/files/{quote(upload_id, safe='')}")

    def _listed(self, path: str, after: str | None = None) -> Iterator[JsonObject]:
        return listed(self._http, path, self._profile.paging, after)

    # --- follow ---

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands; one that was made here just now may take a while to be known everywhere."""
        sent = Sent("GET", self._path(batch_id))
        end = self._clock.monotonic() + self._quiesce
        while (batch := self._batch(sent)) is None:
            is_new = self._ids.is_new(batch_id, self._clock.now(), _QUIESCE)
            if not is_new or self._clock.monotonic() >= end:
                return None
            self._clock.sleep(self._http.pause * 4)
        return batch

    def cancel(self, batch_id: str) -> Batch | None:
        """Ask for a batch to be stopped; one that has ended stays as it is."""
        path = f"{self._path(batch_id)}/cancel"
        reply = self._http.ask(
            Sent("POST", path, {"content-type": "application/json"}, final=(409,)), as_json=True, member="id"
        )
        if reply.status in (400, 409, 422):  # it has ended meanwhile
            return self.retrieve(batch_id)
        return self._read(reply)

    def _path(self, batch_id: str) -> str:
        return f"{self._wire.batches}/{quote(batch_id, safe='')}"

    def _batch(self, sent: Sent) -> Batch | None:
        return self._read(self._http.ask(sent, as_json=True, member="id"))

    def _read(self, reply: Reply) -> Batch | None:
        if reply.status in self._wire.unknown:
            return None
        if not reply.is_good:
            raise refusal(reply, self._http.origin)
        return self._batch_of(reply.json())

    def _batch_of(self, value: JsonObject, *, is_new: bool = False) -> Batch:
        batch = self._wire.read(value, self.name)
        stage = stage_of(self._profile.stages, batch, is_new=is_new)
        submit, staged = batch.metadata.get(INTENT), self._wire.input_of(value)
        return replace(batch, stage=stage, submit=submit, staged=staged)

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Look at the batch until it has ended."""
        return poll(
            lambda: self.retrieve(batch_id),
            self._clock,
            listener,
            seconds,
            is_here=self._http.origin.is_here,
            interval=self._interval,
        )

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Delete the files of a batch; where the service cannot delete the batch itself, it stays in its list."""
        batch = self.retrieve(batch_id)
        if batch is None:
            return []
        removed = [("batch", batch_id)] if self._wire.deletes else []
        files = {"input": self._wire.input_of(batch.raw)}
        files |= {kind: text_of(batch.raw, name) for kind, name in self._wire.results.items()}
        for kind, file_id in files.items():
            if file_id is not None and self._deleted(f"/files/{quote(file_id, safe='')}", dry_run=dry_run):
                removed.append((kind, file_id))
        if dry_run:
            return removed
        if self._wire.deletes:
            self._deleted(self._path(batch_id))
        self._ids.forget(batch_id)
        return removed

    def _deleted(self, path: str, *, dry_run: bool = False) -> bool:
        """Delete something, or only look whether it is there; False: it is not, or this cannot be deleted."""
        reply = self._http.ask(Sent("GET" if dry_run else "DELETE", path))
        if not reply.is_good and reply.status not in _NO_ROUTE:
            raise refusal(reply, self._http.origin)
        return reply.is_good

    # --- results ---

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids that were kept here; on another machine, those of the file that was uploaded."""
        kept = self._ids.of(batch_id)
        if kept is not None:
            return kept
        return self._uploaded_ids(batch_id)

    def _uploaded_ids(self, batch_id: str) -> Iterator[str]:
        for line in self.requests(batch_id):
            yield loads(line)[self.codec.id_field]

    def requests(self, batch_id: str) -> Iterator[bytes]:
        """Fetch the file that was uploaded and give its lines."""
        batch = self._known(batch_id)
        file_id = self._wire.input_of(batch.raw)
        if file_id is None:
            raise DamagedData(f"{batch_id} names no input file, so its requests are not known here")
        with self._file(file_id) as stream:
            for line in stream:
                if not is_blank(line):
                    yield line.removesuffix(b"\n")

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Fetch the output file and the error file, whichever there are, and give their rows.

        They stay on this machine until they were read to their ends: a break goes on where it was.
        """
        return self._rows(batch_id, None)

    def put_results(self, batch_id: str, index: RowIndex) -> None:
        """Fetch the same files, and put their rows into an index."""
        for row in self._rows(batch_id, index):
            index.put(row)

    def _rows(self, batch_id: str, index: RowIndex | None) -> Iterator[BatchResult]:
        batch = with_files(lambda: self._known(batch_id), self._wire, self._clock, self._quiesce * 2)
        for kind, stream in each_file(batch, self._wire, self._file, self._say):
            name = f"the {kind} of {batch_id}"
            if kind == "error" and self._wire.nameless_errors:
                read = partial(read_nameless, self.codec.read_result)
                yield from named_rows(read_rows(stream, read, name), name, self._say)
            else:
                yield from read_rows(stream, self.codec.read_result, name, index)

    def _file(self, file_id: str) -> contextlib.AbstractContextManager[BinaryIO]:
        path = f"/files/{quote(file_id, safe='')}"
        return Download(self._http, f"{path}/content", self._downloads).read(self._size_of(path))

    def _size_of(self, path: str) -> int | None:
        """Ask how large a file is, so that one that was cut is known; None: the service does not say."""
        reply = self._http.ask(Sent("GET", path), as_json=True)
        return (read_count(reply.json().get("bytes")) if reply.is_good else None) or None

    def _known(self, batch_id: str) -> Batch:
        batch = self.retrieve(batch_id)
        if batch is None:
            raise Rejected(f"{self._profile.title} knows no batch {quoted(batch_id)}")
        return batch

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
