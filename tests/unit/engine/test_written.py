"""What a worker wrote down and did not live to record is not asked for again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from batch_cli.clock import SystemClock
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.options import LiveOptions, LiveSetup
from batch_cli.engine.lines import parse_call, result_line
from batch_cli.engine.live_worker import LiveBatch
from batch_cli.engine.queue import Queue
from batch_cli.engine.reply import Reply
from batch_cli.engine.store import NewBatch, ResultFile, Store
from batch_cli.events import ignore
from batch_cli.jsonl import dumps, loads
from tests.live_server import LiveServer
from tests.support import chat

KEY = "bci_" + "2e" * 16
SETTINGS = {"handler": "live", "via": "direct", "model": "m"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "engine", SystemClock())


def killed_after(store: Store, answers: list[tuple[int, Reply]], torn: bytes) -> str:
    """Leave a batch of six as a worker does that dies with ``answers`` written down, none of them recorded."""
    batch_id = store.stage(KEY, (dumps(chat(f"r{n}", f"row {n}")) for n in range(6)), "direct_")
    batch = store.add(batch_id, NewBatch(KEY, "/v1/chat/completions", "m", SETTINGS, {}, 6))
    queue = Queue(store)
    with queue.join() as lease:
        claims = queue.claim(lease.worker, 5, only=batch_id)
        file = ResultFile(store.results_path(batch_id))
        lines = [
            result_line(batch.id, claims[at].position, parse_call(queue.read(claims[at])), reply)
            for at, reply in answers
        ]
        file.write(lines)
        file.close()
    with store.results_path(batch_id).open("ab") as stream:
        stream.write(torn)
    queue.close()
    return batch_id


def test_only_what_has_no_answer_is_sent(store: Store) -> None:
    good, bad = Reply(200, {"choices": []}), Reply(400, {"error": {"message": "no", "code": "c"}})
    batch_id = killed_after(store, [(3, good), (0, bad), (2, good)], b'{"custom_id":"r1","id":"batch_req_dir')

    with LiveServer() as server:
        setup = LiveSetup((Backend(server.url),), LiveOptions(concurrency=2))
        assert LiveBatch(store, batch_id).work(setup, ignore, None, 5.0) is None

    assert server.answered == Counter({"row 1": 1, "row 4": 1, "row 5": 1})
    batch = store.batch(batch_id)
    assert batch is not None
    assert (batch.status, batch.completed, batch.failed) == ("completed", 5, 1)
    rows = [loads(result.line) for result in store.results(batch)]
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(6)]
    assert rows[0]["error"]["code"] == "c"


@pytest.mark.parametrize(
    "line",
    [
        b"\0" * 300,
        b"[]",
        b'{"id":"batch_req_direct_other_1","error":null}',
        b'{"id":"batch_req_%b_99","error":null}',
        b'{"id":"batch_req_%b_-1","error":null}',
        b'{"id":"batch_req_%b_x","error":null}',
        b'{"id":7,"error":null}',
    ],
)
def test_what_is_no_line_of_the_batch_counts_for_nothing(store: Store, line: bytes) -> None:
    batch_id = f"direct_{KEY.removeprefix('bci_')[:12]}"
    torn = line.replace(b"%b", batch_id.encode()) + b"\n"
    assert killed_after(store, [(0, Reply(200, {"choices": []}))], torn) == batch_id

    with LiveServer() as server:
        LiveBatch(store, batch_id).work(LiveSetup((Backend(server.url),), LiveOptions()), ignore, None, 5.0)

    assert len(server.came) == 5
