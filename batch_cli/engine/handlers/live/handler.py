"""The handler: one request in, one answer of a model server out, however often it has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from batch_cli.engine.handlers.live.auto_path import as_chat, wants_chat
from batch_cli.engine.handlers.live.fleet import Fleet, ModelServer, Rest, WaitFor
from batch_cli.engine.handlers.live.halting import OnAccount, account_error
from batch_cli.engine.handlers.live.once import Once
from batch_cli.engine.handlers.live.rates import Place
from batch_cli.engine.handlers.live.reading import BAD_ANSWER, error_reply, read_answer
from batch_cli.engine.handlers.live.retrying import LATE, Tries, Verdict, backoff, judge, retry_after
from batch_cli.engine.handlers.live.transport import Lost, TooSlow, TransportError, Unreachable
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.errors import BatchCliError
from batch_cli.jsonl import dumps_exactly, exact
from batch_cli.model import CHAT, COMPLETIONS, JsonObject, JsonValue

_PROBE_SECONDS = 10.0
_TIMEOUT = 504
_BYTES_OF_TOKEN = 4
_LONGEST_ANSWER = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class Live:
    """Answers the calls of one batch.

    What a model server cannot take now is held back and tried again; what it refuses for good is the row's
    answer. While no server is there no request fails: they wait until ``rest`` says that nobody wants them any more,
    unless they were told not to.
    """

    max_batch = 1
    is_cpu_bound = False

    def __init__(  # noqa: PLR0913 - each is a wish of its own
        self,
        fleet: Fleet,
        rest: Rest,
        wait_for: WaitFor,
        *,
        model: str | None = None,
        on_account: OnAccount = OnAccount.ITS_ROW,
        waits: bool = True,
        once: Once | None = None,
        auto_path: bool = False,
    ) -> None:
        """Ask ``fleet``, for ``model`` where a request does not say it.

        ``on_account``: what is made of an answer that concerns the whole account. Without ``waits`` a request that
        found nobody, or no room, a few times has that for its answer, and all further ones have the same.
        ``once`` saves what was asked before; ``auto_path`` asks as a chat what is refused as a completion.
        """
        self._fleet, self._rest, self._wait_for = fleet, rest, wait_for
        self._model, self._on_account, self._waits, self._once = model, on_account, waits, once
        self._auto_path, self._chats = auto_path, False
        self._for_all: Reply | None = None
        """What befell one request and would befall every other: their answer, too."""

    async def __call__(self, calls: Sequence[Call]) -> list[Reply | None]:
        """Answer every call; None is one that is given back, because its batch is not wanted any more.

        Raises:
            Halt: the account can have no answer now, to this request or any other.
        """
        return [await self._answer(call) for call in calls]

    async def _answer(self, call: Call) -> Reply | None:
        url, body = self._written(call)
        if self._once is not None:
            return await self._once.ask(url, body, lambda: self._ask(call, url, body))
        return await (self._ask if self._auto_path else self.send)(call, url, body)

    async def _ask(self, call: Call, url: str, body: bytes) -> Reply | None:
        """Get an answer, as a chat where the server takes no completions."""
        chat = as_chat(call.body) if self._auto_path and url == COMPLETIONS else None
        if chat is None:
            return await self.send(call, url, body)
        if not self._chats:
            reply = await self.send(call, url, body)
            if reply is None or not wants_chat(reply):
                return reply
            self._chats = True
        return await self.send(call, CHAT, dumps_exactly({"model": self._model, **chat}))

    async def send(self, call: Call, url: str, body: bytes) -> Reply | None:
        """Send a request until there is an answer that stays."""
        tokens = _tokens_at_most(call.body, body) if self._fleet.rates.counts_tokens else 0
        tries = Tries()
        while self._for_all is None:
            found = await self._fleet.enter(tokens, self._rest, self._wait_for)
            if found is None:
                return None
            server, place = found
            self._fleet.figures.in_flight += 1
            try:
                reply, pause = await self._try(server, url, body, tries, place)
            finally:
                self._fleet.figures.in_flight -= 1
                server.flight.leave()
            if reply is not None and (pause is None or tries.is_over):
                return reply
            if pause and not await self._rest(pause):
                return None
        return self._for_all

    def _written(self, call: Call) -> tuple[str, bytes]:
        """Give path and body of a request; Gemini's path holds the model, and Mistral's lines do not name theirs."""
        value = exact(call.line, {"body": call.body})["body"]
        if self._model is not None and call.url.startswith(":"):
            return (
                f"/v1/models/{quote(self._model.removeprefix('models/'), safe='')}{call.url}",
                dumps_exactly(value),
            )
        if self._model is not None and isinstance(value, dict) and "model" not in value:
            value = {"model": self._model, **value}
        return call.url, dumps_exactly(value)

    async def _try(
        self, server: ModelServer, url: str, body: bytes, tries: Tries, place: Place | None
    ) -> tuple[Reply | None, float | None]:
        """Send a request once; give what came, and the seconds after which to try again unless that is the end."""
        sent_at = server.now()
        backend = server.backend
        try:
            answer = await server.transport.send("POST", backend.endpoint(url), body, backend.seconds)
        except TransportError as error:
            return await self._failed(server, error, sent_at, tries)
        reply = read_answer(url, answer)
        if reply.is_good:
            self._count(server, reply, sent_at, place)
            server.answered(answer.headers)
            return reply, None
        if self._on_account is not OnAccount.ITS_ROW:
            found = account_error(answer.status, reply.body["error"], backend.url)
            if found is not None:
                return self._refused(reply, found), None
        asked = retry_after(answer.headers)
        match judge(answer.status, reply.body["error"]):
            case Verdict.FINAL:
                server.answered(answer.headers)
                return reply, None
            case Verdict.FAULT:
                server.answered(answer.headers)
                tries.faults += 1
                return reply, max(asked or 0.0, backoff(tries.faults, server.pace.dice))
            case Verdict.NO_ROOM:
                is_room_for_others = server.pace.answered_at > sent_at
                tries.refusals += is_room_for_others
                server.refused(sent_at, f"status {answer.status}", asked, is_away=False)
                if not (self._waits or is_room_for_others):
                    self._give_up(tries, reply)
                return reply, 0.0

    def _refused(self, reply: Reply, error: BatchCliError) -> Reply:
        """Make of an answer that concerns the whole account what is wanted of it.

        Raises:
            Halt: the end of the work.
        """
        if self._on_account is OnAccount.HALT:
            raise Halt(error)
        self._for_all = self._for_all or reply
        return reply

    def _give_up(self, tries: Tries, reply: Reply) -> None:
        """Count a try that no server took; after the last one nobody else needs to try."""
        tries.faults += 1
        if tries.is_over and all(one.pace.is_away for one in self._fleet.servers):
            self._for_all = self._for_all or reply

    def _count(self, server: ModelServer, reply: Reply, sent_at: float, place: Place | None) -> None:
        tokens = self._fleet.figures.took(server.now() - sent_at, reply.body)
        if place is not None and tokens:
            place.took(tokens)

    async def _failed(
        self, server: ModelServer, error: TransportError, sent_at: float, tries: Tries
    ) -> tuple[Reply | None, float | None]:
        """Judge a request without a whole answer."""
        what = f"the model server at {server.backend.url} gave no answer: {error}"
        match error:
            case Unreachable():
                server.refused(sent_at, str(error), None, is_away=True)
                if self._waits:
                    return None, 0.0
                reply = error_reply(BAD_ANSWER, "backend_unreachable", what)
                self._give_up(tries, reply)
                return reply, 0.0
            case TooSlow():
                is_silent = self._waits and server.pace.answered_at <= sent_at
                if is_silent and not await self._is_there(server):
                    server.refused(sent_at, str(error), None, is_away=True)
                    return None, 0.0
                tries.faults += LATE
                reply = error_reply(_TIMEOUT, "backend_timeout", what)
            case Lost():
                tries.faults += 1
                reply = error_reply(BAD_ANSWER, "backend_connection_lost", what)
            case _:
                return error_reply(BAD_ANSWER, "backend_bad_answer", what), None
        return reply, backoff(tries.faults, server.pace.dice)

    async def _is_there(self, server: ModelServer) -> bool:
        """Ask for the models, which costs the server nothing; any answer is a sign of life."""
        url = server.backend.endpoint("/v1/models")
        try:
            await server.transport.send("GET", url, None, _PROBE_SECONDS)
        except TransportError:
            return False
        return True


def _tokens_at_most(body: JsonValue, raw: bytes) -> float:
    """Guess the tokens of a request and its answer: a quarter of its bytes, and the longest answer it asks for."""
    fields: JsonObject = body if isinstance(body, dict) else {}
    config = fields.get("generationConfig")
    asked = [fields.get(name) for name in _LONGEST_ANSWER]
    asked.append(config.get("maxOutputTokens") if isinstance(config, dict) else None)
    longest = max((one for one in asked if isinstance(one, int)), default=0)
    return len(raw) / _BYTES_OF_TOKEN + max(longest, 0)
