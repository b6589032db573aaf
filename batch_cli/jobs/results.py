"""Results: from a batch that has ended to a file with one line for each request, in order, with its proof."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from errno import ENOENT
from pathlib import Path

from batch_cli import __version__
from batch_cli.clock import rfc3339
from batch_cli.columns import columns_digest
from batch_cli.errors import NotFinished, NothingUsable, StateError, disk_error, quoted
from batch_cli.events import Event, Phase, Progress
from batch_cli.files import PartFile, resolve_output
from batch_cli.jobs.answer_types import parser_of, remembered_model, why_missing
from batch_cli.jobs.attempts import ended_attempts, merge, running_attempts, with_attempts
from batch_cli.jobs.calls import called_url, with_call
from batch_cli.jobs.in_flight import stands
from batch_cli.jobs.lost import lost_rows
from batch_cli.jobs.own_columns import columns_of, with_columns_of
from batch_cli.jobs.side_files import SideFiles
from batch_cli.jobs.spooled_ids import SpooledIds
from batch_cli.jobs.whole import held_back, unsubmitted
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchResult, JsonObject, JsonValue
from batch_cli.providers.base import Answer, PutsResults
from batch_cli.response_model import ResponseModel
from batch_cli.results import (
    OutputRow,
    Sink,
    Summary,
    counts_of,
    each_once,
    finish_rows,
    in_input_order,
    in_step,
    read_manifest,
    summary_of,
    write_manifest,
)
from batch_cli.row_index import RowIndex, Strays
from batch_cli.state import Job
from batch_cli.writers import FormatName, Shape, write_rows
from batch_cli.writers.in_order import FORMS, write_in_order

_REPORT_EVERY = 2_000


@dataclass(frozen=True, slots=True)
class ResultsOrder:
    """How results are wanted."""

    response_model: ResponseModel | None = None
    """None: the schema the requests asked for, where all asked for the same."""
    in_order: bool = True
    """False: as they come, without waiting for order or for what is missing."""
    force: bool = False
    """Replace an output of another batch."""
    form: FormatName = FormatName.LINES
    with_call: bool = False
    """Failed rows say which address was asked, and what came (`jobs.calls`)."""
    watch: Callable[[OutputRow], None] | None = None
    """Told of every row in order, also where the output turns out to be complete already."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the results."""

    batch: Batch
    summary: Summary
    output: str
    already_complete: bool = False


def ended_batch(workspace: Workspace, place: BatchPlace) -> Batch:
    """Give the batch, or what stands for all batches of a job, with its attempts, if it has ended; they need not have.

    Raises:
        NotFinished: it has not, or a batch of the job was not submitted yet.
    """
    batch = stands(workspace, place)
    if not batch.status.is_terminal:
        if place.job is not None:
            _refuse_unsubmitted(workspace, place.job)
        raise NotFinished(
            f"Batch status is '{batch.status}', not completed", hint=f"batch-cli wait {batch.id}"
        )
    return with_attempts(workspace, batch)


def _refuse_unsubmitted(workspace: Workspace, job: Job) -> None:
    shards = workspace.journal.shards_of(job.id)
    waiting = unsubmitted(shards)
    if (kept := held_back(shards)) and kept == waiting:
        raise NotFinished(
            f"{kept:,} of the {job.shards:,} batches of {job.id} are held back until there is room",
            hint=f"batch-cli wait {job.id}",
        )
    if waiting:
        raise NotFinished(
            f"{waiting:,} of the {job.shards:,} batches of {job.id} are not submitted yet",
            hint=f"submit {quoted(job.source)} again: it goes on where it was",
        )


def rows(
    workspace: Workspace, batch: Batch, order: ResultsOrder, strays: Strays | None = None
) -> Iterator[OutputRow]:
    """Give the rows of an ended batch as they will be written; of a job, those of its batches in input order.

    Where requests were sent again, each row is the best of all attempts that have ended, and all are in input order.
    What came and is no row of its own goes to ``strays``; all is known after the last row.

    Raises:
        DamagedData: what the provider gives as results are none.
        StateError: a batch of the job is gone, and so are its requests, so that no row can name them.
    """
    strays = strays or Strays()
    again = ended_attempts(batch)
    if again:
        order = replace(order, in_order=True)
    found = _own_rows(workspace, batch, order, strays)
    if again:
        others = [(one.attempt or 0, _own_rows(workspace, one, order, strays)) for one in again]
        found = merge(found, others)
    found = with_columns_of(found, columns_of(workspace, batch))
    if order.with_call:
        url = called_url(workspace, batch)
        found = (with_call(row, url) for row in found)
    return _reported(watched(found, order.watch), batch, workspace)


