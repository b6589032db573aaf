"""The handler with a transport whose answers the test writes; what goes over sockets is in test_connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.figures import Figures
from batch_cli.engine.handlers.live.fleet import Fleet, ModelServer
from batch_cli.engine.handlers.live.halting import OnAccount
from batch_cli.engine.handlers.live.handler import Live
from batch_cli.engine.handlers.live.pace import Pace
from batch_cli.engine.handlers.live.rates import Rates
from batch_cli.engine.handlers.live.retrying import MOST_FAULTS, MOST_REFUSALS
from batch_cli.engine.handlers.live.transport import (
    Answer,
    Lost,
    TooSlow,
    TransportError,
    Unreachable,
    Unusable,
)
from batch_cli.engine.lines import parse_call
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.model import CHAT
from tests.faulty import chat_answer
from tests.support import FakeClock, chat

Step = Answer | TransportError


def came(status: int = 200, body: Any = None, **headers: str) -> Answer:
    return Answer(status, {"content-type": "application/json", **headers}, json.dumps(body or {}).encode())


GOOD = came(body=chat_answer())


class Scene:
    """A handler, its server, and a clock that the waiting moves."""

    def __init__(self, script: Callable[[int], Step], patience: float = 1e9, **wishes: Any) -> None:
        self.script, self.patience = script, patience
        self.clock, self.lines, self.rests = FakeClock(), list[str](), list[float]()
        self.sent: list[tuple[str, str, bytes | None]] = []
        backend = Backend("http://m/v1")
        self.pace = Pace(backend.url, self.lines.append, self.clock.monotonic, Random(3))
        server = ModelServer(backend, self, self.pace, self.clock.monotonic)
        rates = Rates(None, None, self.clock.monotonic)
        self.live = Live(Fleet([server], rates, Figures()), self.rest, self.wait_for, **wishes)

    async def send(self, method: str, url: str, body: bytes | None, seconds: float) -> Answer:
        assert seconds > 0
        self.sent.append((method, url, body))
        step = self.script(len(self.sent) - 1)
        if isinstance(step, TransportError):
            raise step
        return step

    async def rest(self, seconds: float) -> bool:
        self.rests.append(seconds)
        self.clock.advance(seconds)
        return self.clock.steady < self.patience

    async def wait_for(self, something: asyncio.Future[None]) -> bool:
        await something
        return True

    def ask(self, call: Call | None = None) -> Reply | None:
        (reply,) = asyncio.run(self.live([call or Call("a", CHAT, {"model": "m"})]))
        return reply

    def answered(self, call: Call | None = None) -> Reply:
        reply = self.ask(call)
        assert reply is not None
        return reply


def in_turn(*steps: Step) -> Callable[[int], Step]:
    """Take one step after the other; the last one for ever."""
    return lambda number: steps[min(number, len(steps) - 1)]


def test_a_request_goes_to_its_endpoint_as_it_was_written() -> None:
    scene = Scene(in_turn(GOOD))
    line = json.dumps(chat("a", "Grüße", seed=12345678901234567890123)).encode()

    reply = scene.answered(parse_call(line))

    ((method, url, body),) = scene.sent
    assert (method, url) == ("POST", "http://m/v1/chat/completions")
    assert json.loads(body or b"") == json.loads(line)["body"]
    assert (reply.status, reply.body) == (200, chat_answer())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_for_good_is_never_sent_again(status: int) -> None:
    scene = Scene(in_turn(came(status, {"error": "no"}, **{"retry-after": "1"})))

    assert scene.answered().status == status
    assert len(scene.sent) == 1


@pytest.mark.parametrize("fault", [came(500), came(408), came(409), came(425), came(504), Lost("cut")])
def test_a_fault_is_tried_again_and_the_answer_counts(fault: Step) -> None:
    scene = Scene(in_turn(fault, fault, fault, fault, GOOD))

    assert scene.answered().is_good
    assert len(scene.sent) == 5


def test_a_request_that_always_fails_is_given_up_with_what_came_last() -> None:
    scene = Scene(in_turn(*[came(500, {"error": "one"})] * 4, came(500, {"error": "last"})))

    reply = scene.answered()

    assert (reply.status, reply.body["error"]["message"]) == (500, "last")
    assert len(scene.sent) == 5


def test_a_connection_that_always_breaks_is_a_502_in_its_row() -> None:
    reply = Scene(in_turn(Lost("its answer was cut off"))).answered()

    assert (reply.status, reply.body["error"]["code"]) == (502, "backend_connection_lost")
    assert "http://m/v1 gave no answer: its answer was cut off" in reply.body["error"]["message"]


def test_what_a_fault_asks_to_wait_is_waited() -> None:
    scene = Scene(in_turn(came(500, **{"retry-after": "17"}), GOOD))

    scene.answered()

    assert scene.rests == [17.0]


def test_a_server_that_is_away_burns_no_request() -> None:
    scene = Scene(in_turn(*[Unreachable("connection refused")] * 500, GOOD))

    assert scene.answered().is_good
    assert len(scene.sent) == 501
    assert [line.partition(" v1 ")[2] or line[:40] for line in scene.lines] == [
        "the model server at http://m/v1 is not t",
        "the model server at http://m/v1 is back ",
    ]


@pytest.mark.parametrize("status", [429, 502, 503, 529])
def test_without_room_a_request_waits_as_long_as_nobody_is_answered(status: int) -> None:
    scene = Scene(in_turn(*[came(status)] * 500, GOOD))

    assert scene.answered().is_good


def test_a_request_that_alone_finds_no_room_is_given_up() -> None:
    """Others are answered meanwhile, so that it is the request and not the server."""

    def refuse_this_one(_number: int) -> Answer:
        scene.clock.advance(0.001)
        scene.pace.answered()
        return came(503, {"error": "never you"})

    scene = Scene(refuse_this_one)

    assert scene.answered().status == 503
    assert len(scene.sent) == MOST_REFUSALS


def test_a_pause_holds_the_next_request_back_before_it_is_sent() -> None:
    scene = Scene(in_turn(GOOD))
    scene.pace.refused(scene.clock.monotonic(), "no", wait=40, is_away=False)

    scene.answered()

    assert scene.rests == [40.0]


def test_what_nobody_wants_any_more_is_given_back_unanswered() -> None:
    scene = Scene(in_turn(Unreachable("connection refused")), patience=1_100)

    assert scene.ask() is None


def test_a_late_answer_is_waited_for_twice_while_the_server_lives() -> None:
    """The sign of life is the list of models."""

    def slow_chats(number: int) -> Step:
        return TooSlow("no whole answer within 600 s") if scene.sent[number][0] == "POST" else came(404)

    scene = Scene(slow_chats)

    reply = scene.answered()

    assert (reply.status, reply.body["error"]["code"]) == (504, "backend_timeout")
    assert [method for method, _, _ in scene.sent] == ["POST", "GET", "POST", "GET"]


def test_a_server_that_hangs_burns_no_request() -> None:
    scene = Scene(in_turn(*[TooSlow("late")] * 40, GOOD))

    assert scene.answered().is_good


def test_an_answer_that_is_not_read_is_final() -> None:
    reply = Scene(in_turn(Unusable("its answer is packed (gzip)"))).answered()

    assert (reply.status, reply.body["error"]["code"]) == (502, "backend_bad_answer")


@pytest.mark.parametrize(
    ("step", "status"), [(Unreachable("connection refused"), 502), (came(503), 503), (came(429), 429)]
)
def test_where_nobody_waits_a_few_tries_that_no_server_took_are_the_answer_of_all_requests(
    step: Step, status: int
) -> None:
    scene = Scene(lambda _: step, waits=False)

    assert (scene.answered().status, scene.answered().status) == (status, status)
    assert len(scene.sent) == MOST_FAULTS, "the second request was not sent at all"


def test_where_nobody_waits_a_server_that_comes_back_in_time_answers() -> None:
    scene = Scene(lambda at: Unreachable("no") if at < MOST_FAULTS - 1 else GOOD, waits=False)

    assert scene.answered().is_good
    assert scene.answered().is_good


def test_a_silent_server_is_late_where_nobody_waits() -> None:
    scene = Scene(lambda _: TooSlow("late"), waits=False)

    assert scene.answered().status == 504
    assert {method for method, *_ in scene.sent} == {"POST"}, "it is not asked whether it is there"


def test_a_refused_account_can_be_the_answer_of_every_request_that_was_not_sent_yet() -> None:
    scene = Scene(lambda _: came(401, {"error": {"message": "no"}}), on_account=OnAccount.EVERY_ROW)

    assert (scene.answered().status, scene.answered().status) == (401, 401)
    assert len(scene.sent) == 1


def test_a_refused_account_stops_the_work() -> None:
    scene = Scene(lambda _: came(401, {"error": {"message": "no"}}), on_account=OnAccount.HALT)

    with pytest.raises(Halt):
        scene.ask()
