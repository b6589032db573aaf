"""The handler of a cluster, over nodes that are plain objects of this process; `tests/ray` has real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from batch_cli.engine.cluster.actor import Answerer, Given, Job
from batch_cli.engine.cluster.connection import Cluster, Lost
from batch_cli.engine.cluster.handler import Clustered, ClusterHandlers, shares
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.options import LiveOptions, LiveSetup
from batch_cli.engine.handlers.maker import Handlers
from batch_cli.engine.queue import MOST_ATTEMPTS, Claim
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.engine.store import StoredBatch
from batch_cli.errors import Rejected, Temporary, UsageError
from batch_cli.jsonl import dumps, loads
from tests.support import chat


class FakeNode:
    """An `Answerer` in this process that dies at a row named ``killer``, or when it is told."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster, self._answerer = cluster, Answerer()
        self._death: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def open(self, job: Job) -> int:
        if self._cluster.is_barren:
            raise Lost("no room")
        return int(await self._alive(self._answerer.open(job)))

    async def take(self, rows: Mapping[int, bytes]) -> None:
        self._cluster.groups.append([*rows])
        if len(self._cluster.groups) >= self._cluster.awaited:
            self._cluster.is_busy.set()
        if any(b"killer" in line for line in rows.values()):
            self._cluster.deaths += 1
            self.die()
        await self._alive(self._answerer.take(rows))

    async def give(self) -> Given:
        found: Given = await self._alive(self._answerer.give())
        return found

    async def stop(self) -> None:
        await self._alive(self._answerer.stop())

    def die(self) -> None:
        if not self._death.done():
            self._death.set_exception(Lost("killed"))
            self._death.exception()

    kill = die

    async def _alive(self, work: Any) -> Any:
        done = asyncio.ensure_future(work)
        await asyncio.wait({done, self._death}, return_when=asyncio.FIRST_COMPLETED)
        if self._death.done():
            done.cancel()
            raise Lost("killed")
        return done.result()


class FakeCluster:
    processors = 2
    awaited = 1
    """Groups of rows that make it busy."""

    def __init__(self) -> None:
        self.nodes: list[FakeNode] = []
        self.groups: list[list[int]] = []
        self.deaths = 0
        self.is_barren = self.is_closed = False
        self.is_busy = asyncio.Event()

    def start(self) -> FakeNode:
        self.nodes.append(FakeNode(self))
        return self.nodes[-1]

    def close(self) -> None:
        self.is_closed = True


class Scripted:
    """The handler on the nodes: slow for ``slow``, refused for ``halt``, broken for ``broken``."""

    is_cpu_bound, max_batch = False, 1

    async def __call__(self, calls: Sequence[Call]) -> list[Reply | None]:
        (call,) = calls
        if "slow" in call.custom_id:
            await asyncio.sleep(30)
        if "halt" in call.custom_id:
            raise Halt(Rejected("no money", hint="top it up"))
        if "broken" in call.custom_id:
            raise ZeroDivisionError("a bug")
        return [Reply(200, {"echo": call.custom_id})]


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handlers, "make", lambda *_: Scripted())


def batch(total: int) -> StoredBatch:
    return StoredBatch(
        1, "batch_1", "k", "in_progress", "/v1/chat/completions", "simulate", {}, {}, total, 0, 0, 0.0, None, None,
        None, 0, 0, 0,
    )  # fmt: skip


