"""Run: a file submitted, waited for, and what failed sent again, until every request has its answer.

    submit ─▶ wait ─▶ choose what may succeed when it is sent again ─▶ submit that as the next attempt ─▶ wait …

Nothing is kept but what the journal knows, so the same call again goes on wherever the last one was cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from batch_cli.errors import BatchCliError, Rejected, Stopped
from batch_cli.events import Note
from batch_cli.jobs.attempts import ended_attempts, running_attempts, settle
from batch_cli.jobs.intents import is_wasted
from batch_cli.jobs.originals import Sent
from batch_cli.jobs.results import ended_batch
from batch_cli.jobs.retry import Chosen, Parent, choose, exclusively, retry_file, send
from batch_cli.jobs.selection import Wish
from batch_cli.jobs.split import Split
from batch_cli.jobs.submission import Submission, SubmitOrder
from batch_cli.jobs.submit import lines_of, submit
from batch_cli.jobs.wait import wait
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.model import Batch, BatchStatus, ModelName
from batch_cli.providers import load_codec
from batch_cli.response_model import ResponseModel

RUN_SECONDS = 30 * 86_400.0
"""How long the same content is the same run: as long as providers keep what the answers cost to make."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a run is asked for."""

    submit: SubmitOrder
    attempts: int
    """How often a request may be sent in all."""
    response_model: ResponseModel | None = None
    """What answers have to fit; None: the schema that the requests ask for."""
    seconds: float | None = None
    """How long to wait for all of it; None: any time."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """Where a run stands when it ends."""

    place: BatchPlace
    """The first attempt, whose results are those of all."""
    is_readable: bool = True
    """False: the time was over before the first attempt had ended."""
    stop: BatchCliError | None = None
    """Why no further attempt was made, where that is an error; what is done is to be kept first."""


def run(workspace: Workspace, order: RunOrder, started: Callable[[Submission], None]) -> RunEnd:
    """Take a file to its answers, or as near as its attempts and the time allow; ``started`` is told of the submit.

    May be repeated: the same content within thirty days is the same run. A batch that expired or was cancelled is
    not submitted anew; what it left unanswered is sent again.

    Raises:
        InvalidInput: with every problem of the file; nothing is sent then.
        Stopped: a signal asked to stop; batches elsewhere go on.
    """
    first = replace(order.submit, within=RUN_SECONDS, keep_lost=True, split=order.submit.split or Split())
    submission = submit(workspace, first)
    started(submission)
    place = workspace.find_batch(submission.batch.id, ModelName(submission.batch.provider, ""))
    codec = load_codec(first.model.provider, workspace.services)
    sent = Sent(
        codec,
        ((first.name, lines_of(first, codec)),),
        frozenset((submission.scan.sha256,)),
    )
    rounds = _Rounds(workspace, replace(order, submit=replace(first, again=False)), place, sent)
    return rounds.run(submission.batch)


class _Rounds:
    """The attempts of one run."""

    def __init__(self, workspace: Workspace, order: RunOrder, place: BatchPlace, sent: Sent) -> None:
        self._workspace, self._order, self._place, self._sent = workspace, order, place, sent
        self._end = None if order.seconds is None else workspace.clock.monotonic() + order.seconds
        self._saw_the_end = False
        """Whether the newest attempt ended under our eyes: what went wrong with it is news."""

    def run(self, first: Batch) -> RunEnd:
        places = [] if first.status.is_terminal else [self._place]
        while True:
            if places and not self._wait(places):
                return RunEnd(self._place, is_readable=places[0] is not self._place)
            with exclusively(self._workspace, self._place.id):
                settle(self._workspace, self._place)
                batch = ended_batch(self._workspace, self._place)
                running = running_attempts(batch)
                places = [self._workspace.find_batch(one.id, None) for one in running]
                if places:
                    continue
                try:
                    if not self._sends_more(Parent(self._place.id, self._place.provider, batch, self._place)):
                        return RunEnd(self._place)
                except Stopped:
                    raise
                except BatchCliError as error:
                    return RunEnd(self._place, stop=error)

    def _wait(self, places: list[BatchPlace]) -> bool:
        """Wait for batches that run; False: the time is over."""
        self._saw_the_end = True
        clock = self._workspace.clock
        left = None if self._end is None else max(0.0, self._end - clock.monotonic())
        waited = wait(self._workspace, places, seconds=left)
        for one in waited.batches:
            self._workspace.say(Note(_how_it_stands(one)))
        return not waited.timed_out

    def _sends_more(self, parent: Parent) -> bool:
        """Send what may succeed now as the next attempt; False: there is nothing more to send.

        Raises:
            Rejected: the account may not spend more, or the provider refused.
        """
        if parent.batch is None or parent.next_number > self._order.attempts:
            return False
        newest = (parent.batch, *ended_attempts(parent.batch))[-1]
        is_over = is_wasted(newest) or newest.status is BatchStatus.CANCELLED
        if self._saw_the_end and is_over:
            return False
        chosen = choose(self._workspace, parent, Wish(with_billing=True), self._order.response_model)
        if not chosen.count:
            return False
        if self._saw_the_end and chosen.has_billing_error:
            raise _no_money(parent)
        self._send(parent, chosen)
        return True

    def _send(self, parent: Parent, chosen: Chosen) -> None:
        reasons = ", ".join(f"{count:,} {kind}" for kind, count in chosen.by_reason.most_common(5))
        self._workspace.say(
            Note(f"attempt {parent.next_number}: sending {chosen.count:,} requests again ({reasons})")
        )
        self._saw_the_end = True
        model = self._order.submit.model
        file = retry_file(self._workspace, parent, chosen, sent=self._sent)
        with closing(file.lines):
            name = f"attempt {parent.next_number} at {parent.name}"
            send(self._workspace, parent, replace(file, model=model), name=name, again=self._order.submit)


def _how_it_stands(batch: Batch) -> str:
    counts = batch.counts
    failed = f", {counts.failed:,} failed" if counts.failed else ""
    return f"{batch.id}: {batch.status}, {counts.answered:,} of {counts.total or 0:,} requests{failed}"


def _no_money(parent: Parent) -> Rejected:
    return Rejected(
        f"the account at {parent.provider} may not spend more, so nothing is sent again",
        hint="top it up, then run the same line again: it goes on with what is missing",
    )
