"""Submit: check a file, record what is meant, carry it out. Never twice, whatever happens in between.

    check ─▶ guard ─▶ one intent, or a job with one for each shard ─▶ carry out each ─▶ pointer file

The same command again finds the unfinished intent or job by its content and goes on where it was; a
finished one of the last 24 hours is given back as it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from batch_cli.columns import ColumnsSpool
from batch_cli.errors import DiskError, Problem, ProblemLog, StateError, UsageError, quoted
from batch_cli.events import Note
from batch_cli.files import held
from batch_cli.jobs.attempts import link
from batch_cli.jobs.check import of_any_length, scan_file
from batch_cli.jobs.conversion import Conversion
from batch_cli.jobs.convert import Converter, check_conversion, converted_lines
from batch_cli.jobs.create import encode_messages
from batch_cli.jobs.in_flight import stands
from batch_cli.jobs.intents import carry_out
from batch_cli.jobs.kept_requests import keep_requests
from batch_cli.jobs.own_columns import keep_columns, keep_columns_beside
from batch_cli.jobs.split import RequestLines, Spool, in_doubt, job_before, plan_job, submit_job
from batch_cli.jobs.submission import Submission, SubmitOrder, ids_of, refuse_extras
from batch_cli.jobs.submitted_dialect import foreign_codec, is_request_file, refuse_other_dialects
from batch_cli.jobs.whole import look
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import loads
from batch_cli.model import Batch, Limits
from batch_cli.pointer import write_pointer
from batch_cli.providers import load_codec
from batch_cli.providers.base import LONGEST_ANSWER, Codec, Input, Provider
from batch_cli.request_file import Scan, request_lines
from batch_cli.shards import changed
from batch_cli.state import Intent, Job, NewIntent


@dataclass(frozen=True, slots=True)
class CheckedInput:
    """A file found right: what is in it, and how to read its request lines again."""

    scan: Scan
    source: Input
    lines: RequestLines
    """The request lines as one file, of which shards are views."""
    is_users_file: bool
    """Whether a file of the user holds these very lines, so that they can be read again some day."""


def submit(workspace: Workspace, order: SubmitOrder) -> Submission:
    """Submit a file as one batch, or as one job of several.

    May be repeated: the same content within 24 hours is the same batch or job, however it is to be split.

    Raises:
        InvalidInput: with every problem of the file; nothing is sent then.
        StateError: another process is submitting the same right now.
    """
    codec = load_codec(order.model.provider, workspace.services)
    if workspace.asks_live(order.model.provider):
        codec = of_any_length(codec)  # its limits are those of a batch
    with closing(Spool()) as spool:
        found = _submit(workspace, order, codec, check(workspace, order, codec, spool))
    pointer = _save_pointer(workspace, order, found.batch) if order.save_id else None
    return replace(found, pointer=pointer)


def _submit(workspace: Workspace, order: SubmitOrder, codec: Codec, checked: CheckedInput) -> Submission:
    """Find what was submitted before, or record what is submitted now, and take it to its end."""
    provider = workspace.provider(order.model.provider)
    refuse_extras(provider, order)
    account = workspace.account(order.model.provider)
    if workspace.asks_live(order.model.provider):
        direct = workspace.direct(order.model.provider)
        order = replace(order, settings=direct.settings(order.model.name, workspace.directory))
    new = _new_intent(order, checked.scan, account, simulated=provider.capabilities.simulated)
    with held(_content_lock(workspace, order, new)):
        if order.retry is not None:
            link(workspace, new.content, order.retry)
        elif not (provider.capabilities.gives_requests_back or checked.is_users_file):
            keep_requests(workspace.state, checked.source.sha256, checked.source.lines)
        lines = checked.lines
        job, intent = _before(workspace, order, new)
        if order.split is not None and job is None and intent is None:
            job = plan_job(
                workspace,
                new,
                lines,
                order.split.within(codec.limits),
                again=order.again,
                at_once=order.at_once,
            )
        if job is not None:
            batch, created = submit_job(workspace, job, new, lines, order.at_once, order.is_lost)
            return Submission(batch, None, checked.scan, created)
        return _as_batch(workspace, provider, intent or workspace.journal.prepare(new), checked)


def _before(workspace: Workspace, order: SubmitOrder, new: NewIntent) -> tuple[Job | None, Intent | None]:
    """Give the earlier job or submit of the same content that this one must not repeat."""
    if not order.again:
        job = job_before(workspace, new, order.within, order.is_lost)
        return job, None if job is not None else _same_before(workspace, new, order)
    found = in_doubt(workspace, new)
    if found is not None:
        workspace.say(Note(f"going on with the unfinished {found.id}; after it, --again makes a second one"))
    return (found, None) if isinstance(found, Job) else (None, found)


def _as_batch(workspace: Workspace, provider: Provider, intent: Intent, checked: CheckedInput) -> Submission:
    """Take a submit of one batch to its end, if it is not there already."""
    created = intent.state != "done"
    if created:
        intent, batch = carry_out(workspace.journal, provider, intent, checked.source)
    else:
        batch = stands(workspace, workspace.find_batch(intent.batch, None))
    if workspace.asks_live(batch.provider):
        workspace.direct(batch.provider).remember(batch.id)
    return Submission(batch, intent.id, checked.scan, created)


def _content_lock(workspace: Workspace, order: SubmitOrder, new: NewIntent) -> int:
    """Take the lock of this content, so that two submits of the same file make one batch."""
    keep_trying = workspace.patience()
    while (lock := workspace.journal.lock(new.content[:32])) is None:
        if not keep_trying():
            raise StateError(
                f"another batch-cli is submitting {quoted(order.name)} right now",
                hint="wait, or use --lock-timeout 60",
            )
    return lock


def check(workspace: Workspace, order: SubmitOrder, codec: Codec, spool: Spool) -> CheckedInput:
    """Check the whole file and give how to read its request lines; messages go through ``spool`` where they are cut.

    Raises:
        InvalidInput: with every problem found.
    """
    problems = ProblemLog()
    if order.own_dialect_only:
        refuse_other_dialects(order, codec)
    is_own = order.own_dialect_only or is_request_file(order, codec)
    if is_own:
        order.refuse_system()
        checked_as = codec if order.split is None else of_any_length(codec)
        found = scan_file(
            workspace, order.open_file, order.name, checked_as, problems, order.model.name or None
        )
        if not problems.errors:
            keep_columns_beside(workspace, order.name, found.sha256)
        make_lines = _own_lines(order, codec)
        whole = RequestLines(order.open_file, codec.limits, order.name)
    else:
        if (source := foreign_codec(order, codec)) is not None:
            order.refuse_system()
            conversion = Conversion(
                source, codec, order.encode.model or None, order.encode.max_tokens or LONGEST_ANSWER
            )
            found = _scan_conversion(workspace, order, conversion, problems)
            make_lines = _foreign_lines(order, conversion)
        else:
            if not order.encode.model:
                raise UsageError(
                    f"{order.name} holds messages, which name no model", hint="name it: PROVIDER/NAME"
                )
            found = _scan_messages(workspace, order, codec, problems)
            make_lines = _converted_lines(order, codec)
        # Its line numbers are those of the requests, which need not be those of the messages file.
        whole = RequestLines(partial(spool.open, make_lines), codec.limits, f"{order.name} as requests")
        if order.split is None:
            _refuse_too_much(order, found, codec.limits, problems)
    _name_the_way_out(order, problems)
    problems.refuse_errors(order.name)
    for warning in problems.kept:
        workspace.say(Note(f"{warning.place}: {warning.message}", warning=True))
    lines = _verified(make_lines, found, order.name)
    as_input = Input(lines, found.requests, found.bytes, found.sha256)
    return CheckedInput(found, as_input, whole, is_own and Path(order.name).is_file())


def _refuse_too_much(order: SubmitOrder, found: Scan, limits: Limits, problems: ProblemLog) -> None:
    """Refuse messages that come to more than one batch may hold, as `request_file.scan` does for requests."""
    if limits.requests is not None and found.requests > limits.requests:
        message = f"too many requests: {found.requests:,}, the limit is {limits.requests:,}"
        problems.add(Problem("E401", message, file=order.name))
    if limits.bytes is not None and found.bytes > limits.bytes:
        message = f"file too large: {found.bytes / 1e6:,.1f} MB as requests, the limit is {limits.bytes / 1e6:,.1f} MB"
        problems.add(Problem("E402", message, file=order.name))


def _name_the_way_out(order: SubmitOrder, problems: ProblemLog) -> None:
    """Say of what is too much for one batch how it is submitted as several."""
    file = shlex.quote(order.name) if Path(order.name).is_file() else "FILE"
    hint = f"batch-cli submit {file} --split -m {order.model}"
    problems.kept[:] = [
        replace(problem, hint=hint) if problem.code in ("E401", "E402") else problem
        for problem in problems.kept
    ]


def lines_of(order: SubmitOrder, codec: Codec) -> Callable[[], Iterator[bytes]]:
    """Give how to read the lines that a submit of a file sends, which was found right before; without line ends."""
    if order.own_dialect_only or is_request_file(order, codec):
        return _own_lines(order, codec)
    if (source := foreign_codec(order, codec)) is not None:
        return _foreign_lines(
            order, Conversion(source, codec, order.encode.model, order.encode.max_tokens or LONGEST_ANSWER)
        )
    return _converted_lines(order, codec)


def _own_lines(order: SubmitOrder, codec: Codec) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        with order.open_file() as stream:
            yield from request_lines(stream, codec.limits)

    return lines


def _foreign_lines(order: SubmitOrder, conversion: Conversion) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        with order.open_file() as stream:
            yield from converted_lines(stream, conversion)

    return lines


def _scan_conversion(
    workspace: Workspace, order: SubmitOrder, conversion: Conversion, problems: ProblemLog
) -> Scan:
    """Convert the request file once, without keeping it, to check it and to know its hash; losses are told."""
    converter = Converter(conversion, order.name, problems)
    check_conversion(workspace, order.open_file, converter)
    if not problems.errors:
        source = conversion.source.title if conversion.source else "messages"
        workspace.say(Note(f"{order.name}: converted from {source} format for {conversion.target.title}"))
        for lost in converter.lost.fields:
            workspace.say(Note(f"{order.name}: {lost.sentence}", warning=True))
    found = converter.scan
    found.models[order.encode.model] = found.requests
    return found


def _converted_lines(order: SubmitOrder, codec: Codec) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        with order.open_file() as stream:
            yield from encode_messages(stream, order.name, codec, order.encode, order.messages, ProblemLog(0))

    return lines


def _scan_messages(workspace: Workspace, order: SubmitOrder, codec: Codec, problems: ProblemLog) -> Scan:
    """Convert the messages file once, to check it and to know its hash; of it only the user's columns are kept."""
    found, digest = Scan(), sha256()
    with order.open_file() as stream, ColumnsSpool() as columns:
        for line in encode_messages(
            stream, order.name, codec, order.encode, order.messages, problems, columns
        ):
            if not found.requests:
                found.schema = codec.schema_of(loads(line))
            found.requests += 1
            found.bytes += len(line) + 1
            digest.update(line)
            digest.update(b"\n")
        found.sha256 = digest.hexdigest()
        if columns.count and not problems.errors:
            keep_columns(workspace, columns, found.sha256)
    found.models[order.encode.model] = found.requests
    found.urls[order.encode.endpoint if codec.row_field is None else codec.endpoints[0]] = found.requests
    return found


