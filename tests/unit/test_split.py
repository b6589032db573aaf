"""Whatever step of a job's submit fails, the same order again ends with each shard submitted exactly once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch_cli.engine.store import Store
from batch_cli.errors import DiskError, InvalidInput
from batch_cli.events import Note, Progress
from batch_cli.jobs.split import Split
from batch_cli.jobs.submission import Submission, SubmitOrder
from batch_cli.jobs.submit import submit
from batch_cli.jobs.wait import wait
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import dumps
from batch_cli.messages import MessagesOptions
from batch_cli.model import Limits, ModelName
from batch_cli.pointer import read_pointer
from batch_cli.providers.base import EncodeOptions
from batch_cli.providers.local import LocalProvider
from batch_cli.state import Journal
from tests.support import FakeClock, Recorder, chat

LINES = [dumps(chat(f"r{n}")) for n in range(7)]
DATA = b"".join(line + b"\n" for line in LINES)
STEPS = [(Journal, "plan"), (Journal, "move"), (LocalProvider, "stage"), (LocalProvider, "create")]
"""What a submit does that is there afterwards, in the journal and at the provider."""


def order(data: Callable[[], bytes] = lambda: DATA, *, again: bool = False) -> SubmitOrder:
    return SubmitOrder(
        lambda: io.BytesIO(data()),
        "r.jsonl",
        ModelName("local", "simulate"),
        EncodeOptions("simulate"),
        MessagesOptions(),
        split=Split(requests=3),
        again=again,
    )


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool, error: BaseException) -> Iterator[None]:
    """Let the ``at``-th step from now on fail, before or after it was done."""
    count = 0

    def broken(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == at and not after:
                raise error
            value = real(*args, **options)
            if count == at:
                raise error
            return value

        return step

    with monkeypatch.context() as patch:
        for owner, name in STEPS:
            patch.setattr(owner, name, broken(getattr(owner, name)))
        yield


def stored(workspace: Workspace) -> list[tuple[str, list[bytes]]]:
    """Give the id and the requests of every batch that the engine has, oldest first."""
    store = Store(workspace.state / "engine", workspace.clock)
    ids = [row[0] for row in store.database.rows("select id from batch order by seq")]
    found = [(one, store.input_path(one).read_bytes().splitlines()) for one in ids]
    store.close()
    return found


def check_whole(workspace: Workspace, done: Submission, directory: Path) -> None:
    batches = stored(workspace)
    assert [requests for _, requests in batches] == [LINES[:3], LINES[3:6], LINES[6:]]
    assert [batch.id for batch in done.batches] == [one for one, _ in batches]
    assert read_pointer(directory, "local") == [one for one, _ in batches]
    assert len(workspace.journal.newest(most=99)) == 3
    assert workspace.journal.database.row("select count(*) from intent") == (3,)
    assert workspace.journal.database.row("select count(*) from job") == (1,)


# plan, and for each of three shards: stage, staged, creating, create, done
@pytest.mark.parametrize("at", range(1, 17))
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), DiskError("no space left")])
def test_a_submit_that_fails_at_any_step_is_finished_by_the_next(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    after: bool,
    error: BaseException,
) -> None:
    with failing(monkeypatch, at, after=after, error=error), pytest.raises(type(error)):
        submit(workspace, order())

    fresh = Workspace(tmp_path, workspace.state, {}, workspace.clock, Recorder())
    check_whole(fresh, submit(fresh, order()), tmp_path)


def test_a_submit_that_fails_at_every_step_in_turn_is_finished_at_last(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run takes two steps and dies."""
    for _ in range(60):
        try:
            with failing(monkeypatch, 2, after=True, error=KeyboardInterrupt()):
                done = submit(workspace, order())
            break
        except KeyboardInterrupt:
            continue
    else:
        raise AssertionError("it never got to its end")

    check_whole(workspace, done, tmp_path)


def test_the_steps_that_fail_above_are_all_there_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch, 17, after=False, error=KeyboardInterrupt()):
        assert submit(workspace, order()).created


def test_what_was_sent_before_a_failure_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch, 10, after=False, error=DiskError("full")), pytest.raises(DiskError):
        submit(workspace, order())

    assert isinstance(workspace.listener, Recorder)
    (note,) = [event for event in workspace.listener.events if isinstance(event, Note) and event.warning]
    assert note.text.startswith("1 of the 3 batches of bcj_")
    assert note.hint == "the same command again goes on with the next one"


def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch, 10, after=True, error=KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        submit(workspace, order())
    real, created = LocalProvider.create, []

    def create(provider: LocalProvider, key: str, *rest: Any) -> Any:
        created.append(key)
        return real(provider, key, *rest)

    monkeypatch.setattr(LocalProvider, "create", create)
    submit(workspace, order())

    assert len(stored(workspace)) == 3
    assert len(created) == 1, "two of the three had been created before"


def test_progress_counts_over_the_whole_job(workspace: Workspace) -> None:
    job = submit(workspace, order()).batch.id
    assert isinstance(workspace.listener, Recorder)

    wait(workspace, [workspace.find_batch(job, None)])

    told = [(event.done, event.total) for event in workspace.listener.events if isinstance(event, Progress)]
    run = [one for one in told if one[1] == 7]
    assert run == sorted(run)
    assert run[-1] == (7, 7)
    assert {total for _, total in told} <= {None, 7}


def test_the_order_in_which_a_job_was_cut_stays_when_it_goes_on(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    with failing(monkeypatch, 8, after=True, error=KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        submit(workspace, order())

    done = submit(workspace, replace(order(), split=Split(requests=1)))

    check_whole(workspace, done, tmp_path)


def test_the_guard_of_a_job_lasts_a_day(workspace: Workspace, clock: FakeClock) -> None:
    first = submit(workspace, order())
    clock.advance(24 * 3600 - 1)
    same = submit(workspace, order())
    clock.advance(2)

    later = submit(workspace, order())

    assert (same.created, later.created) == (False, True)
    assert [batch.id for batch in same.batches] == [batch.id for batch in first.batches]
    assert not {batch.id for batch in first.batches} & {batch.id for batch in later.batches}


def test_asked_for_again_every_shard_is_sent_again(workspace: Workspace) -> None:
    first = submit(workspace, order())

    again = submit(workspace, order(again=True))

    assert not {batch.id for batch in first.batches} & {batch.id for batch in again.batches}
    assert len(stored(workspace)) == 6


@pytest.mark.parametrize("reads", [3, 4, 5, 6])
def test_a_file_that_changes_between_two_readings_is_never_sent_as_what_was_checked(
    workspace: Workspace, reads: int
) -> None:
    """It is opened to guess its kind, to see its size, to check it, to cut it, and once for each shard."""
    count = 0

    def data() -> bytes:
        nonlocal count
        count += 1
        return DATA if count <= reads else DATA.replace(b"Hi", b"Ho")

    with pytest.raises(InvalidInput, match="changed while it was read"):
        submit(workspace, order(data))
    for _, requests in stored(workspace):
        assert set(requests) <= set(LINES)


def test_the_narrower_of_two_limits_counts() -> None:
    limits = Limits(requests=10, bytes=None)

    assert Split().within(limits) == limits
    assert Split(requests=20, bytes=5).within(limits) == Limits(requests=10, bytes=5)
    assert Split(requests=2).within(limits) == Limits(requests=2)
