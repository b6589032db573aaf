"""How ``results --from-file`` checks and converts a result file that is here already."""

from __future__ import annotations

from pathlib import Path

from batch_cli.cli import documents
from batch_cli.cli.collecting import Wanted, show_rows, warn_of_strays
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import is_same_file, opener
from batch_cli.cli.main import problem_lines
from batch_cli.cli.outcome import exit_code, sink_for, tell_left_out, tell_reasons
from batch_cli.cli.result_extras import Extras
from batch_cli.cli.text import plural
from batch_cli.columns import columns_path
from batch_cli.errors import ExitCode, Problem, UsageError
from batch_cli.jobs.asked import Source
from batch_cli.jobs.result_file import (
    FileOrder,
    GoodFile,
    WrittenFile,
    check_results,
    rows,
    shape_of,
    stream_file,
    write_file,
)
from batch_cli.jobs.results import ResultsOrder
from batch_cli.jobs.workspace import Workspace
from batch_cli.object_store import ObjectAddress, is_object
from batch_cli.response_model import load_response_model
from batch_cli.writers import FormatName

_SHOWN_IDS = 3


class _Nowhere:
    """Takes lines and forgets them: the rows are only counted."""

    def write(self, data: bytes) -> object:
        return len(data)


def convert(
    context: Context,
    workspace: Workspace,
    wanted: Wanted,
    *,
    from_file: str,
    requests: str | None,
    provider: str | None,
    as_table: bool,
) -> ExitCode:
    """Check a result file, write or show its rows, and say what they are worth."""
    if from_file == "-" and requests == "-":
        raise UsageError("only one of --from-file and --requests can be standard input", hint="name a file")
    if wanted.output is not None and any(
        is_same_file(path, wanted.output) for path in (from_file, requests or "-")
    ):
        # Not even --force: what was downloaded, or asked, would be gone.
        raise UsageError(
            "a file that is read and the output are the same file", hint="choose another name for -o"
        )
    model = wanted.response_model
    with Extras(wanted.extras, context.environment, wanted.output, from_file, requests) as extras:
        order = FileOrder(
            _source(context, from_file),
            None if requests is None else _source(context, requests),
            provider,
            ResultsOrder(
                None if model is None else load_response_model(model, Path.cwd()),
                in_order=wanted.in_order,
                force=wanted.force,
                form=wanted.form,
                watch=None if wanted.extras.nothing else extras.watch,
            ),
            None if requests in (None, "-") else columns_path(Path(str(requests))),
        )
        address = (
            None
            if wanted.output is None or not is_object(wanted.output)
            else ObjectAddress.parse(wanted.output)
        )
        output = None if address or wanted.output in (None, "-") else Path(str(wanted.output))
        with check_results(workspace, order, output) as file:
            if address is not None:
                from batch_cli.jobs.object_results import write_file_object  # noqa: PLC0415 - only there

                written = write_file_object(workspace, file, address)
            elif output is not None:
                written = write_file(workspace, file, output)
            elif as_table:
                answer = shape_of(file).answer
                summary = show_rows(context, order.results.name, rows(workspace, file), answer)
                summary.close(file.strays)
                written = WrittenFile(file, summary)
            else:
                sink = sink_for(context.console, wanted.form) if wanted.output == "-" else _Nowhere()
                written = stream_file(workspace, file, sink)
        extras.finish(context.console, written.summary, f"results in {order.results.name}")
    return _conclude(context, written, wanted)


def _source(context: Context, path: str) -> Source:
    open_file, name = opener(path, context.console)
    return Source(open_file, name)


def _conclude(context: Context, written: WrittenFile, wanted: Wanted) -> ExitCode:
    console, summary, file = context.console, written.summary, written.file
    if not context.shared.quiet:
        for line in problem_lines([*file.warnings, *_missing(written)]):
            console.talk(line)
    counts = f"{summary.ok:,} ok, {summary.failed:,} failed, {summary.missing:,} missing"
    if wanted.output in (None, "-"):
        console.say(f"{file.order.results.name}: {plural(summary.rows, 'row')} ({counts})")
    else:
        again = " (already complete)" if written.already_complete else ""
        console.say(f"Results saved to: {wanted.output} ({counts}){again}")
    if console.json:
        console.document("results", _document(written, wanted))
    tell_left_out(console, summary, wanted.form)
    if summary.is_damaged:
        warn_of_strays(context, summary, wanted.output)
        return ExitCode.DAMAGED
    tell_reasons(console, summary, _again(written, wanted))
    return exit_code(console, summary, wanted.fail_if, allow_partial=wanted.allow_partial)


def _again(written: WrittenFile, wanted: Wanted) -> tuple[str, ...]:
    """Name the output for `retry`, which finds the requests by it, but not by lines that are not ours."""
    file = written.file
    if wanted.form is not FormatName.LINES or file.asked is None or wanted.output in (None, "-"):
        return ()
    return (str(wanted.output), "--model", f"{file.provider}/NAME")


def _missing(written: WrittenFile) -> list[Problem]:
    summary = written.summary
    if not summary.missing:
        return []
    ids = ", ".join(f'"{custom_id[:64]}"' for custom_id in summary.missing_ids[:_SHOWN_IDS])
    more = ", …" if summary.missing > _SHOWN_IDS else ""
    return [
        Problem(
            "E702",
            f"missing result: {summary.missing:,} of {plural(summary.rows, 'request')} have none ({ids}{more})",
            "retry: submit these requests again, or add the lines of the provider's error file",
            written.file.order.results.name,
        )
    ]


def _document(written: WrittenFile, wanted: Wanted) -> dict[str, object]:
    file: GoodFile = written.file
    return {
        "batch": None,
        "provider": file.provider,
        "source": {
            "path": file.order.results.name,
            "sha256": file.checked.sha256,
            "bytes": file.checked.bytes,
            "results": file.results,
        },
        "file": wanted.output,
        **documents.summary_object(written.summary),
        "already_complete": written.already_complete,
    }