def _verified(
    make_lines: Callable[[], Iterator[bytes]], found: Scan, name: str
) -> Callable[[], Iterator[bytes]]:
    """Give the lines again, and fail after the last one if they are not those that were checked."""

    def lines() -> Iterator[bytes]:
        digest = sha256()
        for line in make_lines():
            digest.update(line)
            digest.update(b"\n")
            yield line
        if digest.hexdigest() != found.sha256:
            raise changed(name)

    return lines


def _new_intent(order: SubmitOrder, found: Scan, account: str, *, simulated: bool) -> NewIntent:
    endpoint = order.endpoint or next(iter(found.urls), order.encode.endpoint)
    return NewIntent(
        provider=order.model.provider,
        model=order.model.name,
        endpoint=endpoint,
        source=str(Path(order.name).absolute()) if Path(order.name).is_file() else order.name,
        sha256=found.sha256,
        bytes=found.bytes,
        requests=found.requests,
        response_schema=found.schema,
        # So that what was simulated is not taken for what is to be submitted in earnest.
        settings={**order.settings, "simulated": True} if simulated else order.settings,
        metadata=order.metadata,
        account=account,
        retry=order.retry,
    )


def _same_before(workspace: Workspace, new: NewIntent, order: SubmitOrder) -> Intent | None:
    """Give the earlier submit of the same content that this one must not repeat, if there is one."""
    intent = workspace.journal.same_content(new, order.within)
    if intent is None:
        return None
    if intent.state != "done" or intent.batch is None:
        workspace.say(Note(f"going on with the unfinished submit {intent.id}", detail=True))
        return intent
    batch = look(workspace, intent.provider, intent.batch)
    if batch is None or order.is_lost(batch):
        return None
    workspace.say(
        Note(
            f"already submitted as {batch.id} ({batch.status}); nothing was sent",
            hint="--again submits it a second time",
        )
    )
    return intent


def _save_pointer(workspace: Workspace, order: SubmitOrder, batch: Batch) -> str | None:
    """Write the pointer file; where that is impossible the journal still knows the id."""
    try:
        path = write_pointer(workspace.directory, order.model.provider, *ids_of(batch))
    except DiskError as error:  # and nothing else: a signal that asks to stop is heard
        workspace.say(
            Note(
                f"{order.model.provider}_batch_id.txt was not written: {error.message}",
                warning=True,
                hint=f"name the batch with --batch-id {batch.id}",
            )
        )
        return None
    return path.name
