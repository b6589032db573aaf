"""Submit: check a file, record the intent, stage it, create the batch. Never twice, whatever happens in between.

    check ─▶ guard ─▶ prepared ─▶ stage ─▶ staged ─▶ creating ─▶ create ─▶ done ─▶ pointer file

Each state is on disk before the step behind it starts. The same command again finds the unfinished intent
by its content and goes on where it was; a finished one of the last 24 hours is given back as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from batch_cli.errors import BatchCliError, InvalidInput, ProblemLog, StateError, quoted
from batch_cli.events import Note
from batch_cli.files import held
from batch_cli.jobs.check import first_object, scan_file
from batch_cli.jobs.create import encode_messages
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import loads
from batch_cli.messages import MessagesForm, MessagesOptions
from batch_cli.model import Batch, JsonObject, ModelName
from batch_cli.providers import load_codec
from batch_cli.providers.base import BatchOptions, Codec, EncodeOptions, Input, Provider
from batch_cli.request_file import Scan, request_lines
from batch_cli.state import Intent, NewIntent, write_pointer


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """What a submit is asked for."""

    open_file: Callable[[], BinaryIO]
    """Opens the file anew, at its start."""
    name: str
    """The file, for messages to the user."""
    model: ModelName
    encode: EncodeOptions
    """How messages are written in the provider's dialect, where the file holds messages."""
    messages: MessagesOptions
    own_dialect_only: bool = False
    """Refuse everything but the provider's own request lines."""
    endpoint: str | None = None
    """None: what the lines say."""
    metadata: dict[str, str] = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    again: bool = False
    """Submit even if the same content was submitted in the last 24 hours."""
    save_id: bool = True


@dataclass(frozen=True, slots=True)
class Submission:
    """What a submit led to."""

    batch: Batch
    intent: str
    scan: Scan
    created: bool
    """False when the batch was there already."""
    pointer: str | None
    """The pointer file that was written."""


@dataclass(frozen=True, slots=True)
class CheckedInput:
    """A file found right: what is in it, and how to read its request lines again."""

    scan: Scan
    source: Input


def submit(workspace: Workspace, order: SubmitOrder) -> Submission:
    """Submit a file as one batch. May be repeated: the same content within 24 hours is the same batch.

    Raises:
        InvalidInput: with every problem of the file; nothing is sent then.
        StateError: another process is submitting the same right now.
    """
    checked = check(workspace, order, load_codec(order.model.provider))
    provider = workspace.provider(order.model.provider)
    new = _new_intent(order, checked.scan)
    with held(_content_lock(workspace, order, new)):
        intent = None if order.again else _same_before(workspace, provider, new)
        created = intent is None or intent.state != "done"
        if intent is None:
            intent = workspace.journal.prepare(new)
        if created:
            intent, batch = _carry_out(workspace, provider, intent, checked.source)
        else:
            batch = workspace.known(
                workspace.find_batch(intent.batch, order.model), provider.retrieve(intent.batch or "")
            )
    pointer = _save_pointer(workspace, order, batch) if order.save_id else None
    return Submission(batch, intent.id, checked.scan, created, pointer)


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


def check(workspace: Workspace, order: SubmitOrder, codec: Codec) -> CheckedInput:
    """Check the whole file and give how to read its request lines.

    Raises:
        InvalidInput: with every problem found.
    """
    problems = ProblemLog()
    if order.own_dialect_only or is_request_file(order, codec):
        found = scan_file(workspace, order.open_file, order.name, codec, problems, order.model.name or None)
        make_lines = _own_lines(order, codec)
    else:
        found = _scan_messages(order, codec, problems)
        make_lines = _converted_lines(order, codec)
    problems.refuse_errors(order.name)
    for warning in problems.kept:
        workspace.say(Note(f"{warning.place}: {warning.message}", warning=True))
    lines = _verified(make_lines, found, order.name)
    return CheckedInput(found, Input(lines, found.requests, found.sha256))


def is_request_file(order: SubmitOrder, codec: Codec) -> bool:
    """Tell a request file in the provider's own dialect from a messages file, by its first lines."""
    if order.messages.form is not MessagesForm.JSONL:
        return False
    line = first_object(order.open_file)
    return line is not None and codec.is_own(line)


def _own_lines(order: SubmitOrder, codec: Codec) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        with order.open_file() as stream:
            yield from request_lines(stream, codec.limits)

    return lines


def _converted_lines(order: SubmitOrder, codec: Codec) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        with order.open_file() as stream:
            yield from encode_messages(stream, order.name, codec, order.encode, order.messages, ProblemLog(0))

    return lines


def _scan_messages(order: SubmitOrder, codec: Codec, problems: ProblemLog) -> Scan:
    """Convert the messages file once, without keeping it, to check it and to know its hash."""
    found, digest = Scan(), sha256()
    with order.open_file() as stream:
        for line in encode_messages(stream, order.name, codec, order.encode, order.messages, problems):
            if not found.requests:
                found.schema = codec.schema_of(loads(line))
            found.requests += 1
            found.bytes += len(line) + 1
            digest.update(line)
            digest.update(b"\n")
    found.sha256 = digest.hexdigest()
    found.models[order.encode.model] = found.requests
    found.urls[order.encode.endpoint] = found.requests
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
            raise InvalidInput(
                f"{quoted(name)} changed while it was read",
                hint="run the same command again when nobody writes to it",
                reference="E505",
            )

    return lines


def _new_intent(order: SubmitOrder, found: Scan) -> NewIntent:
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
        settings=order.settings,
        metadata=order.metadata,
    )


def _same_before(workspace: Workspace, provider: Provider, new: NewIntent) -> Intent | None:
    """Give the earlier submit of the same content that this one must not repeat, if there is one."""
    intent = workspace.journal.same_content(new)
    if intent is None:
        return None
    if intent.state != "done" or intent.batch is None:
        workspace.say(Note(f"going on with the unfinished submit {intent.id}", detail=True))
        return intent
    batch = provider.retrieve(intent.batch)
    if batch is None or batch.status in ("failed", "expired", "cancelled"):
        return None
    workspace.say(
        Note(
            f"already submitted as {batch.id} ({batch.status}); nothing was sent",
            hint="--again submits it a second time",
        )
    )
    return intent


def _carry_out(
    workspace: Workspace, provider: Provider, intent: Intent, source: Input
) -> tuple[Intent, Batch]:
    """Take a submit from wherever it stands to its end."""
    journal = workspace.journal
    options = BatchOptions(intent.endpoint, intent.model, intent.requests, intent.metadata, intent.settings)
    if intent.state == "prepared":
        intent = journal.move(intent, "staged", staged=provider.stage(intent.id, source))
    batch = provider.find(intent.id) if intent.state == "creating" else None
    if batch is None:
        if intent.state == "staged":
            intent = journal.move(intent, "creating")
        batch = provider.create(intent.id, intent.staged or "", options)
    intent = journal.move(intent, "done", batch=batch.id, status=batch.status)
    return intent, batch


def _save_pointer(workspace: Workspace, order: SubmitOrder, batch: Batch) -> str | None:
    """Write the pointer file; where that is impossible the journal still knows the id."""
    try:
        path = write_pointer(workspace.directory, order.model.provider, batch.id)
    except BatchCliError as error:
        workspace.say(
            Note(
                f"{order.model.provider}_batch_id.txt was not written: {error.message}",
                warning=True,
                hint=f"name the batch with --batch-id {batch.id}",
            )
        )
        return None
    return path.name
