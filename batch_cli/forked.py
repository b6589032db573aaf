"""Forks of this process that do part of the work: they hand over values, and end."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import pickle
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Generic, Self, TypeVar

Task = TypeVar("Task")
Value = TypeVar("Value")

_PIPE = 1 << 20
"""Bytes that may wait between two processes; more is not allowed to everybody."""
_MOST_PROCESSES = 4
_DONE, _END = "done", "end"


def has_two_processors() -> bool:
    """Tell whether a fork is safe and cheap here, and gains something."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


class Forked:
    """A forked process that computes values and hands them over; it may fail in any way."""

    def __init__(self, compute: Callable[[], Iterable[object]]) -> None:
        """Start it. Call this while no other thread runs: what they do would stop in the middle.

        What is computed ends at the first None.
        """
        self._read_end, write_end = os.pipe()
        with contextlib.suppress(OSError):  # a small pipe does as well
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE)
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._read_end)
            _be_child(compute, write_end)
        os.close(write_end)
        self._stream = os.fdopen(self._read_end, "rb")

    def has_failed(self) -> bool:
        """Tell whether the child has ended without a value."""
        return bool(select.select([self._stream], [], [], 0)[0]) and not self._stream.peek(1)

    def result(self) -> Any:
        """Wait for the next value; None: there is none any more."""
        try:
            return pickle.load(self._stream)  # noqa: S301 - written by our own child
        except (EOFError, pickle.UnpicklingError):
            return None

    def stop(self) -> None:
        """End the child, wherever it is; to be called once, also after its values came."""
        self._stream.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _be_child(compute: Callable[[], Iterable[object]], write_end: int) -> None:
    """Compute, hand over, and end without anything of the parent's being cleaned up twice."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        gc.disable()  # what was there before would be copied only to be looked at
        with os.fdopen(write_end, "wb") as stream:
            for value in compute():
                if value is None:
                    break
                pickle.dump(value, stream, protocol=5)
                stream.flush()
            else:
                code = 0
    finally:
        os._exit(code)


class InTurns(Generic[Task, Value]):
    """Work on many tasks by forked processes, which take turns; the values come in the order of the tasks.

    Each process goes through all ``tasks``, which should cost little, and ``work``s on every second one, or third.
    None of them gets far ahead: what nobody has taken yet fills a pipe.
    """

    def __init__(
        self,
        tasks: Callable[[], Iterable[Task]],
        work: Callable[[Task], Iterable[Value]],
        *,
        worthwhile: bool = True,
    ) -> None:
        """Start the processes, if it is ``worthwhile`` and there are processors for them. No other thread may run."""
        self._tasks, self._work = tasks, work
        self._children: list[Forked] = []
        if worthwhile and has_two_processors():
            count = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
            self._children += [Forked(partial(self._share, turn, count)) for turn in range(count)]

    def _share(self, turn: int, count: int) -> Iterator[Value | str]:
        for task in islice(self._tasks(), turn, None, count):
            yield from self._work(task)
            yield _DONE
        yield _END

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        while self._children:
            self._children.pop().stop()

    def __iter__(self) -> Iterator[Value]:
        """Give all values; what a process failed to give is made here, and may raise here what it raised there."""
        done = given = 0
        while self._children:
            value = self._children[done % len(self._children)].result()
            if value is None:
                break
            if value == _END:
                return
            if value == _DONE:
                done, given = done + 1, 0
            else:
                given += 1
                yield value
        for task in islice(self._tasks(), done, None):
            yield from islice(self._work(task), given, None)
            given = 0
