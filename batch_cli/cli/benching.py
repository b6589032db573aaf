"""How a measure is carried out: what was asked for, checked; the run; the report, the files and the exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.bench import measures, saved
from batch_cli.bench.call import Target
from batch_cli.bench.function_target import FunctionTarget
from batch_cli.bench.gate import Gate, Run
from batch_cli.bench.http_target import Where, chat, spice, torch_batch, torch_examples, torch_singles
from batch_cli.bench.runner import Plan, Recording, run
from batch_cli.cli.bench_report import report
from batch_cli.cli.bench_view import BenchView
from batch_cli.cli.context import Context
from batch_cli.cli.prediction_servers import read_inputs, server, sizes
from batch_cli.clock import rfc3339
from batch_cli.errors import BatchCliError, ExitCode, Stopped, Temporary, UsageError, disk_error, quoted
from batch_cli.files import resolve_output
from batch_cli.local_models.models import Models
from batch_cli.model import JsonObject, JsonValue

_ITERATIONS = {"connectivity": 1, "benchmark": 10, "consistency": 20, "compare": 10}
_STRESS_SECONDS = 60.0
_STRESS_WORKERS = 2
_RATE_WORKERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    mode: str
    api: str
    base_url: str | None
    function: str | None
    models: tuple[str, ...]
    inputs: str | None
    prompt: str
    max_tokens: int
    iterations: int | None
    duration: float | None
    concurrent: int | None
    rate: float | None
    warm_up: int
    batch_sizes: str | None
    timeout: float
    baseline: Path | None
    fail_if: tuple[str, ...]
    save: Path | None
    html: Path | None
    title: str


@dataclass
class Measured:
    """What came out."""

    facts: JsonObject
    recordings: list[Recording] = field(default_factory=list)

    @property
    def stopped_by(self) -> BaseException | None:
        """What ended it early."""
        return next((each.stopped_by for each in self.recordings if each.stopped_by), None)

    @property
    def run(self) -> Run:
        """What gates look at: of a comparison the batches."""
        calls = self.recordings[0].calls
        good = [call.response_ms for call in calls if call.is_good]
        seconds = self.recordings[0].seconds
        return Run(
            good,
            measures.rate(len(calls) - len(good), len(calls)),
            len(calls) / seconds if seconds > 0 else 0.0,
        )


def bench(context: Context, asked: Asked) -> ExitCode:
    """Measure, report and judge."""
    gates = [Gate.parse(text) for text in asked.fail_if]
    if asked.mode in ("connectivity", "compare") and (asked.rate or asked.duration):
        raise UsageError(
            f"{asked.mode} takes neither --rate nor --duration", hint="use them with benchmark or stress"
        )
    baseline, earlier = (None, {}) if asked.baseline is None else saved.load(asked.baseline)
    if baseline is None:
        for gate in gates:
            gate.judge(Run([]), None)  # one that needs a baseline says so before anything is sent
    if earlier.get("mode") not in (None, asked.mode):
        context.console.warn(f"the baseline is of {earlier['mode']}, this is {asked.mode}")
    for path in (asked.save, asked.html):
        if path is not None:
            _refuse_name(path)
    measured = _measure(context, asked)
    verdicts = [gate.judge(measured.run, baseline) for gate in gates]
    facts: JsonObject = {
        "mode": asked.mode,
        "started_at": rfc3339(context.clock.now()),
        **measured.facts,
        "gates": [verdict.as_json() for verdict in verdicts],
        "interrupted": measured.stopped_by is not None,
    }
    _show(context, asked, facts)
    if asked.save is not None:
        saved.save(asked.save, facts, measured.run)
        context.console.say(f"run saved to: {asked.save}")
    if asked.html is not None:
        from batch_cli.bench.page import write_page  # noqa: PLC0415 - only where asked for

        write_page(asked.html, asked.title, facts, measured.recordings)
        context.console.say(f"page written to: {asked.html}")
    if measured.stopped_by is not None:
        context.console.flush()
        raise _stopped(measured.stopped_by)
    failed_gates = any(verdict.failed for verdict in verdicts)
    return _exit_code(measured, failed_gates=failed_gates)


def _refuse_name(path: Path) -> None:
    """Refuse a file that cannot be written, before an hour is spent on what is to be written there.

    Raises:
        DiskError: its directory is not there, or it is no regular file.
    """
    directory = resolve_output(path).parent
    if not directory.is_dir():
        error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise disk_error(error, path, doing="writing")


def _measure(context: Context, asked: Asked) -> Measured:
    if asked.mode == "compare":
        return _compare(context, asked)
    target = _target(context, asked)
    plan = _plan(asked)
    with BenchView(context.console, context.clock, context.shared.progress, plan) as view:
        recording = run(target, plan, context.clock, view)
    formula = {
        "connectivity": _connectivity,
        "benchmark": measures.benchmark,
        "consistency": measures.consistency,
        "stress": measures.stress,
    }[asked.mode]
    return Measured({"target": target.name, **formula(recording)}, [recording])


def _plan(asked: Asked) -> Plan:
    """Give how the target is called: what was said, else the specification's defaults."""
    is_stress = asked.mode == "stress"
    seconds = asked.duration
    if seconds is None and is_stress and asked.iterations is None:
        seconds = _STRESS_SECONDS
    calls = asked.iterations
    if calls is None and seconds is None:
        calls = _ITERATIONS[asked.mode]
    usual = _STRESS_WORKERS if is_stress else 1
    if asked.rate is not None:
        usual = _RATE_WORKERS
    return Plan(
        calls=calls,
        seconds=seconds,
        workers=asked.concurrent or usual,
        rate=asked.rate,
        warm_up=asked.warm_up,
        fingerprints=asked.mode == "consistency",
    )


