"""The only error boundary: whatever happens inside, outside there is an exit code and three lines of text."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType

from typer.exceptions import Exit, TyperException

from batch_cli import __version__
from batch_cli.cli.app import COMMANDS, GO_ON, build_group
from batch_cli.cli.console import Console, ReaderGone, abandon, prepare_streams, settle_stderr
from batch_cli.cli.text import one_line
from batch_cli.errors import (
    BatchCliError,
    DiskError,
    ExitCode,
    InvalidInput,
    Problem,
    Severity,
    Stopped,
    UsageError,
)
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject
from batch_cli.settings import state_directory

_SIGNALS = 128


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; never raises, never leaves a traceback on the screen."""
    console = Console(os.environ, json="--json" in arguments)
    try:
        return _run(arguments, console)
    finally:
        settle_stderr()


def _run(arguments: Sequence[str], console: Console) -> int:
    try:
        prepare_streams()
        with _signals_as_errors():
            code = _call(arguments)
            console.flush()
    except ReaderGone:
        abandon(sys.stdout)
        return ExitCode.PIPE
    except DiskError as error:
        _report(console, error)
        abandon(sys.stdout)
        return error.exit_code
    except BatchCliError as error:
        return _report(console, error)
    except TyperException as error:
        return _report(console, _usage_error(error, arguments))
    except KeyboardInterrupt:  # outside of a command; inside, see `batch_cli.cli.app`
        return _report(console, Stopped("Stopped.", signal_number=signal.SIGINT))
    except Exception as error:  # noqa: BLE001 - the last resort: a bug must not print a traceback
        return _report_bug(console, error)
    return code


def _call(arguments: Sequence[str]) -> int:
    _refuse_secrets(arguments)
    group = build_group()
    words = list(arguments)
    if words in ([], ["--help"], ["-h"]):
        words = ["--help"]
    if words[0] in ("--version", "-V"):
        print(f"batch-cli {__version__}")
        return ExitCode.OK
    try:
        result = group.main(words, prog_name="batch-cli", standalone_mode=False)
    except Exit as leaving:
        return leaving.exit_code
    return int(result or 0)


def _refuse_secrets(arguments: Sequence[str]) -> None:
    for argument in arguments:
        if argument == "--":
            return
        if argument == "--api-key" or argument.startswith("--api-key="):
            raise UsageError(
                "--api-key is refused: other users can read command lines",
                hint="set the provider's variable, or use --api-key-file FILE",
            )


@contextlib.contextmanager
def _signals_as_errors() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Stopped`, so that they clean up like Ctrl-C does."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped("Stopped.", signal_number=number, hint=GO_ON)

    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _usage_error(error: TyperException, arguments: Sequence[str]) -> UsageError:
    command = next((word for word in arguments if not word.startswith("-")), "")
    context = getattr(error, "ctx", None)
    # Where an option lacks its value, the parser that says so knows of no context.
    is_known = command in COMMANDS if context is None else command == context.info_name
    page = f"batch-cli {command} --help" if is_known else "batch-cli --help"
    return UsageError(error.format_message().rstrip("."), hint=page)


def _report(console: Console, error: BatchCliError) -> int:
    """Print an error and give its exit code."""
    code = int(error.exit_code)
    if isinstance(error, Stopped):
        code = _SIGNALS + error.signal_number
        console.talk(error.message)
        if error.hint:
            console.talk(f"  continue: {error.hint}")
    elif isinstance(error, InvalidInput) and error.problems:
        _report_problems(console, error)
    else:
        console.fail(error)
    if console.json:
        console.raw_error_line(dumps(error_document(error, code)))
    return code


def _report_problems(console: Console, error: InvalidInput) -> None:
    for line in problem_lines(error.problems):
        console.talk(line)
    hidden = error.total - sum(p.severity is Severity.ERROR for p in error.problems)
    if hidden > 0:
        console.talk(f"… and {hidden:,} more")
    console.fail(BatchCliError(error.message, where=error.where, hint=error.hint))


def problem_lines(
    problems: Sequence[Problem], excerpts: Sequence[Sequence[str]] | None = None
) -> Iterator[str]:
    """Give problems as ``file:line:col: error[E…]: what``, each fix the first time; foreign text is made safe.

    ``excerpts`` are safe lines to put under each problem, in the order of ``problems``.
    """
    told: set[str] = set()
    for at, problem in enumerate(problems):
        place = f"{one_line(problem.place)}: " if problem.place else ""
        yield f"{place}{problem.severity}[{problem.code}]: {one_line(problem.message, 300)}"
        yield from excerpts[at] if excerpts else ()
        if problem.hint and problem.hint not in told:
            told.add(problem.hint)
            yield f"  fix: {one_line(problem.hint, 300)}"


def error_document(error: BatchCliError, code: int) -> JsonObject:
    """Give the error as the JSON document that ends standard error with ``--json``."""
    problems = error.problems if isinstance(error, InvalidInput) else ()
    names = {int(member): member.name for member in ExitCode}
    return {
        "schema": "batch_cli.error/v1",
        "tool_version": __version__,
        "exit": code,
        "code": names.get(code, "INTERNAL"),
        "reference": error.reference,
        "message": error.message,
        "where": list(error.where),
        "hint": error.hint,
        "problems": [problem_object(problem) for problem in problems],
        "problems_total": error.total if isinstance(error, InvalidInput) else 0,
    }


def problem_object(problem: Problem) -> JsonObject:
    """Give a problem as JSON."""
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "custom_id": problem.custom_id,
    }


def _report_bug(console: Console, error: Exception) -> int:
    """Write the traceback, without any values, to a log file and name it."""
    where = "no log file could be written"
    with contextlib.suppress(Exception):
        directory = state_directory(os.environ) / "log"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = directory / f"bug-{os.getpid()}.log"
        frames = "".join(traceback.format_tb(error.__traceback__))
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"batch-cli {__version__}, Python {sys.version}\n{frames}")
            stream.write(f"{type(error).__name__}: {error}\n")
        where = f"log: {log}"
    bug = BatchCliError(
        f"internal problem (this is a bug in batch-cli {__version__}): {type(error).__name__}",
        where=where,
        hint="please report it with that file",
    )
    return _report(console, bug)
