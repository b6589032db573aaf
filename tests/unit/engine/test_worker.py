from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from batch_cli.clock import SystemClock
from batch_cli.engine.handlers.maker import Handlers
from batch_cli.engine.queue import MOST_ATTEMPTS, Queue
from batch_cli.engine.reply import Call, Reply
from batch_cli.engine.store import NewBatch, ResultFile, Store, StoredBatch
from batch_cli.engine.worker import Worker, WorkerOptions
from batch_cli.errors import DiskError
from batch_cli.events import Event, Progress, ignore
from batch_cli.jsonl import dumps, loads
from tests.support import Recorder, chat

KEY = "bci_" + "1f" * 16


class Scripted:
    """A handler whose answers the test writes."""

    is_cpu_bound = False

    def __init__(self, max_batch: int = 1, seconds: float = 0.0) -> None:
        self.max_batch, self.seconds = max_batch, seconds
        self.calls: list[list[str]] = []
        self.in_flight = self.peak = 0

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        self.in_flight += len(calls)
        self.peak = max(self.peak, self.in_flight)
        self.calls.append([call.custom_id for call in calls])
        await asyncio.sleep(self.seconds)
        self.in_flight -= len(calls)
        return [self.answer(call) for call in calls]

    def answer(self, call: Call) -> Reply:
        return Reply(200, {"echo": call.custom_id})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "engine", SystemClock())


def add(store: Store, count: int, key: str = KEY) -> str:
    batch_id = store.stage(key, (dumps(chat(f"r{n}")) for n in range(count)))
    store.add(batch_id, NewBatch(key, "/v1/chat/completions", "simulate", {}, {}, count))
    return batch_id


def use(monkeypatch: pytest.MonkeyPatch, handler: Scripted) -> Scripted:
    monkeypatch.setattr(Handlers, "make", lambda *_: handler)
    return handler


def batch(store: Store, batch_id: str) -> StoredBatch:
    found = store.batch(batch_id)
    assert found is not None
    return found


def test_every_request_is_answered_once_and_recorded_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = use(monkeypatch, Scripted(max_batch=7))
    batch_id = add(store, 1_500)

    assert Worker(store, WorkerOptions(only=batch_id), ignore).run() is None

    assert batch(store, batch_id).status == "completed"
    assert sorted(one for call in handler.calls for one in call) == sorted(f"r{n}" for n in range(1_500))
    assert max(map(len, handler.calls)) == 7
    rows = [loads(result.line) for result in store.results(batch(store, batch_id))]
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(1_500)]
    assert rows[3]["response"]["body"] == {"echo": "r3"}


@pytest.mark.parametrize("concurrency", [1, 5])
def test_never_more_calls_are_in_flight_than_allowed(
    store: Store, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    handler = use(monkeypatch, Scripted(seconds=0.001))
    batch_id = add(store, 40)

    Worker(store, WorkerOptions(concurrency=concurrency, only=batch_id), ignore).run()

    assert handler.peak == concurrency


def test_progress_is_told_up_to_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Scripted())
    batch_id, recorder = add(store, 30), Recorder()

    Worker(store, WorkerOptions(only=batch_id), recorder).run()

    last = recorder.events[-1]
    assert isinstance(last, Progress)
    assert (last.done, last.total, last.failed) == (30, 30, 0)


def test_a_bad_reply_is_a_failed_row_with_its_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = use(monkeypatch, Scripted())
    body = {"error": {"message": "too busy", "type": "t", "code": "c"}}
    monkeypatch.setattr(handler, "answer", lambda _call: Reply(429, body))
    batch_id = add(store, 1)

    Worker(store, WorkerOptions(only=batch_id), ignore).run()

    (result,) = store.results(batch(store, batch_id))
    row = loads(result.line)
    assert not result.is_good
    assert row["response"]["status_code"] == 429
    assert row["error"] == {"code": "c", "message": "too busy", "type": "t"}


def test_a_handler_that_breaks_fails_its_rows_and_no_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = use(monkeypatch, Scripted())

    def answer(call: Call) -> Reply:
        if call.custom_id == "r1":
            raise RuntimeError("boom")
        return Reply(200, {})

    monkeypatch.setattr(handler, "answer", answer)
    batch_id = add(store, 3)

    Worker(store, WorkerOptions(only=batch_id), ignore).run()

    assert [result.is_good for result in store.results(batch(store, batch_id))] == [True, False, True]


