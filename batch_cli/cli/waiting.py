"""How waiting looks: progress while it lasts, one line at the end, an exit code that says how it ended."""

from __future__ import annotations

from batch_cli.cli.context import Context
from batch_cli.cli.documents import mark
from batch_cli.cli.progress import outcome
from batch_cli.errors import ExitCode
from batch_cli.jobs.wait import Waited, wait
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchStatus


def wait_for(
    context: Context, workspace: Workspace, places: list[BatchPlace], seconds: float | None
) -> tuple[Waited, ExitCode]:
    """Wait, say how each batch ended, and give the code of the worst of them."""
    waited = wait(workspace, places, seconds=seconds)
    for batch in waited.batches:
        counts = batch.counts
        failed = f", {counts.failed:,} failed" if counts.failed else ""
        done = outcome(counts.answered, counts.total, _seconds_taken(batch))
        word = batch.raw_status if batch.status is BatchStatus.UNKNOWN else batch.status
        context.console.say(f"{batch.id}: {word}, {done}{failed}{mark(batch)}")
    return waited, worst_of(waited.batches)


def worst_of(batches: list[Batch]) -> ExitCode:
    """Give the exit code of the batch that stands worst."""
    return max((code_of(batch) for batch in batches), key=_SEVERITY.index)


def _seconds_taken(batch: Batch) -> float | None:
    """Give how long a batch took to its end, whether or not anybody waited meanwhile."""
    if batch.started_at is None or batch.completed_at is None:
        return None
    return batch.completed_at - batch.started_at


_SEVERITY = (ExitCode.OK, ExitCode.PENDING, ExitCode.INCOMPLETE, ExitCode.FAILED)


def code_of(batch: Batch) -> ExitCode:
    """Give the exit code that says how a batch stands."""
    if not batch.status.is_terminal:
        return ExitCode.PENDING
    counts = batch.counts
    if not counts.completed:
        return ExitCode.FAILED
    is_whole = batch.status is BatchStatus.COMPLETED and counts.completed == counts.total
    return ExitCode.OK if is_whole else ExitCode.INCOMPLETE


def run_command(context: Context, command: str, batches: list[Batch]) -> None:
    """Run ``command`` once for each batch that has ended; how it ends is reported, not our exit code."""
    import shlex  # noqa: PLC0415 - only with --exec
    import subprocess  # noqa: PLC0415

    words = shlex.split(command)
    for batch in batches:
        if not words or not batch.status.is_terminal:
            continue
        environment = {**context.environment, "BATCH_ID": batch.id, "BATCH_STATUS": batch.status}
        try:
            ended = subprocess.run(words, env=environment, check=False)  # noqa: S603 - the user's own words
        except OSError as error:
            context.console.warn(f"--exec: {words[0]}: {error.strerror}")
            return
        if ended.returncode:
            context.console.warn(f"--exec: {words[0]} ended with exit code {ended.returncode}")
