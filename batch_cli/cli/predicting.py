"""How predictions are asked for: what was asked, checked; who is asked; what is written, and what it is worth."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.cli import prediction_output
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import opener
from batch_cli.cli.prediction_repeats import Repeats
from batch_cli.cli.prediction_servers import server, stream_inputs
from batch_cli.cli.progress import Reporter
from batch_cli.cli.tables import RowFormat
from batch_cli.cli.text import one_line, plural
from batch_cli.errors import ExitCode, StateError, Stopped, UsageError, quoted
from batch_cli.events import Event, Note, Phase, Progress
from batch_cli.httpclient.client import HttpClient
from batch_cli.httpclient.proxies import proxy_for
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict import chunks, in_process
from batch_cli.predict.ensemble import Method, check_weights, combine, compare, read_weights
from batch_cli.predict.names import read_names
from batch_cli.predict.prediction import Answer, Prediction
from batch_cli.predict.spice import Spice
from batch_cli.predict.torch import Torch, is_healthy

_SECONDS = 60.0
_MOST_NOTES, _LONGEST_NOTE = 20, 500
_MARGIN = 10.0
"""What a request may take beyond the time that the server was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    names: tuple[str, ...]
    file: str | None
    api: str
    base_url: str | None
    inputs: str | None
    model: str | None
    onnx: Path | None
    single: bool
    priority: int | None
    timeout: float | None
    chunk_size: int | None
    wait_ready: float | None
    ensemble: str | None
    weights: str | None
    compare: tuple[str, str] | None
    show: str | None
    allow_failures: bool
    force: bool
    output: str | None
    style: RowFormat | None
    fields: str | None
    header: bool
    repeat: int = 1

    @property
    def is_local(self) -> bool:
        """Tell whether the model runs in this process."""
        return self.onnx is not None or (self.model is not None and ".py:" in self.model)


@dataclass
class Outcome:
    """What came out, counted; the predictions themselves only where they are shown together."""

    ok: int = 0
    failed: int = 0
    surplus: int = 0
    duration_ms: float | None = None
    notes: list[str] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    stopped_by: BaseException | None = None
    """What ended it early."""

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        good = sum(each.is_good for each in answer.predictions)
        self.ok += good
        self.failed += len(answer.predictions) - good
        self.surplus += answer.surplus
        self.notes += answer.notes
        if answer.duration_ms is not None:
            self.duration_ms = (self.duration_ms or 0) + answer.duration_ms


def predict(context: Context, asked: Asked) -> ExitCode:
    """Ask, write and judge."""
    _check(asked)
    _check_output(context, asked)
    if asked.show is not None:
        return prediction_output.show_facts(context, *_facts(context, asked))
    begin = context.clock.monotonic()
    is_whole = asked.ensemble is not None or asked.compare is not None or not prediction_output.streams(asked)
    outcome, repeats = _collect(context, asked, is_whole=is_whole)
    for note in outcome.notes[:_MOST_NOTES]:
        context.console.warn(one_line(note, _LONGEST_NOTE))
    facts: JsonObject = {
        "duration_ms": outcome.duration_ms,
        "elapsed_ms": (context.clock.monotonic() - begin) * 1000,
        "ok": outcome.ok,
        "failed": outcome.failed,
        "notes": outcome.notes,
        "interrupted": outcome.stopped_by is not None,
        **({} if outcome.stopped_by else _together(asked, outcome.predictions)),
    }
    if asked.repeat > 1:
        facts["repeat"] = repeats.as_json()
    if is_whole:
        prediction_output.show_whole(context, asked, outcome.predictions, facts)
    elif context.console.json:
        context.console.document("predict", {**facts, "file": asked.output})
    if asked.repeat > 1:
        repeats.tell(context.console)
    context.console.say(
        f"{plural(outcome.ok + outcome.failed, 'prediction')} ({outcome.ok:,} ok, {outcome.failed:,} failed)"
    )
    if outcome.stopped_by is not None:
        context.console.flush()
        raise _stopped(outcome.stopped_by, "Stopped; these are the predictions that there are.")
    return _exit_code(outcome, allow_failures=asked.allow_failures)


