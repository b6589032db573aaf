from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_cli.forked import InTurns, has_two_processors

pytestmark = pytest.mark.skipif(not has_two_processors(), reason="needs Linux and two processors")


def here(number: int) -> Iterator[tuple[int, int]]:
    """Give two values that say which process made them."""
    yield number, os.getpid()
    yield -number, os.getpid()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_values_come_in_the_order_of_the_tasks(count: int) -> None:
    with InTurns(lambda: range(count), here) as values:
        found = list(values)

    assert [value for value, _ in found] == [one for number in range(count) for one in (number, -number)]
    assert os.getpid() not in {process for _, process in found}


def test_several_processes_work_at_once() -> None:
    with InTurns(lambda: range(10), here) as values:
        assert len({process for _, process in values}) > 1


def test_what_is_not_worthwhile_is_done_here() -> None:
    with InTurns(lambda: range(3), here, worthwhile=False) as values:
        assert {process for _, process in values} == {os.getpid()}


def test_one_processor_does_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    with InTurns(lambda: range(3), here) as values:
        assert {process for _, process in values} == {os.getpid()}


def test_what_a_killed_process_owes_is_made_here() -> None:
    parent = os.getpid()

    def work(number: int) -> Iterator[int]:
        yield number
        if number == 5 and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        yield -number

    with InTurns(lambda: range(10), work) as values:
        assert list(values) == [one for number in range(10) for one in (number, -number)]


def test_an_error_is_raised_here_after_what_came_before_it() -> None:
    def work(number: int) -> Iterator[int]:
        if number == 5:
            message = "no five"
            raise ValueError(message)
        yield number

    found: list[int] = []
    with InTurns(lambda: range(10), work) as values, pytest.raises(ValueError, match="no five"):
        found.extend(values)

    assert found == [0, 1, 2, 3, 4]


def test_no_process_stays_behind_when_nobody_wants_the_rest() -> None:
    with InTurns(lambda: range(1_000), lambda _number: iter([b"x" * 100_000])) as values:
        next(iter(values))
        children = [child._pid for child in values._children]

    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_nobody_runs_far_ahead_of_what_is_taken() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def work(_number: int) -> Iterator[bytes]:
        os.write(write_end, b".")
        yield b"x" * 1_000_000

    with InTurns(lambda: range(100), work) as values:
        iterator = iter(values)
        for _ in range(10):
            next(iterator)
        begun = os.read(read_end, 1_000)
    os.close(read_end)
    os.close(write_end)

    assert len(begun) <= 10 + 3 * 4
