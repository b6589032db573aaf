"""Waiting for a batch elsewhere, on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from batch_cli.errors import Temporary
from batch_cli.events import Note
from batch_cli.model import Batch, BatchStatus, RequestCounts
from batch_cli.providers.hosted.polling import poll
from tests.support import FakeClock, Recorder


def batch(word: str, done: int = 0) -> Batch:
    known = word in list(BatchStatus)
    status = BatchStatus(word) if known else BatchStatus.UNKNOWN
    return Batch("batch_1", "openai", status, word, counts=RequestCounts(total=9, completed=done))


def trouble(later: float | None = None) -> Temporary:
    error = Temporary("no answer", where="HTTP 502")
    error.later = later
    return error


class Answers:
    """What a provider says, one after the other, the last for ever; and when it was asked."""

    def __init__(self, clock: FakeClock, answers: Iterable[Batch | Temporary | None]) -> None:
        self._clock, self._answers = clock, list(answers)
        self.asked_at: list[float] = []

    def __call__(self) -> Batch | None:
        self.asked_at.append(self._clock.monotonic())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Temporary):
            raise answer
        return answer

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in zip(self.asked_at, self.asked_at[1:], strict=False)]


@pytest.fixture
def said() -> Recorder:
    return Recorder()


def texts(said: Recorder, wanted: Callable[[Note], bool] = lambda note: not note.detail) -> list[str]:
    return [event.text for event in said.events if isinstance(event, Note) and wanted(event)]


def test_hours_without_an_answer_are_survived_and_told_now_and_then(clock: FakeClock, said: Recorder) -> None:
    answers = Answers(clock, [*[trouble()] * 300, batch("completed", 9)])

    found = poll(answers, clock, said, None, is_here=False)

    assert found is not None
    assert found.status is BatchStatus.COMPLETED
    hours = (answers.asked_at[-1] - answers.asked_at[0]) / 3600
    assert 4 < hours < 6
    assert 20 < len(texts(said)) < 40
    assert texts(said)[-1] == "there are answers again"


def test_the_pause_grows_while_nothing_happens_and_starts_again_when_something_does(
    clock: FakeClock, said: Recorder
) -> None:
    same = [batch("in_progress", 1)] * 20
    answers = Answers(clock, [*same, batch("in_progress", 2), batch("completed", 9)])

    poll(answers, clock, said, None, is_here=False)

    assert answers.pauses[0] < 2.5
    assert 48 <= max(answers.pauses) <= 72
    assert answers.pauses[-1] < 2.5


def test_an_interval_is_the_longest_pause(clock: FakeClock, said: Recorder) -> None:
    answers = Answers(clock, [*[batch("in_progress")] * 30, batch("completed")])

    poll(answers, clock, said, None, is_here=False, interval=5)

    assert 4 < max(answers.pauses) <= 6


def test_it_is_never_asked_before_the_time_it_asks_for(clock: FakeClock, said: Recorder) -> None:
    answers = Answers(clock, [trouble(later=900), batch("completed")])

    poll(answers, clock, said, None, is_here=True)

    assert answers.pauses == [900]


def test_an_absurd_demand_is_not_followed(clock: FakeClock, said: Recorder) -> None:
    answers = Answers(clock, [trouble(later=1e9), batch("completed")])

    poll(answers, clock, said, None, is_here=False)

    assert answers.pauses[0] < 4


def test_an_unknown_status_is_told_once_and_waited_for_to_the_end_of_the_time(
    clock: FakeClock, said: Recorder
) -> None:
    found = poll(Answers(clock, [batch("hibernating")]), clock, said, 3600, is_here=False)

    assert found is not None
    assert found.raw_status == "hibernating"
    assert texts(said) == ["batch_1 has a status that is not known here: hibernating"]
    assert clock.monotonic() == pytest.approx(1_000 + 3600)


def test_no_answer_to_the_end_of_the_time_is_an_error(clock: FakeClock, said: Recorder) -> None:
    with pytest.raises(Temporary):
        poll(Answers(clock, [trouble()]), clock, said, 60, is_here=False)
