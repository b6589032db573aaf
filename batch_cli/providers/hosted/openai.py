"""Batches on OpenAI's wire: a file is uploaded, a batch made of it, and two files hold its results.

Source: openai-openapi 2.3.0 (2026-08-21), openai-python 3.52.0 for what its clients send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from batch_cli.clock import Clock
from batch_cli.errors import DamagedData, Gone, NoRoom, OutcomeUnknown, Rejected, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.client import HttpClient, Reply, Sent, is_exhausted, refusal
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.outcome import NoAnswer, NotSent, Unknown
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.jsonl import is_blank, loads
from batch_cli.model import INTENT, Batch, BatchResult, JsonObject, JsonValue, check_batch_id
from batch_cli.providers.base import Answer, BatchOptions, Capabilities, Codec, Input, Place, Upload
from batch_cli.providers.hosted.connection import connect, origin_of
from batch_cli.providers.hosted.download import Download
from batch_cli.providers.hosted.kept_ids import KeptIds
from batch_cli.providers.hosted.multipart import FileForm
from batch_cli.providers.hosted.objects import is_full, read_count, read_moment, read_openai_batch, text_of
from batch_cli.providers.hosted.polling import poll
from batch_cli.providers.hosted.profile import Profile
from batch_cli.providers.hosted.result_files import RESULT_FILES, with_files
from batch_cli.result_file import read_rows

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
_PAGE = 100


class OpenAIBatches:
    """A service that speaks OpenAI's wire; what is special about it stands in its profile."""

    def __init__(self, profile: Profile, codec: Codec, place: Place, clock: Clock) -> None:
        """Take the address and the key; nobody is called yet."""
        self.name, self.codec = profile.name, codec
        self.capabilities = Capabilities(
            most_batches=profile.most_batches, metadata_pairs=max(0, profile.metadata_pairs - _OWN_PAIRS)
        )
        self._profile, self._clock, self._say = profile, clock, place.listener
        origin = origin_of(place.environment, profile.base_url_variables, profile.base_url)
        more = {
            header: value
            for header, variable in profile.headers.items()
            if (value := place.environment.get(variable, "").strip())
        }
        self.address, self._interval = str(origin), place.interval
        self._http: HttpClient = connect(place, clock, origin, more, key_header=profile.key_header)
        self._ids = KeptIds(place.state / "ids")
        self._downloads = place.state / "downloads"

    # --- submit ---

    def stage(self, key: str, source: Input) -> str:
        """Upload the requests as ``<key>.jsonl``; a file of this name and size that is there already is taken."""
        filename = f"{key}.jsonl"
        for _ in range(_TRIES):
            form = FileForm(
                {"purpose": "batch"},
                filename,
                lambda: self._ids.record(key, self.codec.id_field, source.lines()),
                source.bytes,
            )
            headers = {"content-type": form.content_type, "accept": "application/json"}
            sent = Sent("POST", "/files", headers, form.pieces, form.length, seconds=None)
            try:
                reply = self._http.once(sent)
                self._refuse_without_batches(reply)
                if reply.is_good:
                    return self._staged(reply.json(), source)
                if (reply.status not in (408, 409, 425, 429) and reply.status < 500) or is_exhausted(reply):  # noqa: PLR2004 - HTTP
                    raise refusal(reply, self._http.origin)
                why = f"HTTP {reply.status}"
                pause = retry_after(reply.headers, self._clock.now())
            except NoAnswer as error:
                why, pause = str(error), None
            self._say(Note(f"the upload broke off ({why}); trying again", detail=True))
            self._clock.sleep(min(pause or self._http.pause * 4, MOST_SECONDS))
            if (found := self._uploaded(filename, source)) is not None:
                return found
        raise self._http.given_up(why)

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

    def _uploaded(self, filename: str, source: Input) -> str | None:
        """Find a file by our name for it."""
        for file in self._listed("/files?purpose=batch"):
            if file.get("filename") == filename and file.get("bytes") == source.bytes:
                return text_of(file, "id")
        return None

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Make the batch: one request over a connection of its own, sent again only where it cannot have arrived.

        Raises:
            OutcomeUnknown: there may be a batch; nothing is sent again before `find` has looked.
        """
        body: JsonObject = {
            "input_file_id": staged,
            "endpoint": options.endpoint,
            "completion_window": self._profile.windows[0],
            **self._profile.create_fields,
        }
        if self._profile.metadata_pairs:
            body["metadata"] = {**options.metadata, INTENT: key}
        sent = Sent.json("POST", "/batches", body, headers={"idempotency-key": key})
        for tries in range(1, _TRIES + 1):
            try:
                reply = self._http.once(sent)
                if reply.is_good:
                    return self._created(reply.json(), key, staged)
            except NotSent as error:
                why, pause = str(error), self._http.pause * 2**tries
            except Unknown as error:
                raise _unknown(str(error)) from error
            else:
                self._refuse_without_batches(reply)
                pause = self._refused_before_work(reply)
                why = f"HTTP {reply.status}"
            if tries < _TRIES:
                self._clock.sleep(pause)
        raise self._no_room(why) if why == "HTTP 429" else self._http.given_up(why)

    def _no_room(self, why: str) -> NoRoom:
        return NoRoom(
            f"{self._profile.title} takes no further batch of this account now",
            where=f"{self._http.origin.authority}: {why}",
            hint="run the same command again when other batches have ended",
        )

    def _refused_before_work(self, reply: Reply) -> float:
        """Give how long to wait where a batch was refused for now; anything else is raised."""
        asked = retry_after(reply.headers, self._clock.now())
        said = read_error(reply.body, reply.status)
        if reply.status == 429 and is_full(said.code):  # noqa: PLR2004 - HTTP
            raise self._no_room(said.message)
        if reply.status == 429 and not is_exhausted(reply) and (asked or 0) <= MOST_SECONDS:  # noqa: PLR2004 - HTTP
            return asked or self._http.pause * 4
        if reply.status in (503, 529) and asked is not None and asked <= MOST_SECONDS:
            return asked
        if reply.status in (408, 409, 425) or reply.status >= 500 or 300 <= reply.status < 400:  # noqa: PLR2004 - HTTP
            raise _unknown(f"{self._http.origin.authority} answered HTTP {reply.status}")
        raise refusal(reply, self._http.origin)

    def _created(self, value: JsonObject, key: str, staged: str) -> Batch:
        """Check that the answer is the batch that was asked for, and not another request's."""
        batch = read_openai_batch(value, self.name)
        if not batch.id or value.get("input_file_id") not in (None, staged):
            raise Unknown("the answer is not the batch that was asked for")
        check_batch_id(batch.id)
        self._ids.belong_to(key, batch.id)
        return batch

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create`: by the key in its metadata, or by its file, which is ours alone.

        One that is not there is looked for again after a while: lists may be behind.
        """
        pause = _LOCAL_QUIESCE if self._http.origin.is_here else _QUIESCE
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
        for value in self._listed("/batches"):
            created = read_moment(value.get("created_at"))
            if created is not None and created < since - _MARGIN:
                break
            batch = read_openai_batch(value, self.name)
            # One that failed for want of room costs nothing, and its file may serve a second submit.
            if not batch.no_room and (batch.submit == key or batch.staged == staged):
                found.append(batch)
        return found

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account, the newest first; a service without pages gives all at once."""
        waiting_for = None if self._profile.is_paged else after
        try:
            for value in self._listed("/batches", after):
                if waiting_for is None:
                    yield read_openai_batch(value, self.name)
                elif text_of(value, "id") == waiting_for:
                    waiting_for = None
        except OutcomeUnknown as error:
            raise Rejected(f"{self._profile.title} cannot list its batches", where=error.where) from error

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
        reply = self._http.ask(Sent("DELETE", f"/files/{quote(upload_id, safe='')}"))
        if not reply.is_good and reply.status != 404:  # noqa: PLR2004 - HTTP
            raise refusal(reply, self._http.origin)
        return reply.is_good

    def _listed(self, path: str, after: str | None = None) -> Iterator[JsonObject]:
        """Give the items of a list, the newest first, a page at a time, from behind the one called ``after``.

        Raises:
            OutcomeUnknown: the service has no such list.
        """
        query, seen = "&" if "?" in path else "?", set[str]()
        for _ in range(_MOST_PAGES):
            cursor = "" if after is None else f"&after={quote(after, safe='')}"
            where = f"{path}{query}limit={_PAGE}{cursor}" if self._profile.is_paged else path
            reply = self._http.ask(Sent("GET", where), as_json=True)
            if reply.status in _NO_ROUTE:
                raise _unknown(f"{self._http.origin.authority} cannot list what it has")
            if not reply.is_good:
                raise refusal(reply, self._http.origin)
            page = reply.json()
            items = page.get("data")
            if not isinstance(items, list):
                return
            yield from (item for item in items if isinstance(item, dict))
            after = text_of(items[-1], "id") if items and isinstance(items[-1], dict) else None
            if not self._profile.is_paged or not page.get("has_more") or after is None or after in seen:
                return
            seen.add(after)

    # --- follow ---

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands."""
        return self._batch(Sent("GET", f"/batches/{quote(batch_id, safe='')}"))

    def cancel(self, batch_id: str) -> Batch | None:
        """Ask for a batch to be stopped; one that has ended stays as it is."""
        path = f"/batches/{quote(batch_id, safe='')}/cancel"
        reply = self._http.ask(
            Sent("POST", path, {"content-type": "application/json"}, final=(409,)), as_json=True
        )
        if reply.status in (400, 409):  # it has ended meanwhile
            return self.retrieve(batch_id)
        return self._read(reply)

    def _batch(self, sent: Sent) -> Batch | None:
        return self._read(self._http.ask(sent, as_json=True))

    def _read(self, reply: Reply) -> Batch | None:
        if reply.status == 404:  # noqa: PLR2004 - HTTP
            return None
        if not reply.is_good:
            raise refusal(reply, self._http.origin)
        return read_openai_batch(reply.json(), self.name)

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

    def delete(self, batch_id: str) -> list[tuple[str, str]]:
        """Delete the files of a batch; the batch itself stays in the service's list, which cannot be helped."""
        batch = self.retrieve(batch_id)
        if batch is None:
            return []
        removed = [("batch", batch_id)]
        for name in ("input_file_id", "output_file_id", "error_file_id"):
            file_id = text_of(batch.raw, name)
            if file_id is None:
                continue
            if self.remove_upload(file_id):
                removed.append((name.removesuffix("_file_id"), file_id))
        self._ids.forget(batch_id)
        return removed

    # --- results ---

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids that were kept here; on another machine, those of the file that was uploaded."""
        kept = self._ids.of(batch_id)
        if kept is not None:
            return kept
        return self._uploaded_ids(batch_id)

    def _uploaded_ids(self, batch_id: str) -> Iterator[str]:
        batch = self._known(batch_id)
        file_id = text_of(batch.raw, "input_file_id")
        if file_id is None:
            raise DamagedData(f"{batch_id} names no input file, so its requests are not known here")
        path = self._fetched(file_id)
        with path.open("rb", buffering=1 << 20) as stream:
            for line in stream:
                if not is_blank(line):
                    yield loads(line)[self.codec.id_field]
        path.unlink(missing_ok=True)

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Fetch the output file and the error file, whichever there are, and give their rows.

        They stay on this machine until they were read to their ends: a break goes on where it was.
        """
        batch = with_files(lambda: self._known(batch_id), self._clock, self._http.pause * 4)
        names = [name for name in RESULT_FILES if text_of(batch.raw, name) is not None]
        gone = 0
        for name in names:
            try:
                path = self._fetched(str(batch.raw[name]))
            except Gone as error:
                gone += 1
                if gone == len(names):
                    raise
                what = f"the {name[:-8]} file of {batch_id} is not there any more"
                self._say(Note(what, warning=True, hint=error.hint))
                continue
            with path.open("rb", buffering=1 << 20) as stream:
                yield from read_rows(stream, self.codec.read_result, f"the {name[:-8]} of {batch_id}")
            path.unlink(missing_ok=True)

    def _fetched(self, file_id: str) -> Path:
        path = f"/files/{quote(file_id, safe='')}/content"
        return Download(self._http, path, self._downloads).complete()

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

    def _refuse_without_batches(self, reply: Reply) -> None:
        """Say clearly that an account has no batches, where a service is known for it."""
        if reply.status in _NO_ROUTE and self._profile.without_batches is not None:
            raise Rejected(
                f"this {self._profile.title} account has no batch service",
                where=f"{self._http.origin.authority} answered HTTP {reply.status}",
                hint=self._profile.without_batches,
            )


def _unknown(why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        'the answer to "create batch" was lost; the provider may or may not have started it',
        where=(why, "nothing was sent again"),
        hint="run the same command again: it looks for the batch first",
    )