def _compare(context: Context, asked: Asked) -> Measured:
    """Measure batches and as many single calls, at each size."""
    if asked.api != "torch" or asked.function is not None:
        raise UsageError(
            "compare is for the PyTorch server, which has batches and single predictions",
            hint="leave --api and --function out",
        )
    where = _where(context, asked)
    given = None if asked.inputs is None else read_inputs(asked.inputs, _stdin)
    plan = Plan(calls=asked.iterations or _ITERATIONS["compare"], warm_up=asked.warm_up)
    found, recordings = [], []
    pairs: list[tuple[Target, Target, int]] = []
    if asked.batch_sizes is None and given is None:
        pairs.append((torch_examples(where), torch_singles(where), 5))
    else:
        wanted = sizes(asked.batch_sizes) if asked.batch_sizes or given is None else [len(given)]
        for size in wanted:
            inputs = _as_many(given or list(range(1, size + 1)), size)
            model = asked.models[0] if asked.models else None
            pairs.append((torch_batch(where, inputs, model), torch_singles(where, inputs), size))
    with BenchView(context.console, context.clock, context.shared.progress, plan) as view:
        for batch, individual, size in pairs:
            of_batch = _run(batch, plan, context, view)
            recordings.append(of_batch)
            if of_batch.stopped_by is not None:
                found.append(measures.compare(of_batch, Recording(plan), size))
                break
            of_singles = _run(individual, plan, context, view)
            recordings.append(of_singles)
            found.append(measures.compare(of_batch, of_singles, size))
            if of_singles.stopped_by is not None:
                break
    return Measured(
        {"target": str(where.origin), **(found[0] if len(found) == 1 else {}), "by_batch_size": found},
        recordings,
    )


def _run(target: Target, plan: Plan, context: Context, view: BenchView) -> Recording:
    """Run a part of a measure; one that is stopped before its first call does not take the other parts with it."""
    try:
        return run(target, plan, context.clock, view)
    except (KeyboardInterrupt, Stopped) as error:
        return Recording(plan, stopped_by=error)


def _as_many(inputs: Sequence[JsonValue], size: int) -> list[JsonValue]:
    """Give ``size`` inputs, from the start again where there are fewer."""
    if not inputs:
        raise UsageError("--inputs holds no input", hint="write one JSON value a line")
    return [inputs[at % len(inputs)] for at in range(size)]


def _target(context: Context, asked: Asked) -> Target:
    if asked.function is not None:
        return _function(asked)
    where = _where(context, asked)
    given = None if asked.inputs is None else read_inputs(asked.inputs, _stdin)
    match asked.api:
        case "spice":
            if not asked.models:
                raise UsageError("which models?", hint="name one or more with --model NAME")
            return spice(where, asked.models)
        case "chat":
            if len(asked.models) != 1:
                raise UsageError("a chat endpoint needs one model", hint="name it with --model NAME")
            return chat(where, asked.models[0], asked.prompt, asked.max_tokens)
        case _:
            if given is None and not asked.models:
                return torch_examples(where)
            return torch_batch(
                where,
                list(range(1, 6)) if given is None else given,
                asked.models[0] if asked.models else None,
            )


def _where(context: Context, asked: Asked) -> Where:
    origin, headers = server(context, asked.api, asked.base_url)
    return Where(origin, context.clock, asked.timeout, headers)


def _function(asked: Asked) -> FunctionTarget:
    name = asked.function or ""
    model = next(iter(Models.load([name])))
    if model.function is None:
        raise UsageError(f"{quoted(name)} cannot be used: {model.fault}", hint="correct the file")
    inputs: list[JsonValue] = [1]
    if asked.inputs is not None:
        inputs = _as_many(found := read_inputs(asked.inputs, _stdin), len(found) or 1)
    return FunctionTarget(model, inputs)


def _stdin() -> bytes:
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="name a file")
    return sys.stdin.buffer.read()


def _connectivity(recording: Recording) -> JsonObject:
    (call,) = recording.calls
    return {
        "connected": call.is_good,
        "error": None if call.is_good else measures.error_of(call),
        "response_time_ms": call.response_ms,
        "batch_size": call.reply.batch_size,
        "successful_predictions": call.reply.successful,
        "inference_time_ms": call.reply.inference_ms,
    }


def _show(context: Context, asked: Asked, facts: JsonObject) -> None:
    console = context.console
    if console.json:
        console.document("bench", facts)
        return
    for line in report(asked.title, asked.mode, facts):
        console.line(line)


def _exit_code(measured: Measured, *, failed_gates: bool) -> ExitCode:
    calls = [call for recording in measured.recordings for call in recording.calls]
    if not any(call.reply.reached for call in calls):
        why = measures.error_of(calls[0]) if calls else "nothing was asked"
        raise Temporary(
            f"no connection to {measured.facts['target']}",
            where=why,
            hint="start the server, or name it with --base-url URL",
        )
    if any(not any(call.is_good for call in each.calls) for each in measured.recordings):
        return ExitCode.FAILED
    consistency = measured.facts.get("prediction_consistency")
    differs = consistency is not None and not consistency["deterministic"]
    if failed_gates or differs or not all(call.is_good for call in calls):
        return ExitCode.INCOMPLETE
    return ExitCode.OK


def _stopped(error: BaseException) -> BatchCliError:
    """Give the error that ends a run that was stopped, its report written."""
    if isinstance(error, Stopped):
        return Stopped("Stopped; the report is of what there was.", signal_number=error.signal_number)
    return Stopped("Stopped; the report is of what there was.", signal_number=signal.SIGINT)
