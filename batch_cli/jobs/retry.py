"""Retry: the requests of a batch that have no good answer, sent again as a further attempt at it.

    the root ─▶ the best row of each request ─▶ those wanted ─▶ their own request lines ─▶ a submit linked to the root

Nothing of it is sent while an attempt runs, so no request is ever sent twice at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from batch_cli.attempt_links import Retry
from batch_cli.error_taxonomy import explained
from batch_cli.errors import NotFinished, StateError, UsageError, quoted
from batch_cli.events import Note
from batch_cli.files import held, open_input
from batch_cli.id_index import IdIndex
from batch_cli.jobs.attempts import ended_attempts, root_of, running_attempts, settle
from batch_cli.jobs.check import guess_provider
from batch_cli.jobs.conversion import Conversion
from batch_cli.jobs.convert import ConvertOrder, convert_to
from batch_cli.jobs.originals import Sent, copy, sent_by, sent_from
from batch_cli.jobs.results import ResultsOrder, ended_batch, rows
from batch_cli.jobs.selection import Wish, is_billing
from batch_cli.jobs.split import Split, Spool
from batch_cli.jobs.submission import Submission, SubmitOrder
from batch_cli.jobs.submit import submit
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.jsonl import loads
from batch_cli.messages import MessagesOptions
from batch_cli.model import Batch, JsonObject, ModelName, ResultError, object_of
from batch_cli.providers import load_codec
from batch_cli.providers.base import EncodeOptions
from batch_cli.response_model import ResponseModel, from_schema
from batch_cli.results import OutputRow, read_manifest
from batch_cli.state import Intent
from batch_cli.writers import FormatName


@dataclass(frozen=True, slots=True)
class Parent:
    """What requests are to be sent again of."""

    name: str
    """For messages: the id of the root, or the output file."""
    provider: str
    batch: Batch | None = None
    """The root with its attempts; None for an output without a batch that is known here."""
    place: BatchPlace | None = None
    output: Path | None = None
    """An output whose rows are as new as the batch's."""
    manifest: JsonObject = field(default_factory=dict)
    """The output's."""

    @property
    def next_number(self) -> int:
        """Give the number of the attempt that comes next."""
        numbers = [one.attempt or 1 for one in self.batch.attempts] if self.batch is not None else []
        return max(numbers, default=1) + 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """The requests that are to be sent again."""

    ids: IdIndex
    rows: int
    """Rows that were looked at."""
    by_reason: Counter[str]
    """How many were chosen, by the type of their error."""
    bad: int
    """Rows without a good answer, chosen or not."""
    has_billing_error: bool

    @property
    def count(self) -> int:
        """Give how many were chosen."""
        return self.ids.count


@dataclass(frozen=True, slots=True)
class RetryFile:
    """The request lines of a retry."""

    lines: Spool
    requests: int
    model: ModelName


@contextmanager
def retrying(workspace: Workspace, what: BatchPlace | Path) -> Iterator[Parent]:
    """Give what requests are to be sent again of: a batch or job, or an output. Other retries of it are kept out.

    A retry stands for its root.

    Raises:
        NotFinished: it runs, or an attempt at it does.
        OutcomeUnknown: it cannot be told whether an attempt at it exists.
        StateError: another retry of it is at work, for longer than ``--lock-timeout`` says; or the output is none
            of ours, or not as it was written.
    """
    manifest = _manifest(what) if isinstance(what, Path) else {}
    place = _known_place(workspace, manifest) if isinstance(what, Path) else what
    if place is None:
        _refuse_other_forms(str(what), manifest)
        yield Parent(str(what), str(manifest["provider"]), output=Path(str(what)), manifest=manifest)
        return
    root = root_of(workspace, place)
    with exclusively(workspace, root.id):
        settle(workspace, root)
        batch = ended_batch(workspace, root)
        for one in running_attempts(batch):
            raise NotFinished(
                f"attempt {one.attempt} at {batch.id} has not ended: {one.id} ({one.status})",
                hint=f"batch-cli wait {one.id}",
            )
        output = what if isinstance(what, Path) and _is_newest(manifest, batch) else None
        yield Parent(root.id, root.provider, batch, root, output, manifest)