def _collect(context: Context, asked: Asked, *, is_whole: bool) -> tuple[Outcome, Repeats]:
    """Ask, and write each answer as it comes unless they are to be shown together; of repeats the first ones.

    What was answered before a signal is kept, in `Outcome.stopped_by`'s company, except for a file: half of one
    would look like a whole.
    """
    outcome, repeats = Outcome(), Repeats(context.clock)
    with contextlib.ExitStack() as stack:
        ask = _source(context, asked, stack)
        try:
            _first(context, asked, repeats.timed(ask), outcome, is_whole=is_whole)
        except (KeyboardInterrupt, Stopped) as error:
            if not outcome.ok + outcome.failed:
                raise
            if asked.output not in (None, "-"):
                raise _stopped(
                    error, f"Stopped; nothing was written to {quoted(str(asked.output))}."
                ) from error
            outcome.stopped_by = error
        try:
            while len(repeats.runs) < asked.repeat and outcome.stopped_by is None:
                repeats.again(ask)
                outcome.ok += repeats.runs[-1].ok
                outcome.failed += repeats.runs[-1].failed
        except (KeyboardInterrupt, Stopped) as error:
            outcome.stopped_by = error
            repeats.runs.pop()
    return outcome, repeats


def _first(
    context: Context, asked: Asked, answers: Iterator[Answer], outcome: Outcome, *, is_whole: bool
) -> None:
    """Take the answers of the first time."""
    with contextlib.ExitStack() as stack:
        write = None if is_whole else stack.enter_context(prediction_output.lines(context, asked))
        reporter = stack.enter_context(Reporter(context.console, context.clock, context.shared.progress))
        for answer in answers:
            outcome.add(answer)
            done = outcome.ok + outcome.failed
            reporter(Progress(Phase.RUN, done, None, outcome.failed, "predictions"))
            if write is None:
                outcome.predictions += answer.predictions
            else:
                write(answer.predictions)


def _stopped(error: BaseException, text: str) -> Stopped:
    number = error.signal_number if isinstance(error, Stopped) else signal.SIGINT
    return Stopped(
        text, signal_number=number, hint="submit -m spice/…, torch/… or function/… goes on where it was"
    )


def _together(asked: Asked, predictions: Sequence[Prediction]) -> JsonObject:
    """Give the ensemble and the comparison, where they were asked for."""
    facts: JsonObject = {}
    if asked.ensemble is not None:
        weights = None if asked.weights is None else read_weights(asked.weights)
        facts["ensemble"] = combine(predictions, Method(asked.ensemble), weights)
    if asked.compare is not None:
        facts["comparison"] = compare(*(_of(predictions, name) for name in asked.compare))
    return facts


def _exit_code(outcome: Outcome, *, allow_failures: bool) -> ExitCode:
    if outcome.failed and not outcome.ok:
        return ExitCode.FAILED
    if (outcome.failed or outcome.surplus) and not allow_failures:
        return ExitCode.INCOMPLETE
    return ExitCode.OK


def _of(predictions: Sequence[Prediction], name: str) -> Prediction:
    return next(each for each in predictions if each.model == name)


def _check(asked: Asked) -> None:
    """Refuse what contradicts itself, before anything is sent."""
    named = bool(asked.names or asked.file or asked.compare)
    takes_inputs = asked.is_local or asked.api == "torch"
    if takes_inputs and named:
        raise UsageError(
            "models by name are for --api spice; here inputs are predicted from",
            hint="name the inputs with --inputs FILE, and the model with --model",
        )
    if takes_inputs and (asked.ensemble or asked.compare):
        raise UsageError(
            "--ensemble and --compare are for several models of --api spice", hint="leave it out"
        )
    if not takes_inputs and (asked.inputs or asked.model or asked.priority is not None):
        raise UsageError(
            "--inputs, --model and --priority are not for Spice, whose models have data of their own",
            hint="name the models as arguments, or use --api torch",
        )
    if asked.is_local and asked.inputs is None:
        raise UsageError("what should be predicted from?", hint="name a file with --inputs FILE")
    if asked.onnx is not None and asked.model is not None:
        raise UsageError("--onnx and --model name two models", hint="leave one of them out")
    if asked.weights is not None:
        if asked.ensemble is None:
            raise UsageError("--weights goes with --ensemble mean", hint="add --ensemble mean")
        read_weights(asked.weights)


def _check_output(context: Context, asked: Asked) -> None:
    """Refuse an output that cannot be written as asked, before anything is sent."""
    if context.console.json and (asked.style is not None or asked.output == "-"):
        raise UsageError(
            "--json and rows on standard output do not go together", hint="leave one of them out"
        )
    if asked.fields is not None and prediction_output.streams(asked):
        raise UsageError("--fields is for tables, not for files and JSON lines", hint="leave one of them out")
    if asked.output is None:
        return
    if asked.style not in (None, RowFormat.JSONL, RowFormat.CSV):
        raise UsageError("a file is JSON lines or CSV", hint="use --format jsonl or csv")
    if asked.output != "-" and Path(asked.output).exists() and not asked.force:
        raise StateError(f"{quoted(asked.output)} exists", hint="use --force, or another file")


Source = Callable[[], Iterator[Answer]]
"""Asks for everything anew, each time it is called."""