def test_a_request_that_kills_its_workers_fails_in_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = use(monkeypatch, Scripted())
    batch_id = add(store, 2)
    queue = Queue(store)
    for _ in range(MOST_ATTEMPTS):
        lease = queue.join()
        claims = queue.claim(lease.worker, 1)
        assert [claim.position for claim in claims] == [0]
        os.close(lease._lock)
        queue.rescue()
    queue.close()

    Worker(store, WorkerOptions(only=batch_id), ignore).run()

    first, second = store.results(batch(store, batch_id))
    assert loads(first.line)["error"]["code"] == "abandoned"
    assert second.is_good
    assert handler.calls == [["r1"]]


def test_without_work_it_ends_after_lingering(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Scripted())
    batch_id = add(store, 3)

    Worker(store, WorkerOptions(linger=0.0), ignore).run()

    assert batch(store, batch_id).status == "completed"


def test_it_stops_when_its_time_is_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Scripted(seconds=0.05))
    batch_id = add(store, 1_000)

    started = time.monotonic()
    assert Worker(store, WorkerOptions(concurrency=1, only=batch_id, seconds=0.3), ignore).run() is None

    assert time.monotonic() - started < 5
    assert 0 < batch(store, batch_id).completed < 1_000
    assert batch(store, batch_id).running == 0


def test_a_signal_lets_running_calls_finish_and_gives_the_rest_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = use(monkeypatch, Scripted(seconds=0.2))
    batch_id = add(store, 1_000)

    def interrupt() -> None:
        while not handler.calls:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    number = Worker(store, WorkerOptions(concurrency=3, only=batch_id), ignore).run()
    thread.join()

    assert number == signal.SIGINT
    assert batch(store, batch_id).completed == 3
    assert batch(store, batch_id).running == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_request_is_not_blamed_for_workers_that_ended_before_they_began_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = add(store, 300)
    for _ in range(MOST_ATTEMPTS + 2):
        use(monkeypatch, Scripted(seconds=0.05))
        Worker(store, WorkerOptions(only=batch_id, seconds=0.07, concurrency=2), ignore).run()

    use(monkeypatch, Scripted())
    Worker(store, WorkerOptions(only=batch_id), ignore).run()

    assert (batch(store, batch_id).completed, batch(store, batch_id).failed) == (300, 0)
    assert {attempt for attempt, _ in store.attempts(batch(store, batch_id))} == {1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["the last turn", "leaving the queue"])
def test_a_signal_in_the_last_moments_is_not_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, moment: str
) -> None:
    """Whoever works at one batch after the other would go on with the next one."""
    use(monkeypatch, Scripted())
    batch_id = add(store, 3)
    real = Queue.leave

    def leave(queue: Queue, worker: int) -> None:
        if moment == "leaving the queue":
            os.kill(os.getpid(), number)
        real(queue, worker)

    def listen(event: Event) -> None:
        if moment == "the last turn" and isinstance(event, Progress) and event.done == event.total:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Queue, "leave", leave)

    assert Worker(store, WorkerOptions(only=batch_id), listen).run() == number
    assert batch(store, batch_id).has_ended


def test_a_signal_while_the_event_loop_ends_waits_for_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a callback of the loop the handler's exception would be logged and swallowed, and the loop never end."""
    use(monkeypatch, Scripted())
    batch_id = add(store, 3)

    class Raised(Exception):
        pass

    def stop(_number: int, _frame: object) -> None:
        raise Raised

    real = asyncio.BaseEventLoop.shutdown_asyncgens

    async def shutdown(loop: asyncio.BaseEventLoop) -> None:
        # To this thread: threads that other tests left behind would take it, though the worker holds it back.
        loop.call_soon(signal.pthread_kill, threading.get_ident(), signal.SIGTERM)
        await real(loop)
        await asyncio.sleep(0)

    monkeypatch.setattr(asyncio.BaseEventLoop, "shutdown_asyncgens", shutdown)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Raised):
            Worker(store, WorkerOptions(only=batch_id), ignore).run()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_that_was_ignored_before_stays_ignored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = use(monkeypatch, Scripted(seconds=0.05))
    batch_id = add(store, 30)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def interrupt() -> None:
        while not handler.calls:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        number = Worker(store, WorkerOptions(concurrency=3, only=batch_id), ignore).run()
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()

    assert number is None
    assert batch(store, batch_id).completed == 30


