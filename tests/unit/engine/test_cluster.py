"""The handler of a cluster, over nodes that are plain objects of this process; `tests/ray` has real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from batch_cli.engine.cluster.actor import Answerer, Outcome, Row
from batch_cli.engine.cluster.connection import Cluster, Lost
from batch_cli.engine.cluster.handler import Clustered, ClusterHandlers, _shares
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.options import LiveOptions, LiveSetup
from batch_cli.engine.handlers.maker import Handlers
from batch_cli.engine.queue import MOST_ATTEMPTS
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.errors import Rejected, Temporary, UsageError
from batch_cli.jsonl import dumps
from tests.support import chat


class FakeNode:
    """An `Answerer` in this process that dies at a row named ``killer``, or when it is told."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster, self._answerer = cluster, Answerer()
        self._death: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def open(self, settings: dict[str, Any], live: bytes | None) -> int:
        if self._cluster.is_barren:
            raise Lost("no room")
        return int(await self._alive(self._answerer.open(settings, live)))

    async def take(self, rows: Sequence[Row]) -> None:
        self._cluster.groups.append([row.number for row in rows])
        if any(b"killer" in row.line for row in rows):
            self._cluster.deaths += 1
            self.die()
        await self._alive(self._answerer.take(rows))

    async def give(self) -> list[tuple[int, Outcome]]:
        found: list[tuple[int, Outcome]] = await self._alive(self._answerer.give())
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

    def __init__(self) -> None:
        self.nodes: list[FakeNode] = []
        self.groups: list[list[int]] = []
        self.deaths = 0
        self.is_barren = self.is_closed = False

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


def calls(*names: str) -> list[Call]:
    return [Call(name, "/v1/chat/completions", {}, dumps(chat(name))) for name in names]


def answer(
    *names: str, cluster: FakeCluster | None = None, blames: bool = True, after: Any = None
) -> tuple[Sequence[Reply | None], list[str]]:
    """Give the replies to calls by these names, and what was told meanwhile."""
    told: list[str] = []

    async def ask() -> Sequence[Reply | None]:
        unwanted = asyncio.Event()
        used = cluster or FakeCluster()
        maker = ClusterHandlers(lambda: cast("Cluster", used), None, told.append, blames=blames)
        handler = maker.make({}, unwanted)
        try:
            asked = asyncio.ensure_future(handler(calls(*names)))
            if after is not None:
                await after(handler, used, unwanted)
            async with asyncio.timeout(20):
                return await asked
        finally:
            await maker.close()
            assert used.is_closed

    return asyncio.run(ask()), told


def echoes(replies: Sequence[Reply | None]) -> list[Any]:
    return [None if reply is None else reply.body.get("echo") for reply in replies]


def test_replies_come_in_the_order_of_the_calls_from_all_nodes() -> None:
    cluster, names = FakeCluster(), [f"r{n}" for n in range(100)]

    replies, _ = answer(*names, cluster=cluster)

    assert echoes(replies) == names
    assert sorted(len(group) for group in cluster.groups) == [50, 50]


def test_the_rows_of_a_node_that_is_lost_are_answered_by_another() -> None:
    async def kill_one(_handler: Clustered, cluster: FakeCluster, _unwanted: asyncio.Event) -> None:
        await asyncio.sleep(0)
        cluster.nodes[0].die()

    replies, told = answer("a", "b", "c", "d", after=kill_one)

    assert echoes(replies) == ["a", "b", "c", "d"]
    assert "2 rows run again" in told[0]


def test_a_row_that_kills_every_node_fails_alone() -> None:
    cluster, names = FakeCluster(), ["a", "b", "killer", "c", "d"]

    replies, _ = answer(*names, cluster=cluster)

    assert echoes(replies) == ["a", "b", None, "c", "d"]
    assert replies[2] is not None
    assert replies[2].body["error"]["type"] == "abandoned"
    assert cluster.deaths == MOST_ATTEMPTS


def test_a_cluster_that_loses_every_node_halts_the_work() -> None:
    cluster = FakeCluster()
    cluster.is_barren = True

    with pytest.raises(Halt) as caught:
        answer("a", cluster=cluster)

    assert isinstance(caught.value.error, Temporary)


def test_what_halts_a_node_halts_the_worker_with_its_words() -> None:
    with pytest.raises(Halt) as caught:
        answer("halt")

    assert (caught.value.error.message, caught.value.error.hint) == ("no money", "top it up")


def test_a_handler_that_breaks_on_a_node_breaks_here() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug"):
        answer("broken")


def test_what_no_node_has_begun_with_is_given_back_when_nobody_wants_it() -> None:
    cluster = FakeCluster()
    cluster.processors = 1

    async def unwant(handler: Clustered, _cluster: FakeCluster, unwanted: asyncio.Event) -> None:
        handler._members.clear()  # so that rows are held
        await asyncio.sleep(0)
        unwanted.set()

    replies, _ = answer("a", "b", cluster=cluster, after=unwant)

    assert replies == [None, None]


def test_each_node_gets_its_share_of_the_limits_and_no_more_nodes_than_requests_ask() -> None:
    options = LiveOptions(concurrency=10, per_minute=9, tokens_per_minute=1_000)

    count, encoded = _shares(LiveSetup((Backend("http://127.0.0.1:1/v1"),), options), 4)
    alone, _ = _shares(LiveSetup((), LiveOptions(concurrency=1)), 4)

    shared = LiveSetup.decode(encoded).options
    assert (count, shared.per_minute, shared.tokens_per_minute) == (4, 2, 250)
    assert alone == 1


def test_answers_cannot_be_kept_for_a_cluster() -> None:
    from pathlib import Path

    setup = LiveSetup((), LiveOptions(dedupe=True), Path("answers.db"))

    with pytest.raises(UsageError, match="--dedupe and --cache"):
        ClusterHandlers(lambda: cast("Cluster", FakeCluster()), setup, print)