def _source(context: Context, asked: Asked, stack: contextlib.ExitStack) -> Source:
    """Open who is asked, and wait until it is ready."""
    if asked.is_local:
        return _local(context, asked)
    if asked.api == "torch":
        return _torch(context, asked, stack)
    return _spice(context, asked, stack)


def _local(context: Context, asked: Asked) -> Source:
    if asked.onnx is not None:
        ask, name = in_process.load_onnx(asked.onnx, context.clock), asked.onnx.name
    else:
        ask, name = in_process.load_function(str(asked.model), context.clock), str(asked.model)
    reopen, source = opener(str(asked.inputs), context.console)
    size = asked.chunk_size or in_process.CHUNK
    return lambda: chunks.ask(chunks.cut(stream_inputs(reopen, source), size), ask, lambda _: name)


def _torch(context: Context, asked: Asked, stack: contextlib.ExitStack) -> Source:
    torch = _torch_server(context, asked, stack)
    if asked.wait_ready is not None:
        torch.server.wait_until(torch.is_ready, asked.wait_ready)
    if asked.inputs is None:
        return lambda: iter([torch.examples()])
    reopen, source = opener(asked.inputs, context.console)
    ask: Callable[[list[JsonValue]], Answer] = torch.predict
    size = asked.chunk_size
    if asked.single:
        size, ask = 1, lambda chunk: torch.predict_one(chunk[0])
    name = asked.model or "example"
    return lambda: chunks.ask(chunks.cut(stream_inputs(reopen, source), size), ask, lambda _: name)


def _spice(context: Context, asked: Asked, stack: contextlib.ExitStack) -> Source:
    names = list(asked.names)
    if asked.file is not None:
        reopen, source = opener(asked.file, context.console)
        with reopen() as stream:
            names += read_names(stream.read(), source)
    names += [name for name in asked.compare or () if name not in names]
    if not names and not asked.force:
        raise UsageError(
            "which models?", hint="name them as arguments or in --file FILE; --force asks for none"
        )
    if asked.weights is not None and asked.ensemble is not None:
        check_weights(read_weights(asked.weights), len(names), Method(asked.ensemble))
    spice = _spice_server(context, asked, stack)
    if asked.wait_ready is not None:
        spice.server.wait_until(spice.is_ready, asked.wait_ready)
    if not names:
        return lambda: iter([spice.predict([])])
    ask: Callable[[list[str]], Answer] = spice.predict
    size = asked.chunk_size
    if asked.single:
        size, ask = 1, lambda chunk: spice.predict_one(chunk[0])
    return lambda: chunks.ask(chunks.cut(names, size), ask, str)


def _facts(context: Context, asked: Asked) -> tuple[str, JsonValue, ExitCode]:
    """Give what a server says about itself: what it is, the facts, and the exit code."""
    what = str(asked.show)
    with contextlib.ExitStack() as stack:
        if asked.api == "torch":
            torch = _torch_server(context, asked, stack)
            if asked.wait_ready is not None:
                torch.server.wait_until(torch.is_ready, asked.wait_ready)
            path = {"models": "/models", "stats": "/stats", "info": "/"}.get(what, "/health")
            found = torch.facts(path)
            healthy = path != "/health" or is_healthy(found)
            return what, found, ExitCode.OK if healthy else ExitCode.TEMPORARY
        spice = _spice_server(context, asked, stack)
        if asked.wait_ready is not None:
            spice.server.wait_until(spice.is_ready, asked.wait_ready)
        match what:
            case "models":
                return what, spice.models(), ExitCode.OK
            case "ready":
                ready = spice.is_ready()
                return what, {"ready": ready}, ExitCode.OK if ready else ExitCode.TEMPORARY
            case "health":
                health = spice.health()
                return what, health, ExitCode.OK if health["healthy"] else ExitCode.TEMPORARY
            case _:
                raise UsageError(f"Spice has no {what}", hint="use --show models, health or ready")


def _spice_server(context: Context, asked: Asked, stack: contextlib.ExitStack) -> Spice:
    return Spice(_client(context, asked, stack), seconds=asked.timeout or _SECONDS)


def _torch_server(context: Context, asked: Asked, stack: contextlib.ExitStack) -> Torch:
    return Torch(
        _client(context, asked, stack),
        seconds=_SECONDS if asked.timeout is None else asked.timeout + _MARGIN,
        model=asked.model,
        priority=asked.priority,
        limit=asked.timeout,
    )


def _client(context: Context, asked: Asked, stack: contextlib.ExitStack) -> HttpClient:
    origin, headers = server(context, asked.api, asked.base_url)

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            context.console.say(event.text, detail=event.detail)

    client = HttpClient(origin, headers, context.clock, tell, proxy=proxy_for(origin, context.environment))
    stack.callback(client.close)
    return client