@contextmanager
def exclusively(workspace: Workspace, root: str) -> Iterator[None]:
    """Keep other retries of the same root out.

    Raises:
        StateError: one is at work, for longer than ``--lock-timeout`` says.
    """
    keep_trying = workspace.patience()
    name = f"retry-{sha256(root.encode()).hexdigest()[:32]}"
    while (lock := workspace.journal.lock(name)) is None:
        if not keep_trying():
            raise StateError(
                f"another batch-cli is sending requests of {root} again",
                hint="wait, or use --lock-timeout 60",
            )
    with held(lock):
        yield


def _manifest(output: Path) -> JsonObject:
    found = read_manifest(output)
    if found is None:
        raise StateError(
            f"{quoted(str(output))} has no {quoted(output.name + '.meta.json')} that fits it",
            hint="name an output of batch-cli results as it was written, or the batch",
            reference="E804",
        )
    return found


def _known_place(workspace: Workspace, manifest: JsonObject) -> BatchPlace | None:
    """Give the batch or job that an output came of, if it was submitted on this machine."""
    name, journal = manifest.get("batch"), workspace.journal
    if not isinstance(name, str) or (journal.by_batch(name) is None and journal.job(name) is None):
        return None
    return workspace.find_batch(name, None)


def _refuse_other_forms(name: str, manifest: JsonObject) -> None:
    if manifest.get("format", FormatName.LINES) != FormatName.LINES:
        raise StateError(
            f"{quoted(name)} has the answers as {manifest['format']}, not as lines that say why others are missing",
            hint="name the batch, or write its results as lines",
            reference="E804",
        )


def _is_newest(manifest: JsonObject, batch: Batch) -> bool:
    """Tell whether an output has the rows of all attempts that there are, as lines."""
    if manifest.get("format", FormatName.LINES) != FormatName.LINES:
        return False
    merged = [one.get("batch") for one in manifest.get("attempts") or ()]
    return manifest.get("batch") == batch.id and merged[1:] == [one.id for one in ended_attempts(batch)]


# --- which requests ---


def choose(
    workspace: Workspace, parent: Parent, wish: Wish, response_model: ResponseModel | None = None
) -> Chosen:
    """Read the best row of each request and choose. Memory: a row, and some 30 bytes for each that is chosen."""
    if parent.output is not None and response_model is None:
        found = _rows_of_output(parent.output)
    else:
        model = response_model or _model_of(parent.manifest)
        found = rows(workspace, _batch_of(parent), ResultsOrder(model))
    ids, by_reason, count, bad, is_broke = IdIndex(), Counter[str](), 0, 0, False
    for row in found:
        count += 1
        if row.error is None:
            continue
        bad += 1
        is_broke = is_broke or is_billing(row)
        if wish.takes(row):
            ids.add(row.custom_id, count)
            by_reason[row.error.type] += 1
    return Chosen(ids, count, by_reason, bad, is_broke)


def _batch_of(parent: Parent) -> Batch:
    if parent.batch is None:
        raise UsageError(
            f"{quoted(parent.name)} came of no batch, so its answers cannot be checked anew",
            hint="leave out --response-model",
        )
    return parent.batch


def _model_of(manifest: JsonObject) -> ResponseModel | None:
    said = object_of(manifest.get("response_model"))
    return from_schema(said["schema"], said["name"]) if said else None


def _rows_of_output(output: Path) -> Iterator[OutputRow]:
    """Read the rows of an output that its manifest proves."""
    with open_input(output) as stream:
        for line in stream:
            row = loads(line)
            said = row["error"]
            error = None
            if said is not None:
                code, status = said.get("code"), object_of(row["response"]).get("status_code")
                kind = str(said.get("type") or code or "error")
                may_pass = bool(said.get("retryable"))
                error = explained(
                    ResultError(kind, str(said.get("message")), code, retryable=may_pass), status
                )
            yield OutputRow(row["custom_id"], line.removesuffix(b"\n"), row["response"], error)


# --- their lines ---


def retry_file(
    workspace: Workspace,
    parent: Parent,
    chosen: Chosen,
    model: ModelName | None = None,
    sent: Sent | None = None,
) -> RetryFile:
    """Copy the request lines of what was chosen, byte for byte; for another model, written for it.

    ``sent`` says where they are, if the caller knows. What another provider has no words for is told.

    Raises:
        InvalidInput: the requests that are there are not those that were sent.
        StateError: they are nowhere.
    """
    sent = sent or _sent(workspace, parent)
    lines = copy(sent, chosen.ids)
    if model is not None:
        lines = _written_for(workspace, lines, sent, model)
    new = model or ModelName(parent.provider, _model_of_submit(workspace, parent))
    return RetryFile(lines, chosen.count, new)