class Gathered:
    """What came of rows by these names: result lines by id, claims that were given back, why the work is halted."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.rows: dict[str, Any] = {}
        self.unanswered: list[str] = []
        self.halt: BaseException | None = None
        self.told: list[str] = []

    async def gather(self, handler: Clustered) -> None:
        claims = [(Claim(1, n, 0, 0, 1), dumps(chat(name))) for n, name in enumerate(self.names)]
        async for news in handler.answer(claims):
            for one in news.answered:
                row = loads(one.line)
                assert row["custom_id"] == self.names[one.claim.position]
                assert row["custom_id"] not in self.rows
                assert one.is_good == (row["error"] is None)
                self.rows[row["custom_id"]] = row
            self.unanswered += [self.names[claim.position] for claim in news.unanswered]
            self.halt = self.halt or news.halt


def answer(
    *names: str, cluster: FakeCluster | None = None, blames: bool = True, after: Any = None
) -> Gathered:
    """Have rows by these names answered."""
    found = Gathered(names)

    async def ask() -> None:
        unwanted = asyncio.Event()
        used = cluster or FakeCluster()
        maker = ClusterHandlers(lambda: cast("Cluster", used), None, found.told.append, blames=blames)
        handler = maker.make(batch(len(names)), unwanted)
        try:
            asked = asyncio.ensure_future(found.gather(handler))
            if after is not None:
                await after(handler, used, unwanted)
            async with asyncio.timeout(20):
                await asked
        finally:
            await maker.close()
            assert used.is_closed

    asyncio.run(ask())
    return found


def test_every_row_comes_once_from_all_nodes() -> None:
    cluster, names = FakeCluster(), [f"r{n}" for n in range(100)]

    found = answer(*names, cluster=cluster)

    assert sorted(found.rows) == sorted(names)
    assert found.rows["r7"]["id"] == "batch_req_batch_1_7"
    assert found.rows["r7"]["response"]["body"] == {"echo": "r7"}
    assert len(cluster.groups) == 2


def test_a_node_has_no_more_rows_than_keep_it_busy_before_it_has_answered_any() -> None:
    cluster, slow = FakeCluster(), [f"slow{n}" for n in range(200)]
    cluster.awaited = 2

    async def unwant(handler: Clustered, cluster: FakeCluster, unwanted: asyncio.Event) -> None:
        await cluster.is_busy.wait()
        assert (sum(map(len, cluster.groups)), handler.room) == (128, -72)
        unwanted.set()
        for node in cluster.nodes:
            node.die()

    found = answer(*slow, cluster=cluster, after=unwant)

    assert sorted(found.unanswered) == sorted(slow)


def test_fast_rows_wait_at_the_node_beyond_those_that_it_works_at() -> None:
    cluster, names = FakeCluster(), [f"r{n}" for n in range(4_000)]

    answer(*names, cluster=cluster)

    assert max(map(len, cluster.groups)) > 64


def test_the_rows_of_a_node_that_is_lost_are_answered_by_another() -> None:
    async def kill_one(_handler: Clustered, cluster: FakeCluster, _unwanted: asyncio.Event) -> None:
        await cluster.is_busy.wait()
        cluster.nodes[0].die()  # the first to be ready has all

    found = answer("a", "b", "c", "d", after=kill_one)

    assert sorted(found.rows) == ["a", "b", "c", "d"]
    assert "4 rows run again" in found.told[0]


def test_a_row_that_kills_every_node_fails_alone() -> None:
    cluster, names = FakeCluster(), ["a", "b", "killer", "c", "d"]

    found = answer(*names, cluster=cluster)

    assert [name for name, row in found.rows.items() if row["error"] is not None] == ["killer"]
    assert found.rows["killer"]["error"]["type"] == "abandoned"
    assert sorted(found.rows) == sorted(names)
    assert cluster.deaths == MOST_ATTEMPTS


def test_a_cluster_that_loses_every_node_halts_the_work() -> None:
    cluster = FakeCluster()
    cluster.is_barren = True

    found = answer("a", cluster=cluster)

    assert isinstance(found.halt, Temporary)
    assert found.unanswered == ["a"]


def test_what_halts_a_node_halts_the_worker_with_its_words_and_keeps_what_was_answered() -> None:
    found = answer("a", "halt", "b")

    assert isinstance(found.halt, Rejected)
    assert (found.halt.message, found.halt.hint) == ("no money", "top it up")
    assert "halt" in found.unanswered
    assert sorted([*found.rows, *found.unanswered]) == ["a", "b", "halt"]


def test_a_row_whose_handler_breaks_fails_alone() -> None:
    found = answer("a", "broken", "b")

    assert found.rows["broken"]["error"]["message"] == "the handler broke: ZeroDivisionError: a bug"
    assert found.rows["b"]["error"] is None


def test_a_bug_on_a_node_halts_the_work_in_place_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_cli.engine.cluster.actor.parse_call", lambda *_: 1 / 0)

    found = answer("a", "b")

    assert isinstance(found.halt, ExceptionGroup)
    assert sorted(found.unanswered) == ["a", "b"]


def test_what_no_node_has_begun_with_is_given_back_when_nobody_wants_it() -> None:
    cluster = FakeCluster()
    cluster.processors = 1
    names = [f"slow{n}" for n in range(70)]  # more than a node has at once

    async def unwant(_handler: Clustered, cluster: FakeCluster, unwanted: asyncio.Event) -> None:
        await cluster.is_busy.wait()
        unwanted.set()
        await asyncio.sleep(0.05)
        cluster.nodes[0].die()

    found = answer(*names, cluster=cluster, after=unwant)

    assert sorted(found.unanswered) == sorted(names)
    assert found.told == []
    assert len(cluster.nodes) == 1


def test_each_node_gets_its_share_of_the_limits_and_no_more_nodes_than_requests_ask() -> None:
    options = LiveOptions(concurrency=10, per_minute=9, tokens_per_minute=1_000)

    each = shares(LiveSetup((Backend("http://127.0.0.1:1/v1"),), options), 4)
    alone = shares(LiveSetup((), LiveOptions(concurrency=1)), 4)

    shared = LiveSetup.decode(each[0][0]).options
    assert (shared.per_minute, shared.tokens_per_minute) == (2, 250)
    assert [slots for _, slots in each] == [3, 3, 2, 2]
    assert [slots for _, slots in alone] == [1]


def test_answers_cannot_be_kept_for_a_cluster() -> None:
    from pathlib import Path

    setup = LiveSetup((), LiveOptions(dedupe=True), Path("answers.db"))

    with pytest.raises(UsageError, match="--dedupe and --cache"):
        ClusterHandlers(lambda: cast("Cluster", FakeCluster()), setup, print)