def test_a_leash_that_ends_stops_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = use(monkeypatch, Scripted(seconds=0.05))
    batch_id = add(store, 1_000)
    read_end, write_end = os.pipe()

    def let_go() -> None:
        while not handler.calls:
            time.sleep(0.01)
        os.close(write_end)

    thread = threading.Thread(target=let_go)
    thread.start()
    Worker(store, WorkerOptions(concurrency=1, only=batch_id, leash=read_end), ignore).run()
    thread.join()
    os.close(read_end)

    assert 0 < batch(store, batch_id).completed < 1_000


def test_a_cancel_while_it_works_ends_the_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handler = use(monkeypatch, Scripted(seconds=0.02))
    batch_id = add(store, 2_000)

    def cancel() -> None:
        while not handler.calls:
            time.sleep(0.01)
        other = Store(tmp_path / "engine", SystemClock())
        other.cancel(batch_id)
        other.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    Worker(store, WorkerOptions(concurrency=2, only=batch_id), ignore).run()
    thread.join()

    ended = batch(store, batch_id)
    assert ended.status == "cancelled"
    assert 0 < ended.completed < 2_000
    assert ended.completed == len(list(store.results(ended)))


def test_a_full_disk_stops_it_and_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from batch_cli.engine.store import ResultFile
    from batch_cli.errors import DiskError

    use(monkeypatch, Scripted())
    batch_id = add(store, 5)

    def full(_self: ResultFile, _lines: list[bytes]) -> list[tuple[int, int]]:
        raise DiskError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(ResultFile, "append", full)
        with pytest.raises(DiskError):
            Worker(store, WorkerOptions(only=batch_id), ignore).run()
    assert batch(store, batch_id).completed == 0

    Worker(store, WorkerOptions(only=batch_id), ignore).run()
    assert batch(store, batch_id).status == "completed"


class Watching(Scripted):
    """Answers at once, and looks at each call for what stands in the result file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.answered: list[str] = []
        self.missing: list[tuple[str, str]] = []

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        text = self.path.read_text() if self.path.exists() else ""
        waits = {f'"{one}"' for one in self.answered}
        self.missing += [(calls[0].custom_id, one) for one in waits if one not in text]
        replies = await super().__call__(calls)
        self.answered += [call.custom_id for call in calls]
        return replies


def test_a_live_answer_is_written_down_before_another_request_takes_its_place(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = add(store, 60)
    handler = Watching(store.results_path(batch_id))
    use(monkeypatch, handler)

    Worker(store, WorkerOptions(concurrency=1, only=batch_id, blames=False), ignore).run()

    assert len(handler.answered) == 60
    assert handler.missing == []


class Staying(Scripted):
    """Keeps one request until all others are recorded."""

    def __init__(self, store: Store, batch_id: str) -> None:
        super().__init__()
        self.store, self.batch_id = store, batch_id
        self.recorded = 0

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        if calls[0].custom_id == "r0":
            for _ in range(1_000):
                now = self.store.standing(self.batch_id)
                self.recorded = 0 if now is None else now.completed
                if now is None or self.recorded == now.total - 1:
                    break
                await asyncio.sleep(0.01)
        return [self.answer(call) for call in calls]


@pytest.mark.parametrize("blames", [False, True])
def test_answers_are_recorded_while_others_are_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blames: bool
) -> None:
    batch_id = add(store, 700)
    handler = Staying(Store(tmp_path / "engine", SystemClock()), batch_id)
    use(monkeypatch, handler)

    options = WorkerOptions(concurrency=2, only=batch_id, blames=blames, seconds=20)
    Worker(store, options, ignore).run()

    assert handler.recorded == 699
    assert batch(store, batch_id).completed == 700


def test_a_call_that_breaks_in_our_own_hands_ends_the_work_with_its_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Scripted())
    batch_id = add(store, 50)

    def full(*_: object) -> None:
        raise DiskError("no space left")

    monkeypatch.setattr(ResultFile, "write", full)

    with pytest.raises(DiskError):
        Worker(store, WorkerOptions(concurrency=2, only=batch_id, blames=False), ignore).run()
    assert batch(store, batch_id).completed == 0