def requests_in(workspace: Workspace, parent: Parent, path: Path) -> Sent:
    """Take the requests of a file that the user has named."""
    hashes = _known_hashes(workspace, parent)
    if parent.place is not None:
        return sent_from(path, load_codec(parent.provider, workspace.services), hashes)
    return sent_from(path, load_codec(guess_provider(partial(open_input, path))), hashes)


def _known_hashes(workspace: Workspace, parent: Parent) -> frozenset[str]:
    if parent.place is not None:
        codec = load_codec(parent.provider, workspace.services)
        return sent_by(workspace, parent.place, codec).hashes
    said = object_of(parent.manifest.get("requests")).get("sha256")
    return frozenset((said,)) if said else frozenset()


def _sent(workspace: Workspace, parent: Parent) -> Sent:
    if parent.place is not None:
        return sent_by(workspace, parent.place, load_codec(parent.provider, workspace.services))
    file = object_of(parent.manifest.get("requests")).get("file")
    if file is None or not Path(file).is_file():
        raise StateError(
            f"the requests that {quoted(parent.name)} answers are not to be found",
            hint="name the request file with --requests FILE",
            reference="E806",
        )
    return requests_in(workspace, parent, Path(file))


def _written_for(workspace: Workspace, lines: Spool, sent: Sent, model: ModelName) -> Spool:
    target = load_codec(model.provider, workspace.services)
    source = target if target.title == sent.codec.title else sent.codec
    written = Spool()
    order = ConvertOrder(
        partial(lines.open, _no_lines), "the requests", Conversion(source, target, model.name), hashed=False
    )
    try:
        converted = convert_to(workspace, order, written.sink())
    finally:
        lines.close()
    for lost in converted.lost:
        workspace.say(Note(lost.sentence, warning=True))
    return written


def _no_lines() -> Iterator[bytes]:
    return iter(())


# --- the submit ---


def send(
    workspace: Workspace, parent: Parent, file: RetryFile, *, name: str, again: SubmitOrder
) -> Submission:
    """Submit the lines as the next attempt at the parent, under the guards of ``again``; it may be repeated.

    Of ``again`` count the settings that a submit has besides its requests. ``name`` is what the journal calls the
    source.
    """
    retry = None if parent.batch is None else Retry(parent.batch.id, parent.next_number)
    order = replace(
        again,
        open_file=partial(file.lines.open, _no_lines),
        name=name,
        model=file.model,
        encode=EncodeOptions(model=file.model.name),
        messages=MessagesOptions(),
        own_dialect_only=True,
        settings=_next_settings(again.settings, retry),
        save_id=False,
        split=again.split or Split(),
        retry=retry,
    )
    return submit(workspace, order)


def order_like(workspace: Workspace, parent: Parent, model: ModelName) -> SubmitOrder:
    """Give the order that a parent was submitted by, as far as the journal knows it; for another provider, a plain one."""
    plain = SubmitOrder(
        partial(open_input, Path("/dev/null")), "", model, EncodeOptions(model=model.name), MessagesOptions()
    )
    intent = None if model.provider != parent.provider else _intent_of(workspace, parent)
    if intent is None:
        return plain
    settings = {name: value for name, value in intent.settings.items() if name != "simulated"}
    at_once = parent.place.job.at_once if parent.place and parent.place.job else None
    return replace(
        plain, endpoint=intent.endpoint, metadata=intent.metadata, settings=settings, at_once=at_once
    )


def _intent_of(workspace: Workspace, parent: Parent) -> Intent | None:
    """Give the submit of the root, of a job the first that there is."""
    place, journal = parent.place, workspace.journal
    if place is None or place.job is None:
        return None if place is None else journal.by_batch(place.id)
    return next((one.intent for one in journal.shards_of(place.id) if one.intent is not None), None)


def _model_of_submit(workspace: Workspace, parent: Parent) -> str:
    intent = _intent_of(workspace, parent)
    if intent is not None:
        return intent.model
    return (parent.batch and parent.batch.model) or ""


def _next_settings(settings: JsonObject, retry: Retry | None) -> JsonObject:
    """Let the simulated model fail other requests than at the attempt before: its errors pass, as real ones do."""
    if retry is None or "seed" not in settings:
        return settings
    return {**settings, "seed": settings["seed"] + retry.number - 1}
