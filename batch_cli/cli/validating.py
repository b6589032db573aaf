"""How ``validate`` works: every file checked or fixed, one report about all, a summary for each."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from batch_cli.cli.context import Context
from batch_cli.cli.inputs import is_same_file, opener
from batch_cli.cli.main import problem_object
from batch_cli.cli.output_names import file_for
from batch_cli.cli.reports import document, github, junit, lines, sarif, stats
from batch_cli.cli.reports.formats import ReportFormat
from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.reports.tally import Tally
from batch_cli.cli.tables import show
from batch_cli.cli.text import plural, rough, size
from batch_cli.errors import ExitCode, InvalidInput, Problem, ProblemLog, UsageError, quoted
from batch_cli.files import open_input
from batch_cli.jobs.check import guess_provider, scan_file, with_limits
from batch_cli.jobs.fix import MAP_SUFFIX, Source, fix, map_path, source_of
from batch_cli.jobs.measure import measure
from batch_cli.jsonl import dumps
from batch_cli.model import Limits, ModelName
from batch_cli.object_store import ObjectAddress, ObjectStore, is_object
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.request_file import Scan

_FIXABLE = frozenset({"E101", "E103", "E208", "E306", "E307", "E310", "E404"})
"""Codes that `batch_cli.jobs.fix` leaves nothing of; those of missing ids belong to other fields as well."""


@dataclass(frozen=True, slots=True)
class Order:
    """What ``validate`` was asked for."""

    files: Sequence[str]
    model: ModelName | None = None
    """Whose rules, and the model that every line has to name; None: guessed from each file."""
    limits: Mapping[str, int | None] = field(default_factory=dict)
    """Limits in place of the provider's, by the names of `Limits`' fields."""
    max_errors: int = 20
    style: ReportFormat = ReportFormat.CONCISE
    stats: bool = False
    exit_zero: bool = False
    fix_to: str | None = None
    """A file or an object."""


def validate(context: Context, order: Order) -> ExitCode:
    """Check every file, report all of them, and fail if one of them is wrong."""
    _refuse_what_cannot_be(order)
    reports = []
    for path in order.files:
        report = _report(context, path, order) if order.fix_to is None else _fixed(context, path, order)
        reports.append(report)
        _write_now(context, report, order)
        _sum_up(context, report, order)
    _write_all(context, reports, order)
    wrong = any(report.problems.errors for report in reports)
    return ExitCode.INVALID_INPUT if wrong and not order.exit_zero else ExitCode.OK


def _refuse_what_cannot_be(order: Order) -> None:
    if not order.files:
        raise UsageError("no file given", hint="batch-cli validate FILE")
    if order.stats and order.style not in (ReportFormat.CONCISE, ReportFormat.FULL, ReportFormat.JSON):
        raise UsageError(
            f"--stats has no place in --format {order.style}", hint="use --format concise, full or json"
        )
    if order.fix_to is None:
        return
    if len(order.files) > 1:
        raise UsageError("--fix takes one file at a time", hint="call it once for each file")
    source = order.files[0]
    if is_same_file(source, order.fix_to) and is_object(source):
        raise _overwriting(source)
    for output in (Path(order.fix_to), map_path(Path(order.fix_to))):
        with suppress(OSError):  # one of the two is not there: they are not the same
            if source != "-" and output.samefile(source):
                raise _overwriting(source)


def _overwriting(source: str) -> UsageError:
    return UsageError(
        f"--fix would overwrite its input {quoted(source)}",
        hint="name another file with -o, and rename it afterwards",
    )


# --- one file ---


def _fixed(context: Context, path: str, order: Order) -> FileReport:
    """Fix a file, and name what was written as the user named it."""
    assert order.fix_to is not None
    with file_for(context, order.fix_to) as output:
        if is_object(order.fix_to) and _has_map(context, order.fix_to):
            map_path(
                output
            ).touch()  # so that a map of an earlier run is replaced, by an empty one if need be
        report = _report(context, path, replace(order, fix_to=str(output)))
        fixed = report.fixed
        if is_object(order.fix_to) and not (fixed and fixed.written):
            map_path(output).unlink(missing_ok=True)
    if fixed is None or not is_object(order.fix_to):
        return report
    id_map = None if fixed.id_map is None else f"{order.fix_to}{MAP_SUFFIX}"
    return replace(report, fixed=replace(fixed, output=order.fix_to, id_map=id_map))


def _report(context: Context, path: str, order: Order) -> FileReport:
    name = _as_text(path)
    tally = Tally()
    problems = ProblemLog(order.max_errors, tally.add)
    is_file = path != "-" and not is_object(path)
    report = FileReport(name, Path(path) if is_file else None, None, Scan(), problems, tally)
    try:
        open_file, known_as = opener(path, context.console)
    except InvalidInput as error:
        hint = _as_text(error.hint) if error.hint else None
        problems.add(Problem(error.reference, _as_text(error.message), hint, name))
        return report
    report = replace(report, name=name if report.path else known_as)
    source = source_of(open_file, report.name, order.limits.get("line_bytes") or Limits().line_bytes)
    as_text = source.open if order.fix_to else open_file
    provider = order.model.provider if order.model else guess_provider(as_text)
    codec = with_limits(load_codec(provider, context.services), order.limits)
    if order.model is None:
        context.console.say(f"{report.name}: checked as {codec.title} format", detail=True)
    report = replace(report, provider=provider, open_text=as_text, max_line_bytes=codec.limits.line_bytes)
    report = _filled(context, report, source, codec, order)
    return _measured(report, source) if order.stats else report


def _as_text(path: str) -> str:
    """Give what may name a file as text that every format can hold: bytes that are none become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _filled(context: Context, report: FileReport, source: Source, codec: Codec, order: Order) -> FileReport:
    """Check the file, or fix it and check what comes of it."""
    expected = (order.model.name or None) if order.model else None
    with context.workspace() as workspace:
        if order.fix_to is None:
            hashed = order.style is ReportFormat.JSON  # no other report shows it
            found = scan_file(
                workspace, source.open_raw, report.name, codec, report.problems, expected, hashed=hashed
            )
            return replace(report, scan=found)
        fixed, found = fix(workspace, source, codec, Path(order.fix_to), report.problems, expected)
        return replace(report, scan=found, fixed=fixed)


