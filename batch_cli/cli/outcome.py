"""What results are worth, in words and as an exit code: why rows have no good answer, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.cli.console import Console
from batch_cli.cli.fail_if import Condition, count_of
from batch_cli.cli.text import one_line, plural
from batch_cli.error_taxonomy import advice
from batch_cli.errors import ExitCode
from batch_cli.results import Summary

_MOST_REASONS = 5


def tell_left_out(console: Console, summary: Summary, form: str) -> None:
    """Say how many rows the form of the output has no place for, so that nobody counts lines in vain."""
    if summary.left_out:
        verb = "is" if summary.left_out == 1 else "are"
        console.say(
            f"{plural(summary.left_out, 'row')} {verb} not in it: --format {form} has no place for them;"
            " --errors FILE keeps the failed ones"
        )


def tell_reasons(console: Console, summary: Summary, again: str | None) -> None:
    """Say why rows have no good answer, the most frequent kinds first, and which command goes on.

    ``again`` names the batch or the output to send anew; None: there is nothing that could be named.
    """
    if summary.is_good:
        return
    console.warn(
        f"{summary.rows - summary.ok:,} of {summary.rows:,} requests have no good answer ({reasons(summary)})"
    )
    for kind, count in summary.errors_by_kind.most_common(_MOST_REASONS):
        console.say(f"  {count:,} {kind}: {advice(kind)}")
    if summary.retryable and again is not None:
        console.say(f"  fix: batch-cli retry {again} --submit")


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
