"""From an intent to its batch: what is looked for before anything is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from batch_cli.errors import OutcomeUnknown, Rejected, Temporary
from batch_cli.jobs.intents import carry_out
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch, BatchStatus
from batch_cli.providers.base import Input, Provider
from batch_cli.state import Intent, NewIntent

NEW = NewIntent("openai", "m", "/v1/chat/completions", "r.jsonl", "ab" * 32, 10, 2, None, {}, {})
BATCH = Batch("batch_1", "openai", BatchStatus.QUEUED, "validating")
SOURCE = Input(lambda: iter(()), 2, 10, "ab" * 32)

Outcome = Exception | Batch | None


class Scripted:
    """A provider whose creates and finds end as they are told, and which remembers what it was asked."""

    def __init__(self, **outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes
        self.asked: list[str] = []

    def stage(self, *_: object) -> str:
        self.asked.append("stage")
        return "file-1"

    def create(self, *_: object) -> Any:
        return self._next("create")

    def find(self, *_: object) -> Any:
        return self._next("find")

    def _next(self, name: str) -> Outcome:
        self.asked.append(name)
        outcome = self._outcomes[name].pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


Run = Callable[[Scripted], tuple[Intent, Batch]]


@pytest.fixture
def run(workspace: Workspace) -> Run:
    workspace.journal.prepare(NEW)

    def once(provider: Scripted) -> tuple[Intent, Batch]:
        intent = workspace.journal.same_content(NEW)
        assert intent is not None
        return carry_out(workspace.journal, cast("Provider", provider), intent, SOURCE)

    return once


def test_a_create_that_was_refused_is_not_looked_for(run: Run) -> None:
    first = Scripted(create=[Temporary("busy")])
    with pytest.raises(Temporary):
        run(first)
    second = Scripted(create=[BATCH])
    run(second)

    assert (first.asked, second.asked) == (["stage", "create"], ["create"])


def test_a_lost_answer_is_looked_for_before_one_more_create(run: Run) -> None:
    provider = Scripted(create=[OutcomeUnknown("lost"), BATCH], find=[None])
    intent, batch = run(provider)

    assert provider.asked == ["stage", "create", "find", "create"]
    assert (intent.state, intent.batch, batch.id) == ("done", "batch_1", "batch_1")


@pytest.mark.parametrize("refusal", [Temporary("busy"), Rejected("no")])
def test_a_refusal_behind_a_lost_answer_does_not_make_it_forgotten(run: Run, refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        run(Scripted(create=[OutcomeUnknown("lost"), refusal], find=[None]))
    second = Scripted(create=[refusal], find=[None])
    with pytest.raises(type(refusal)):
        run(second)
    third = Scripted(find=[BATCH])
    run(third)

    assert (second.asked, third.asked) == (["find", "create"], ["find"])
