"""What results are worth, in words and as an exit code, and how they look where a person reads them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from batch_cli.cli.console import Console
from batch_cli.cli.fail_if import Condition, count_of
from batch_cli.cli.text import json_safe, one_line, plural
from batch_cli.error_taxonomy import advice
from batch_cli.errors import ExitCode
from batch_cli.results import Sink, Summary
from batch_cli.writers import FormatName

_MOST_REASONS = 5


class _JsonTerminal:
    """Standard output as a person looks at it: lines of JSON that say the same and hold nothing to obey."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, data: bytes) -> None:
        self._console.write(json_safe(data.decode("utf-8", "backslashreplace")).encode("utf-8"))


def sink_for(console: Console, form: FormatName) -> Sink:
    """Give where rows on standard output go; in a pipe, and in forms that escape by themselves, it takes all bytes."""
    is_json = form in (FormatName.LINES, FormatName.RAW, FormatName.OBJECTS)
    return _JsonTerminal(console) if is_json and console.is_terminal else console


def tell_left_out(console: Console, summary: Summary, form: str) -> None:
    """Say how many rows the form of the output has no place for, so that nobody counts lines in vain."""
    if summary.left_out:
        verb = "is" if summary.left_out == 1 else "are"
        console.say(
            f"{plural(summary.left_out, 'row')} {verb} not in it: --format {form} has no place for them;"
            " --errors FILE keeps the failed ones"
        )


def tell_reasons(console: Console, summary: Summary, again: Sequence[str]) -> None:
    """Say why rows have no good answer, the most frequent kinds first, and which command goes on.

    ``again`` is how `retry` is told what to send anew; empty: there is nothing that could be named.
    """
    if summary.is_good:
        return
    console.warn(
        f"{summary.rows - summary.ok:,} of {summary.rows:,} requests have no good answer ({reasons(summary)})"
    )
    for kind, count in summary.errors_by_kind.most_common(_MOST_REASONS):
        console.say(f"  {count:,} {kind}: {advice(kind)}")
    if summary.retryable and again:
        console.say(f"  fix: batch-cli retry {shlex.join(again)} --submit")


def reasons(summary: Summary) -> str:
    """Say why rows have no good answer in the providers' words, the most frequent reasons first."""
    common = summary.errors_by_type.most_common(_MOST_REASONS)
    return ", ".join(f"{count:,} {one_line(kind, 64)}" for kind, count in common)


def exit_code(
    console: Console, summary: Summary, conditions: Sequence[Condition], *, allow_partial: bool
) -> ExitCode:
    """Decide whether results are good enough: all of them, unless conditions or ``allow_partial`` say less."""
    if allow_partial:
        return ExitCode.OK
    if not conditions:
        return ExitCode.OK if summary.is_good else ExitCode.INCOMPLETE
    hit = [condition for condition in conditions if condition.holds(summary)]
    for condition in hit:
        count = count_of(summary, condition.name)
        console.warn(f"--fail-if {condition.text}: {count:,} of {plural(summary.rows, 'row')}")
    return ExitCode.INCOMPLETE if hit else ExitCode.OK
