"""How the submitting commands turn their options into an order for the core, and its outcome into words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from batch_cli.cli import documents
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import opener
from batch_cli.cli.text import plural, size
from batch_cli.errors import ExitCode, UsageError
from batch_cli.jobs.split import Split
from batch_cli.jobs.submission import Submission, SubmitOrder
from batch_cli.jobs.submit import submit
from batch_cli.jobs.workspace import Workspace
from batch_cli.messages import MessagesOptions
from batch_cli.model import Batch, JsonObject, ModelName
from batch_cli.predict.model_file import IN_PROCESS
from batch_cli.providers import DIRECT_PREFIX, PREDICTORS
from batch_cli.providers.base import WINDOW, EncodeOptions

if TYPE_CHECKING:
    from batch_cli.cli.creating import Wishes
    from batch_cli.engine.cluster.wishes import ClusterWishes
    from batch_cli.engine.handlers.live.options import LiveWishes


@dataclass(frozen=True, slots=True)
class Source:
    """What is submitted."""

    open_file: Callable[[], BinaryIO]
    name: str
    messages: MessagesOptions
    own_dialect_only: bool = False


@dataclass(frozen=True, slots=True)
class Extras:
    """What else was asked for."""

    metadata: dict[str, str] = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    save_id: bool = True
    again: bool = False
    split: Split | None = None
    at_once: int | None = None
    wait: bool = False
    max_wait: float | None = None
    results: str | None = None
    response_model: str | None = None
    live: LiveWishes | None = None
    """Ask the provider live, so; None: as a batch."""
    cluster: ClusterWishes | None = None
    """Who works at a batch that runs here; None: this machine."""
    announce: bool = False
    """Say ``Batch job created with ID`` on standard output, as create-from-file does."""


def simulation(
    model: ModelName, errors: float, latency_ms: float, seed: int, *, is_live: bool = False
) -> JsonObject:
    """Give the settings of the simulated model; of any other, and where the requests are sent somewhere, none.

    Raises:
        UsageError: they were given for another model.
    """
    if is_live or model.provider != "local":
        if errors or latency_ms or seed:
            raise UsageError(
                "--simulate-errors, --simulate-latency and --simulate-seed are for local/simulate",
                hint="use --model local/simulate",
            )
        return {}
    if model.name != "simulate":
        raise UsageError(
            f"the local engine has no model '{model.name[:64]}'",
            hint="use --model local/simulate, or say where the model is: --base-url http://localhost:11434/v1",
            reference="E602",
        )
    return {"error_rate": errors, "latency": latency_ms / 1000, "seed": seed}


def window(wanted: str | None) -> JsonObject:
    """Give the setting for a completion window; none where none is asked for."""
    return {} if wanted is None else {WINDOW: wanted}


def splitting(*, split: bool, requests: int | None, size_limit: int | None) -> Split | None:
    """Give how small batches have to be; None when the file is to be one batch."""
    if not split and requests is None and size_limit is None:
        return None
    return Split(requests, size_limit)


def run_submit(
    context: Context, path: str, wishes: Wishes, extras: Extras, *, own_dialect_only: bool = False
) -> ExitCode:
    """Submit a file."""
    open_file, name = opener(path, context.console)
    source = Source(open_file, name, wishes.messages_options(path), own_dialect_only)
    return submit_source(context, source, wishes.encode_options(), wishes.model, extras, wishes.endpoint)


def submit_source(
    context: Context,
    source: Source,
    encode: EncodeOptions,
    model: ModelName,
    extras: Extras,
    endpoint: str | None = None,
) -> ExitCode:
    """Submit what ``source`` gives, and wait or fetch the results if asked."""
    order = order_of(source, encode, model, extras, endpoint)
    if extras.results is not None:
        from batch_cli.cli.output_names import refuse_name  # noqa: PLC0415 - only with --results

        refuse_name(context, extras.results)
    with context.workspace(
        extras.live, is_direct=extras.live is not None, cluster=extras.cluster
    ) as workspace:
        submission = submit(workspace, order)
        tell(context, submission, source.name)
        batch = submission.batch
        if extras.wait or extras.results is not None:
            return _wait_and_collect(context, workspace, submission, source.name, extras)
        start_worker(context, workspace, batch)
    _show(context, submission, source.name, extras)
    context.console.say(f"Next: batch-cli wait {batch.id}")
    return ExitCode.OK


def order_of(
    source: Source,
    encode: EncodeOptions,
    model: ModelName,
    extras: Extras,
    endpoint: str | None = None,
) -> SubmitOrder:
    """Give the order for the core."""
    return SubmitOrder(
        source.open_file,
        source.name,
        model,
        encode,
        source.messages,
        own_dialect_only=source.own_dialect_only,
        endpoint=endpoint,
        metadata=extras.metadata,
        settings=extras.settings,
        again=extras.again,
        save_id=extras.save_id,
        split=extras.split,
        at_once=extras.at_once,
    )


def tell(context: Context, submission: Submission, name: str) -> None:
    """Say on standard error what was submitted and where its id is kept."""
    console, scan = context.console, submission.scan
    console.say(f"{name}: {plural(scan.requests, 'request')}, {size(scan.bytes)}")
    if submission.batch.is_job:
        console.say(f"{submission.batch.id}: {submission.batch.shards or 0:,} batches")
    if submission.batch.simulated:
        batch = submission.batch
        console.say(f"{batch.provider}/{batch.model}: answers are simulated by rules, no model is asked")
    if submission.created and submission.batch.id.startswith(DIRECT_PREFIX):
        console.say(f"{submission.batch.provider}: {_price(submission.batch.provider)}")
    if submission.pointer is not None:
        ids = "Batch ID" if len(submission.ids) == 1 else "Batch IDs"
        console.say(f"{ids} saved to {submission.pointer}")


def _price(provider: str) -> str:
    """Say what asking live costs, before anything is asked."""
    if provider == "local":
        return "each request goes to your model server"
    if provider in PREDICTORS:
        return "the model runs here" if provider in IN_PROCESS else "the rows go to your prediction server"
    from batch_cli.providers.hosted.profile import terms  # noqa: PLC0415 - only for live batches

    discount, _ = terms(provider)
    saves = "" if discount is None else f"; a batch costs {discount:.0%} less"
    return f"each request goes to its live endpoint, billed at full price{saves}"


def _show(context: Context, submission: Submission, name: str, extras: Extras) -> None:
    """Write the outcome to standard output."""
    console = context.console
    if console.json:
        console.document("submit", submit_object(submission, name))
        return
    for name_of_batch in submission.ids:
        console.line(f"Batch job created with ID: {name_of_batch}" if extras.announce else name_of_batch)


def submit_object(submission: Submission, name: str) -> JsonObject:
    """Give a submission as JSON."""
    return {
        "batch": documents.batch_object(submission.batch, intent=submission.intent),
        "batches": [documents.batch_object(batch) for batch in submission.batches],
        "intent": submission.intent,
        "input": documents.input_object(name, submission.scan),
        "created": submission.created,
        "duplicate_of": None if submission.created else submission.batch.id,
        "state_file": submission.pointer,
    }


def start_worker(context: Context, workspace: Workspace, batch: Batch) -> None:
    """Start a detached worker for a batch that runs here, unless one runs already."""
    runner = workspace.provider(batch.provider).of(batch.id)
    if batch.status.is_terminal or not runner.capabilities.runs_here:
        return
    if batch.id.startswith(DIRECT_PREFIX):
        started = workspace.direct(batch.provider).start_worker(batch.id)
        context.console.say("a worker was started" if started else "a worker is running", detail=True)
        return
    from batch_cli.engine.daemon import ensure_worker  # noqa: PLC0415 - subprocess, only here

    started = ensure_worker(workspace.state / "engine", context.environment)
    context.console.say("a worker was started" if started else "a worker is running", detail=True)


def _wait_and_collect(
    context: Context, workspace: Workspace, submission: Submission, name: str, extras: Extras
) -> ExitCode:
    from batch_cli.cli import collecting, waiting  # noqa: PLC0415 - only with --wait

    batch = submission.batch
    place = workspace.find_batch(batch.id, None)
    waited, code = waiting.wait_for(context, workspace, [place], extras.max_wait)
    if extras.results is None or code is ExitCode.PENDING:
        finished = waited.batches[0]
        _show(context, _with_batch(submission, finished), name, extras)
        return code
    wanted = collecting.Wanted(output=extras.results, response_model=extras.response_model or None)
    return collecting.collect(context, workspace, place, wanted)


def _with_batch(submission: Submission, batch: Batch) -> Submission:
    return replace(submission, batch=batch)
