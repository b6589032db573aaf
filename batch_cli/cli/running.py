"""How ``run`` turns its options into an order for the core, and its outcome into words and an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from batch_cli.cli import collecting, prompting, submitting
from batch_cli.cli.context import Context
from batch_cli.cli.creating import Wishes
from batch_cli.cli.inputs import opener
from batch_cli.cli.output_names import refuse_name
from batch_cli.errors import ExitCode, NotFinished, NothingUsable, Stopped
from batch_cli.jobs.run import RunOrder, run
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import ModelName

_AGAIN = "run the same line again: it goes on where it was, and nothing is paid for twice"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say besides what a submit is told."""

    output: str | None
    """``-`` is standard output; None shows them there."""
    attempts: int
    max_wait: float | None = None
    allow_partial: bool = False
    force: bool = False
    return_error: bool = False
    prompts: tuple[str, ...] = ()
    """What was typed in place of a file."""


def run_file(
    context: Context, path: str, wishes: Wishes, extras: submitting.Extras, wanted: Wanted
) -> ExitCode:
    """Take a file to its answers, or the prompts that were typed; then ``path`` is not looked at."""
    if not wanted.force:
        refuse_name(context, wanted.output)
    encode = wishes.encode_options()
    if wanted.prompts:
        source = prompting.source(wanted.prompts, wishes.messages_options("-"))
    else:
        open_file, name = opener(path, context.console)
        source = submitting.Source(open_file, name, wishes.messages_options(path))
    order = RunOrder(
        submitting.order_of(source, encode, wishes.model, extras, wishes.endpoint),
        wanted.attempts,
        encode.response_model,
        wanted.max_wait,
    )
    with context.workspace(
        extras.live, is_direct=extras.live is not None, cluster=extras.cluster
    ) as workspace:
        facts = collecting.RunFacts(_way(extras, wishes.model), context.clock.now())
        try:
            return _run(context, workspace, order, wanted, wishes.response_model, facts)
        except Stopped as error:
            raise Stopped(error.message, signal_number=error.signal_number, hint=_AGAIN) from error


def _way(extras: submitting.Extras, model: ModelName) -> str:
    if extras.live is not None:
        return "direct"
    return "local" if model.provider == "local" else "batch"


def _run(
    context: Context,
    workspace: Workspace,
    order: RunOrder,
    wanted: Wanted,
    response_model: str | None,
    facts: collecting.RunFacts,
) -> ExitCode:
    end = run(workspace, order, partial(submitting.tell, context, name=order.submit.name))
    if not end.is_readable:
        raise NotFinished(f"{end.place.id} has not ended", hint=_AGAIN)
    results = collecting.Wanted(
        wanted.output,
        response_model,
        force=wanted.force,
        allow_partial=wanted.allow_partial,
        return_error=wanted.return_error,
        prompts=wanted.prompts,
        run=facts,
    )
    try:
        code = collecting.collect(context, workspace, end.place, results)
    except NothingUsable:
        if end.stop is not None:
            raise end.stop from None
        raise
    if end.stop is not None and code is not ExitCode.OK:
        raise end.stop
    return code
