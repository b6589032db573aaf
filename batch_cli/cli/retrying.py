"""How ``retry`` turns its options into calls of the core, and its outcome into words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from batch_cli.cli import documents, submitting
from batch_cli.cli.context import Context
from batch_cli.cli.text import one_line, plural
from batch_cli.errors import ExitCode, UsageError
from batch_cli.files import PartFile
from batch_cli.jobs.retry import (
    Chosen,
    Parent,
    RetryFile,
    choose,
    order_like,
    requests_in,
    retry_file,
    retrying,
    send,
)
from batch_cli.jobs.selection import Wish
from batch_cli.jobs.submission import Submission
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import JsonObject, ModelName
from batch_cli.response_model import load_response_model
from batch_cli.results import Sink

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say."""

    wish: Wish
    output: str | None = None
    """Where the request file goes; ``-`` is standard output, None nowhere."""
    requests: str | None = None
    model: ModelName | None = None
    response_model: str | None = None
    submit: bool = False
    wait: bool = False
    max_wait: float | None = None


def retry(context: Context, workspace: Workspace, what: BatchPlace | Path, wanted: Wanted) -> ExitCode:
    """Write the requests that are to be sent again, or send them."""
    model = None if wanted.response_model is None else load_response_model(wanted.response_model, Path.cwd())
    with retrying(workspace, what) as parent:
        _refuse_without_model(parent, wanted)
        chosen = choose(workspace, parent, wanted.wish, model)
        if not chosen.count:
            return _nothing(context, parent, chosen)
        sent = None if wanted.requests is None else requests_in(workspace, parent, Path(wanted.requests))
        file = retry_file(workspace, parent, chosen, wanted.model, sent)
        with closing(file.lines):
            _write(context, file, wanted)
            _tell(context, parent, chosen, wanted)
            submission = _send(workspace, parent, file, wanted) if wanted.submit else None
    if submission is None:
        _document(context, parent, chosen, wanted, None)
        return ExitCode.OK
    return _after(context, workspace, parent, chosen, wanted, submission)


def _refuse_without_model(parent: Parent, wanted: Wanted) -> None:
    if wanted.submit and parent.batch is None and wanted.model is None:
        raise UsageError(
            "the output does not say which model was asked", hint="name it with --model PROVIDER/NAME"
        )


def _nothing(context: Context, parent: Parent, chosen: Chosen) -> ExitCode:
    console = context.console
    if chosen.bad:
        console.say(
            f"{one_line(parent.name)}: nothing to retry; {plural(chosen.bad, 'row')} without a good answer"
            " would fail in the same way, or are not of the kind that was asked for (--only all takes them)"
        )
    else:
        console.say(f"{one_line(parent.name)}: nothing to retry, all {chosen.rows:,} answers are good")
    _document(context, parent, chosen, Wanted(Wish()), None)
    return ExitCode.OK


def _write(context: Context, file: RetryFile, wanted: Wanted) -> None:
    if wanted.output == "-":
        _copy(file, context.console)
    elif wanted.output is not None:
        with PartFile(Path(wanted.output)) as part:
            _copy(file, part)
            part.commit()


def _copy(file: RetryFile, sink: Sink) -> None:
    with file.lines.open(_no_lines) as stream:
        while block := stream.read(_BLOCK):
            sink.write(block)


def _no_lines() -> Iterator[bytes]:
    return iter(())


def _tell(context: Context, parent: Parent, chosen: Chosen, wanted: Wanted) -> None:
    reasons = ", ".join(f"{count:,} {one_line(kind)}" for kind, count in chosen.by_reason.most_common(5))
    context.console.say(f"{one_line(parent.name)}: {plural(chosen.count, 'request')} to retry ({reasons})")
    if wanted.output not in (None, "-"):
        context.console.say(f"Requests saved to: {wanted.output}")


def _send(workspace: Workspace, parent: Parent, file: RetryFile, wanted: Wanted) -> Submission:
    order = order_like(workspace, parent, file.model)
    is_file = wanted.output not in (None, "-")
    name = str(wanted.output) if is_file else f"attempt {parent.next_number} at {parent.name}"
    return send(workspace, parent, file, name=name, again=order)


def _after(
    context: Context,
    workspace: Workspace,
    parent: Parent,
    chosen: Chosen,
    wanted: Wanted,
    submission: Submission,
) -> ExitCode:
    """Wait if asked, show the new batch, and say how to get the answers of all attempts."""
    from batch_cli.cli import waiting  # noqa: PLC0415 - only with --submit

    console, code, batch = context.console, ExitCode.OK, submission.batch
    if wanted.wait:
        place = workspace.find_batch(batch.id, None)
        waited, code = waiting.wait_for(context, workspace, [place], wanted.max_wait)
        batch = waited.batches[0]
    else:
        submitting.start_worker(context, workspace, batch)
    _document(context, parent, chosen, wanted, documents.batch_object(batch, intent=submission.intent))
    if not console.json and wanted.output != "-":
        for name in submission.ids:
            console.line(name)
    wait = "" if batch.status.is_terminal else f"batch-cli wait {batch.id} && "
    results = parent.name if parent.batch is not None else batch.id
    console.say(f"Next: {wait}batch-cli results {results} -o FILE")
    return code


def _document(
    context: Context, parent: Parent, chosen: Chosen, wanted: Wanted, batch: JsonObject | None
) -> None:
    if not context.console.json:
        return
    context.console.document(
        "retry",
        {
            "parent": None if parent.batch is None else parent.name,
            "attempt": None if parent.batch is None else parent.next_number,
            "selected": chosen.count,
            "by_reason": dict(chosen.by_reason),
            "file": wanted.output,
            "batch": batch,
        },
    )