def watched(found: Iterator[OutputRow], watch: Callable[[OutputRow], None] | None) -> Iterator[OutputRow]:
    """Give the rows, each after ``watch`` was told of it."""
    if watch is None:
        yield from found
        return
    for row in found:
        watch(row)
        yield row


def _own_rows(workspace: Workspace, batch: Batch, order: ResultsOrder, strays: Strays) -> Iterator[OutputRow]:
    take = _rows_of_job if batch.is_job else _rows_of_batch
    return take(workspace, batch, order, strays)


def _rows_of_job(
    workspace: Workspace, batch: Batch, order: ResultsOrder, strays: Strays
) -> Iterator[OutputRow]:
    job = workspace.journal.job(batch.id)
    parts = {part.shard: part for part in batch.parts}
    provider = workspace.provider(batch.provider)
    parse = next((parser_of(workspace, provider, part, order.response_model) for part in batch.parts), None)
    for one in workspace.journal.shards_of(batch.id):
        part = parts.get(one.number)
        if part is not None:
            yield from _rows_of_batch(workspace, part, order, strays)
        elif job is not None:
            yield from finish_rows(lost_rows(job, one, workspace.services), parse)


def _rows_of_batch(
    workspace: Workspace, batch: Batch, order: ResultsOrder, strays: Strays
) -> Iterator[OutputRow]:
    provider = workspace.provider(batch.provider).of(batch.id)
    found: Iterator[BatchResult] = provider.results(batch.id)
    if provider.capabilities.runs_here:  # written here, once each and in order
        if order.in_order:
            found = in_step(provider.request_ids(batch.id), found)
    elif order.in_order:
        ids = provider.request_ids(batch.id)
        found = in_input_order(ids, found, why_missing=why_missing(batch), strays=strays)
    else:
        found = each_once(found, strays=strays)
    parse = parser_of(workspace, provider, batch, order.response_model)
    return finish_rows(found, parse)


def shape_of(workspace: Workspace, batch: Batch, order: ResultsOrder) -> Shape:
    """Give what a writer has to know about the rows of a batch, or of the first batch of a job."""
    part = batch.parts[0] if batch.parts else batch
    model = order.response_model or remembered_model(workspace, part)
    names = dict.fromkeys(one.provider for one in (batch, *ended_attempts(batch)))
    answers = [workspace.provider(name).answer for name in names]

    def answer(body: JsonValue) -> Answer | None:  # of whichever provider gave it
        return next((said for take in answers if (said := take(body)) is not None), None)

    return Shape(order.form, answer, None if model is None else model.schema)


def _reported(found: Iterator[OutputRow], batch: Batch, workspace: Workspace) -> Iterator[OutputRow]:
    failed = 0
    for done, row in enumerate(found, start=1):
        yield row
        failed += row.error is not None
        if done % _REPORT_EVERY == 0:
            event: Event = Progress(Phase.RESULTS, done, batch.counts.total, failed)
            workspace.say(event)


def write_results(workspace: Workspace, batch: Batch, order: ResultsOrder, output: Path) -> Written:
    """Write ``output`` and its manifest in one step; again on a complete file: nothing is done.

    Where results contradicted each other, or were nobody's, they are kept beside ``output``, and are fetched
    again the next time.

    Raises:
        StateError: ``output`` holds something else, or another process is writing it.
        DamagedData: what the provider gives as results are none; nothing is written.
        DiskError: it cannot be written; an older ``output`` is untouched.
    """
    target = resolve_output(output)
    with PartFile(target, keep_trying=workspace.patience()) as part, SideFiles(target) as sides:
        manifest = read_manifest(target)
        if manifest is not None and (before := recall(workspace, batch, order, manifest)) is not None:
            return Written(batch, before, str(output), already_complete=True)
        _refuse_to_replace(target, manifest, batch, order)
        strays = Strays(sides.add)
        summary = _write(workspace, batch, order, part, strays)
        sides.commit()
        old = manifest and {name: manifest[name] for name in ("batch", "sha256")}
        write_manifest(target, {**_manifest(workspace, batch, summary, order), "replaces": old})
        part.commit()
    return Written(batch, summary, str(output))


def recall(workspace: Workspace, batch: Batch, order: ResultsOrder, manifest: JsonObject) -> Summary | None:
    """Give the counts of a complete output if its ``manifest`` says that it is the one that is wanted, else None."""
    is_it = _said_before(manifest) == _identity(workspace, batch, order)
    if not is_it or (before := summary_of(manifest)).is_damaged:
        return None
    if order.watch is not None:
        deque(rows(workspace, batch, order), maxlen=0)
    return before


def stream_results(workspace: Workspace, batch: Batch, order: ResultsOrder, sink: Sink) -> Written:
    """Write the rows to ``sink`` as they come out of the provider."""
    return Written(batch, _write(workspace, batch, order, sink, Strays()), "-")


