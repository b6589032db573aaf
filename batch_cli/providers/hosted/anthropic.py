"""Message batches on Anthropic's wire: the requests go with the create, one stream holds all results.

Source: anthropic-sdk-python 2.12.0 for what its clients send; platform.claude.com, "Batch processing"
(read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from batch_cli.clock import Clock
from batch_cli.errors import DamagedData, OutcomeUnknown, Rejected, StateError, quoted
from batch_cli.events import Listener, Note
from batch_cli.httpclient.client import Reply, Sent, refusal
from batch_cli.httpclient.outcome import Unknown
from batch_cli.model import (
    MESSAGES,
    Batch,
    BatchResult,
    JsonObject,
    JsonValue,
    check_batch_id,
)
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.providers.anthropic import ANTHROPIC
from batch_cli.providers.base import Answer, BatchOptions, Capabilities, Codec, Input, Place
from batch_cli.providers.hosted.anthropic_objects import Snapshot, body_of, read_batch, refuse_running
from batch_cli.providers.hosted.anthropic_version import version_of, wants_bearer
from batch_cli.providers.hosted.connection import connect, origin_of
from batch_cli.providers.hosted.creating import create_once, outcome_unknown
from batch_cli.providers.hosted.download import Download
from batch_cli.providers.hosted.kept_ids import KeptIds
from batch_cli.providers.hosted.models import anthropic_model
from batch_cli.providers.hosted.objects import read_moment, text_of
from batch_cli.providers.hosted.polling import poll
from batch_cli.providers.hosted.proof import proven
from batch_cli.providers.hosted.spool import Spool
from batch_cli.result_file import read_rows

BASE_URL = "https://api.anthropic.com"
BASE_URL_VARIABLE = "ANTHROPIC_BASE_URL"
_BATCHES = f"{MESSAGES}/batches"
_PAGE, _MODELS_PAGE, _MOST_PAGES = 100, 1_000, 1_000
_QUIESCE, _LOCAL_QUIESCE = 30.0, 1.0
"""How long a batch may take to appear in the list after its creation was answered by nobody."""
_ANSWER_SECONDS = 600.0
"""As the SDK waits; the service takes a quarter of a gigabyte apart before it answers."""
_SHOWN = 5


class AnthropicBatches:
    """Anthropic. A batch there bears no name of ours, so one whose answer was lost is found by time and size."""

    name = "anthropic"
    codec: Codec = ANTHROPIC
    capabilities = Capabilities(metadata_pairs=0, gives_requests_back=False)

    def __init__(self, place: Place, clock: Clock) -> None:
        """Take the address, the version and the key; nobody is called yet."""
        self._place, self._clock, self._say = place, clock, place.listener
        origin = origin_of(place.environment, (BASE_URL_VARIABLE,), BASE_URL)
        version = version_of(place.environment)
        headers = {"anthropic-version": version, "accept": "application/json"}
        key_header = "authorization" if wants_bearer(place.environment, place.key) else "x-api-key"
        self._http = connect(place, clock, origin, headers, key_header=key_header)
        self.address, self._interval = str(origin), place.interval
        self._ids = KeptIds(place.state / "ids")
        self._spool = Spool(place.state / "spool")
        self._downloads = place.state / "downloads"

    # --- submit ---

    def stage(self, key: str, source: Input) -> str:
        """Keep the requests here as the body of the create, and note the newest batch that the account has."""
        self._spool.sweep(self._clock.now())
        lines = self._ids.record(key, self.codec.id_field, source.lines())
        self._spool.write(key, body_of(lines))
        page = self._page(f"{_BATCHES}?limit=1")
        newest = next(iter(_items(page)), {})
        return Snapshot(source.requests, text_of(newest, "id"), read_moment(newest.get("created_at"))).write()

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Make the batch: one request over a connection of its own, sent again only where it cannot have arrived.

        Raises:
            OutcomeUnknown: there may be a batch; nothing is sent again before `find` has looked.
            StateError: its requests are not on this machine any more.
        """
        del options  # such a batch takes nothing but its requests
        requests = Snapshot.read(staged).requests
        sent = Sent(
            "POST",
            _BATCHES,
            {"content-type": "application/json"},
            lambda: self._spool.pieces(key),
            self._spool.size(key),
            seconds=None,
            answer_seconds=_ANSWER_SECONDS,
        )

        def created(value: JsonObject) -> Batch:
            batch = read_batch(value)
            if not batch.id or (batch.counts.total or requests) != requests:
                raise Unknown("the answer is not the batch that was asked for")
            check_batch_id(batch.id)
            return batch

        batch = create_once(self._http, sent, created, self._say)
        self._settle(key, batch.id)
        return batch

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch of an earlier `create`: of as many requests, newer than what was there before, nobody's.

        One that is not there is looked for again after a while: lists may be behind. What is found is
        probably ours; its results prove it.

        Raises:
            OutcomeUnknown: there are several, or somebody else looks for one like it.
        """
        del since
        if (answered := self._spool.batch_of(key)) is not None:
            self._ids.belong_to(key, answered)
            return self.retrieve(answered)
        snapshot = Snapshot.read(staged)
        pause = _LOCAL_QUIESCE if self._http.origin.is_here else _QUIESCE
        found = self._candidates(snapshot)
        if not found:
            self._say(Note(f"looking once more in {pause:.0f} s for a batch whose creation was not answered"))
            self._clock.sleep(pause)
            found = self._candidates(snapshot)
        if not found:
            return None
        if len(found) > 1 or self._place.has_rival(key, snapshot.requests):
            raise _several(found, snapshot.requests)
        self._doubt(found[0], snapshot)
        self._settle(key, found[0].id)
        return found[0]

    def _settle(self, key: str, batch_id: str) -> None:
        """Note which batch came of a submit; after a crash `find` goes on from there."""
        self._spool.settle(key, batch_id)
        self._ids.belong_to(key, batch_id)

    def _candidates(self, snapshot: Snapshot) -> list[Batch]:
        """Give the batches that can have come of a create: new, as large, and of no other submit of this machine."""
        found = []
        for value in self._listed():
            batch = read_batch(value)
            if batch.id == snapshot.newest or snapshot.is_newer_than(batch):
                break
            if (batch.counts.total or snapshot.requests) != snapshot.requests:
                continue
            if not (self._place.knows_batch(batch.id) or self._ids.are_kept(batch.id)):
                found.append(batch)
        return found

    def _doubt(self, batch: Batch, snapshot: Snapshot) -> None:
        self._ids.doubt(batch.id)
        self._say(
            Note(
                f"{batch.id} is probably the batch of this submit: the only new one with"
                f" {snapshot.requests:,} requests; its results will prove it",
                warning=True,
            )
        )

    def _listed(
        self, what: str = _BATCHES, after: str | None = None, *, size: int = _PAGE
    ) -> Iterator[JsonObject]:
        """Give what the account has, the newest first, a page at a time, from behind the one called ``after``.

        Raises:
            OutcomeUnknown: the list does not come to an end.
        """
        cursor = "" if after is None else f"&after_id={quote(after, safe='')}"
        path, seen = f"{what}?limit={size}{cursor}", set[str]()
        for _ in range(_MOST_PAGES):
            page = self._page(path)
            yield from _items(page)
            last = text_of(page, "last_id")
            if not page.get("has_more") or last is None:
                return
            if last in seen:
                break
            seen.add(last)
            path = f"{what}?limit={size}&after_id={quote(last, safe='')}"
        raise outcome_unknown(f"the list of {self._http.origin.authority} does not come to an end")

    def _page(self, path: str) -> JsonObject:
        return self._http.json(Sent("GET", path))

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account, the newest first."""
        try:
            yield from (read_batch(value) for value in self._listed(after=after))
        except OutcomeUnknown as error:
            raise Rejected(error.where[0], hint="narrow the list: --limit N") from error

    def models(self) -> Iterator[OfferedModel]:
        """Give the models of the account, the newest first."""
        return map(anthropic_model, self._listed("/v1/models", size=_MODELS_PAGE))

    def uploads(self) -> Iterator[Upload]:
        """Give none: the requests go with the create."""
        return iter(())

    def remove_upload(self, upload_id: str) -> bool:
        """Remove nothing."""
        del upload_id
        return False

    # --- follow ---

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands."""
        return self._read(self._http.ask(Sent("GET", _path(batch_id)), as_json=True))

    def cancel(self, batch_id: str) -> Batch | None:
        """Ask for a batch to be stopped; one that has ended stays as it is."""
        sent = Sent("POST", f"{_path(batch_id)}/cancel", final=(409,))
        reply = self._http.ask(sent, as_json=True)
        if reply.status in (400, 409):  # it has ended meanwhile
            return self.retrieve(batch_id)
        return self._read(reply)

    def _read(self, reply: Reply) -> Batch | None:
        if reply.status == 404:  # noqa: PLR2004 - HTTP
            return None
        if not reply.is_good:
            raise refusal(reply, self._http.origin)
        return read_batch(reply.json())

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
        """Delete a batch with its results.

        Raises:
            StateError: it is still running; the service deletes only what has ended.
        """
        if dry_run:
            batch = self.retrieve(batch_id)
            if batch is not None:
                refuse_running(batch)
            return [] if batch is None else [("batch", batch_id)]
        reply = self._http.ask(Sent("DELETE", _path(batch_id), final=(409,)))
        if reply.status == 404:  # noqa: PLR2004 - HTTP
            return []
        if not reply.is_good:
            batch = self.retrieve(batch_id)
            if batch is not None:
                refuse_running(batch)
            raise refusal(reply, self._http.origin)
        self._ids.forget(batch_id)
        return [("batch", batch_id)]

    # --- results ---

    def requests(self, batch_id: str) -> None:
        """Give none: the service gives back results, not requests."""
        del batch_id

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Read the ids that were kept here.

        Raises:
            StateError: the batch was submitted on another machine, and the service does not tell them.
        """
        kept = self._ids.of(batch_id)
        if kept is None:
            raise StateError(
                f"the requests of {batch_id} are not known on this machine, so neither is their order",
                where="Anthropic gives back results, not requests",
                hint=f"write them as they come: batch-cli results {batch_id} --order as-is -o FILE",
            )
        return kept

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Fetch the stream of results and give its rows, in the service's order.

        It stays on this machine until it was read to its end: a break goes on where it was.
        """
        path = self._results_path(self._known(batch_id))
        with Download(self._http, path, self._downloads).read() as stream:
            rows = read_rows(stream, self.codec.read_result, f"the results of {batch_id}")
            yield from self._proven(batch_id, rows)

    def _proven(self, batch_id: str, rows: Iterator[BatchResult]) -> Iterator[BatchResult]:
        """Give the rows; of a batch that is only probably ours, as far as their ids do not deny it."""
        if not self._ids.is_doubted(batch_id):
            yield from rows
            return
        yield from proven(batch_id, self.request_ids(batch_id), rows)
        self._ids.trust(batch_id)

    def _results_path(self, batch: Batch) -> str:
        """Give where the results are, behind the base URL.

        Raises:
            Rejected: they are not kept any more.
            DamagedData: they are said to be on another server, which gets no key.
        """
        if batch.raw.get("archived_at"):
            raise Rejected(
                f"the results of {batch.id} are not there any more",
                where=f"archived at {str(batch.raw['archived_at'])[:40]}; Anthropic keeps results for 29 days",
                hint="submit the requests again",
            )
        url = text_of(batch.raw, "results_url")
        if url is None:
            return f"{_path(batch.id)}/results"
        origin = self._http.origin
        found = origin.path_of(url)
        if found is None or not found.startswith(f"{origin.path}/"):
            raise DamagedData(
                f"the results of {batch.id} are said to be at {quoted(url, 120)}, not at {origin}",
                where="a key is sent to the configured server only",
                hint=f"if that server is right, set {BASE_URL_VARIABLE} to it",
            )
        return found.removeprefix(origin.path)

    def _known(self, batch_id: str) -> Batch:
        batch = self.retrieve(batch_id)
        if batch is None:
            raise Rejected(f"Anthropic knows no batch {quoted(batch_id)}")
        return batch

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body."""
        return self.codec.answer(body)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _path(batch_id: str) -> str:
    return f"{_BATCHES}/{quote(batch_id, safe='')}"


def _items(page: JsonObject) -> list[JsonObject]:
    items = page.get("data")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _several(found: list[Batch], requests: int) -> OutcomeUnknown:
    names = ", ".join(batch.id for batch in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return OutcomeUnknown(
        'the answer to "create batch" was lost, and it cannot be told which batch came of it',
        where=(f"new ones with {requests:,} requests: {names}{more}", "nothing was sent again"),
        hint=f"look at each: batch-cli status {found[0].id}; a batch that is yours alone can be followed by its id",
    )
