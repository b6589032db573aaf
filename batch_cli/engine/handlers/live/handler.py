"""The handler: one request in, one answer of the model server out, however often it has to be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.handlers.live.pace import Pace
from batch_cli.engine.handlers.live.reading import BAD_ANSWER, error_reply, read_answer
from batch_cli.engine.handlers.live.retrying import LATE, Tries, Verdict, backoff, judge, retry_after
from batch_cli.engine.handlers.live.transport import (
    Lost,
    TooSlow,
    Transport,
    TransportError,
    Unreachable,
)
from batch_cli.engine.reply import Call, Reply
from batch_cli.jsonl import dumps_exactly, exact

_PROBE_SECONDS = 10.0
_TIMEOUT = 504


@dataclass(frozen=True, slots=True)
class ModelServer:
    """What the handlers of all batches share."""

    backend: Backend
    transport: Transport
    pace: Pace
    now: Callable[[], float]
    """The steady clock that ``pace`` has, too."""


class Live:
    """Answers the calls of one batch.

    What the model server cannot take now is held back and tried again; what it refuses for good is the row's
    answer. While the server is away no request fails: they wait until ``rest`` says that nobody wants them any more.
    """

    max_batch = 1
    is_cpu_bound = False

    def __init__(self, server: ModelServer, rest: Callable[[float], Awaitable[bool]]) -> None:
        """Ask ``server``; ``rest`` waits so many seconds and tells whether the batch is still wanted."""
        self._server, self._rest = server, rest

    async def __call__(self, calls: Sequence[Call]) -> list[Reply | None]:
        """Answer every call; None is one that is given back, because its batch is not wanted any more."""
        return [await self._answer(call) for call in calls]

    async def _answer(self, call: Call) -> Reply | None:
        body = dumps_exactly(exact(call.line, {"body": call.body})["body"])
        tries = Tries()
        while True:
            while (delay := self._server.pace.delay()) > 0:
                if not await self._rest(delay):
                    return None
            reply, pause = await self._try(call.url, body, tries)
            if reply is not None and (pause is None or tries.is_over):
                return reply
            if not await self._rest(pause or 0.0):
                return None

    async def _try(self, url: str, body: bytes, tries: Tries) -> tuple[Reply | None, float | None]:
        """Send a request once; give what came, and the seconds after which to try again unless that is the end."""
        server = self._server
        sent_at = server.now()
        try:
            answer = await server.transport.send(
                "POST", server.backend.endpoint(url), body, server.backend.seconds
            )
        except TransportError as error:
            return await self._failed(error, sent_at, tries)
        reply = read_answer(url, answer)
        asked = retry_after(answer.headers)
        match Verdict.FINAL if reply.is_good else judge(answer.status, reply.body["error"]):
            case Verdict.FINAL:
                server.pace.answered()
                return reply, None
            case Verdict.FAULT:
                server.pace.answered()
                tries.faults += 1
                return reply, max(asked or 0.0, backoff(tries.faults, server.pace.dice))
            case Verdict.NO_ROOM:
                tries.refusals += server.pace.answered_at > sent_at
                server.pace.refused(sent_at, f"status {answer.status}", wait=asked, is_away=False)
                return reply, 0.0

    async def _failed(
        self, error: TransportError, sent_at: float, tries: Tries
    ) -> tuple[Reply | None, float | None]:
        """Judge a request without a whole answer."""
        server = self._server
        what = f"the model server at {server.backend.url} gave no answer: {error}"
        match error:
            case Unreachable():
                server.pace.refused(sent_at, str(error), wait=None, is_away=True)
                return None, 0.0
            case TooSlow():
                if server.pace.answered_at <= sent_at and not await self._is_there():
                    server.pace.refused(sent_at, str(error), wait=None, is_away=True)
                    return None, 0.0
                tries.faults += LATE
                reply = error_reply(_TIMEOUT, "backend_timeout", what)
            case Lost():
                tries.faults += 1
                reply = error_reply(BAD_ANSWER, "backend_connection_lost", what)
            case _:
                return error_reply(BAD_ANSWER, "backend_bad_answer", what), None
        return reply, backoff(tries.faults, server.pace.dice)

    async def _is_there(self) -> bool:
        """Ask for the models, which costs the server nothing; any answer is a sign of life."""
        url = self._server.backend.endpoint("/v1/models")
        try:
            await self._server.transport.send("GET", url, None, _PROBE_SECONDS)
        except TransportError:
            return False
        return True