def _measured(report: FileReport, source: Source) -> FileReport:
    """Measure what was written, or what was read where nothing was."""
    fixed = report.fixed
    with open_input(Path(fixed.output)) if fixed and fixed.written else source.open_raw() as stream:
        return replace(report, sizes=measure(stream, max_bytes=report.max_line_bytes))


def _has_map(context: Context, output: str) -> bool:
    beside = ObjectAddress.parse(output).beside(MAP_SUFFIX)
    return ObjectStore(context.environment).look(beside) is not None


# --- what is written ---


def _write_now(context: Context, report: FileReport, order: Order) -> None:
    """Write what does not have to wait for the other files."""
    console = context.console
    match order.style:
        case ReportFormat.CONCISE | ReportFormat.FULL:
            full = order.style is ReportFormat.FULL
            for line in lines.report_lines(report, full=full, terminal=console.is_terminal):
                console.line(line)
            if order.stats:
                show(console, stats.stats_table(report), None)
        case ReportFormat.JSONL:
            for problem in report.problems.kept:
                console.write(dumps(problem_object(problem)) + b"\n")
        case ReportFormat.GITHUB:
            for line in github.github_lines(report):
                console.line(line)
        case _:
            pass


def _write_all(context: Context, reports: Sequence[FileReport], order: Order) -> None:
    """Write the forms that are one document about all files."""
    console = context.console
    match order.style:
        case ReportFormat.JSON:
            console.document("validate", document.document(reports))
        case ReportFormat.SARIF:
            console.write(dumps(sarif.sarif_log(reports), indent=True) + b"\n")
        case ReportFormat.JUNIT:
            console.write(junit.junit_xml(reports))
        case _:
            pass


def _sum_up(context: Context, report: FileReport, order: Order) -> None:
    """Say on standard error how the file is, and what was fixed or could be."""
    say, problems, scan = context.console.say, report.problems, report.scan
    models = f", {plural(len(scan.models), 'model')}" if scan.models else ""
    tokens = f", ~{rough(report.sizes.tokens)} tokens" if report.sizes else ""
    say(
        f"{report.name}: {plural(scan.requests, 'request')}{models}, {size(scan.bytes)}{tokens}:"
        f" {plural(problems.errors, 'error')}, {plural(problems.warnings, 'warning')}"
    )
    if report.is_truncated and order.style is ReportFormat.JSONL:
        say(f"Only the first {len(problems.kept):,} problems were written; --max-errors N writes more")
    fixed = report.fixed
    if fixed is not None and fixed.written:
        done = ", ".join(change.words(count) for change, count in sorted((+fixed.changes).items()))
        say(f"Fixed: {done or 'nothing had to be'}")
        say(f"Written to: {fixed.output}" + (f" (old ids in {fixed.id_map})" if fixed.id_map else ""))
    elif fixed is not None:
        say(f"Nothing was written, because of what --fix cannot repair: {plural(problems.errors, 'error')}")
    elif report.path is not None and _FIXABLE & {tally.code for tally in report.tally.codes()}:
        say(
            f"  fix: batch-cli validate {shlex.quote(report.name)} --fix -o FILE repairs ids, marks and blanks"
        )