def _write(workspace: Workspace, batch: Batch, order: ResultsOrder, sink: Sink, strays: Strays) -> Summary:
    """Write the rows to ``sink`` in the form that is wanted; those of one batch at a time many together, if they can."""
    provider = workspace.provider(batch.provider).of(batch.id)
    is_plain = order.in_order and order.watch is None and not order.with_call and order.form in FORMS
    is_alone = not (batch.is_job or provider.capabilities.runs_here or ended_attempts(batch))
    has_more = columns_of(workspace, batch) or parser_of(workspace, provider, batch, order.response_model)
    if not (is_plain and is_alone) or has_more is not None:
        shape = shape_of(workspace, batch, order)
        return write_rows(rows(workspace, batch, order, strays), sink, shape, strays)

    def report(done: Summary) -> None:
        workspace.say(Progress(Phase.RESULTS, done.rows, batch.counts.total, done.rows - done.ok))

    with RowIndex(strays) as index:
        if isinstance(provider, PutsResults):
            provider.put_results(batch.id, index)
        else:
            for row in provider.results(batch.id):
                index.put(row)
        why = why_missing(batch)
        with SpooledIds(provider.request_ids(batch.id)) as ids:
            return write_in_order(ids.blocks, index, sink, order.form, strays, why_missing=why, report=report)


def refuse_useless(written: Written) -> None:
    """Fail if there is not one good answer.

    Raises:
        NothingUsable: with the most frequent reason.
    """
    summary = written.summary
    if summary.ok or not summary.rows or running_attempts(written.batch):
        return
    reason, count = summary.errors_by_type.most_common(1)[0]
    raise NothingUsable(
        f"batch {written.batch.id} ({written.batch.status}) has not one good answer",
        where=f"{count:,} of {summary.rows:,} rows: {reason}",
        hint=f"look at the error of each row in {quoted(written.output)}",
    )


def refuse_output(output: Path) -> None:
    """Refuse a name for results that cannot become right whatever the batch is, before hours are spent on it.

    Raises:
        StateError: it is a file that is no results of ours.
        DiskError: its directory is not there, or it is no regular file.
    """
    target = resolve_output(output)
    if target.exists() and read_manifest(target) is None:
        raise StateError(
            f"{quoted(str(target))} exists and holds something else",
            hint="name another file for the results",
            reference="E804",
        )
    if not target.parent.is_dir():
        raise disk_error(FileNotFoundError(ENOENT, ""), target, doing="creating")


def _refuse_to_replace(target: Path, manifest: JsonObject | None, batch: Batch, order: ResultsOrder) -> None:
    if order.force or not target.exists():
        return
    if manifest is not None and manifest.get("batch") == batch.id:
        return
    whose = f"results of {manifest['batch']}" if manifest and manifest["batch"] else "something else"
    raise StateError(
        f"{quoted(str(target))} exists and holds {whose}",
        hint=f"write to another file, or replace it: batch-cli results {batch.id} -o FILE --force",
        reference="E804",
    )


def _identity(workspace: Workspace, batch: Batch, order: ResultsOrder) -> JsonObject:
    model, columns = order.response_model, columns_of(workspace, batch)
    return {
        "batch": batch.id,
        "batches": [part.id for part in batch.parts] if batch.is_job else None,
        "attempts": _attempts(batch),
        "format": order.form,
        "order": "input" if order.in_order or ended_attempts(batch) else "as-is",
        "response_model": None if model is None else {"name": model.name, "schema": model.schema},
        "columns": columns_digest(columns),
        "return_error": order.with_call or None,
    }


def _attempts(batch: Batch) -> list[JsonObject] | None:
    again = ended_attempts(batch)
    if not again:
        return None
    return [
        {"number": one.attempt or 1, "batch": one.id, "provider": one.provider, "model": one.model}
        for one in (batch, *again)
    ]


def _said_before(manifest: JsonObject) -> JsonObject:
    told = ("batch", "batches", "attempts", "format", "order", "response_model", "columns", "return_error")
    return {key: manifest.get(key) for key in told}


def _manifest(workspace: Workspace, batch: Batch, summary: Summary, order: ResultsOrder) -> JsonObject:
    """Give what proves an output: what it answers, what is in it, and the hashes of both."""
    journal = workspace.journal
    sent = journal.job(batch.id) if batch.is_job else journal.by_batch(batch.id)
    return {
        "schema": "batch_cli.manifest/v1",
        "tool_version": __version__,
        **_identity(workspace, batch, order),
        "provider": batch.provider,
        "model": batch.model,
        "status": batch.status,
        "simulated": batch.simulated,
        "written_at": rfc3339(workspace.clock.now()),
        "requests": None
        if sent is None
        else {"count": sent.requests, "sha256": sent.sha256, "file": sent.source},
        **counts_of(summary),
    }
